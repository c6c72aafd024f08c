/** The integral of a gradient along a straight path: what all Integrated Gradients share. */
import {
  expand,
  eye,
  matmul,
  mul,
  OptionError,
  reshape,
  ShapeError,
  scope,
  stack,
  sub,
  type Tensor,
  tensor,
  vjp,
} from '@antecedent/tensor'
import { type QuadratureMethod, quadrature } from './quadrature.ts'

/** Captum's names and defaults. */
export interface PathOptions {
  /** points along the path; default 50 */
  nSteps?: number
  /** quadrature rule; default `gausslegendre` */
  method?: QuadratureMethod
  /** multiply by x − x′ (true, the default: attributions), or leave the mean gradient */
  multiplyByInputs?: boolean
  /** examples per pass; default: as many as fit a fixed budget of elements. Changes rounding only */
  internalBatchSize?: number | null
}

/** A function of the values on the path: one scalar per example, for one target or for a list of them. */
export type PathFunction = (values: Tensor[]) => Tensor | readonly Tensor[]

/** Elements of the path's values in one pass, by default: some hundred times as many are held for the backward. */
const elementsPerPass = 2 ** 19

/** The targets of a result as one tensor `[targets, …]`. */
export const asTargets = (y: Tensor | readonly Tensor[]): Tensor => stack(Array.isArray(y) ? y : [y as Tensor])

/**
 * Σₖ wₖ ∂F(x′ + αₖ (x − x′))/∂x, times x − x′ where asked, for several values on one path.
 *
 * The points are stacked on a new leading axis: F gets values `[points, …shape]` and must return `[points, …]`.
 * A pass of one point has no such axis, so `internalBatchSize: 1` serves an F that takes none.
 *
 * @param ends      x, one tensor per value
 * @param starts    x′, shapes that broadcast to those of x
 * @param examples  size of F's result at one point
 * @returns         per value `[targets, …shape]`
 */
export function integratePath(
  f: PathFunction,
  ends: readonly Tensor[],
  starts: readonly Tensor[],
  examples: number,
  options: PathOptions,
): Tensor[] {
  const { nSteps = 50, method = 'gausslegendre', multiplyByInputs = true, internalBatchSize = null } = options
  if (internalBatchSize !== null && !(Number.isInteger(internalBatchSize) && internalBatchSize > 0)) {
    throw new OptionError({
      op: 'integratePath',
      expected: 'a positive internalBatchSize',
      got: String(internalBatchSize),
    })
  }
  const { nodes, weights } = quadrature(method, nSteps)
  return scope(() => {
    const differences = ends.map((x, i) => sub(x, starts[i]!))
    const size = ends.reduce((total, x) => total + x.size, 0)
    const perPass = internalBatchSize === null ? elementsPerPass / size : internalBatchSize / examples
    const chunk = Math.min(nSteps, Math.max(1, Math.floor(perPass)))
    let sums: Tensor[] | null = null
    for (let at = 0; at < nSteps; at += chunk) {
      const [alphas, w] = [nodes.subarray(at, at + chunk), weights.subarray(at, at + chunk)]
      const before: Tensor[] | null = sums
      sums = scope((): Tensor[] => {
        const share = gradientSum(f, starts, differences, alphas, w, examples)
        return before ? share.map((x, i) => before[i]!.add(x)) : share
      })
      for (const x of before ?? []) x.dispose()
    }
    return multiplyByInputs ? sums!.map((x, i) => mul(x, differences[i]!)) : sums!
  })
}

/** The weighted sum of the gradients at some points of the path, per value `[targets, …shape]`. */
function gradientSum(
  f: PathFunction,
  starts: readonly Tensor[],
  differences: readonly Tensor[],
  alphas: Float64Array,
  weights: Float64Array,
  examples: number,
): Tensor[] {
  const n = alphas.length
  const alongPath = (values: Float64Array, like: Tensor) =>
    tensor(values, n === 1 ? [] : [n, ...like.shape.map(() => 1)], { dtype: like.dtype, device: like.device })
  const points = differences.map((d, i) => starts[i]!.add(mul(d, alongPath(alphas, d))))
  const { value, pullback } = vjp<Tensor[], Tensor>((values) => {
    const y = f(values)
    const targets = Array.isArray(y) ? y : [y as Tensor]
    return asTargets(targets.map((target) => (isFixed(target, values, examples) ? repeat(target, n) : target)))
  }, points)
  checkResult(value, n)
  const [targets] = value.shape as [number]
  const gradients = pullback(oneHot(targets, value)) // [targets, n, …shape]
  pullback.dispose()
  return gradients.map((g, i) => {
    const { shape, size } = differences[i]!
    const w = tensor(weights, [n], { dtype: g.dtype, device: g.device })
    // a product, so that the sum over the points accumulates in one go and is rounded once
    return reshape(matmul(w, reshape(g, [targets, n, size])), [targets, ...shape])
  })
}

/** Whether a result is that of one point, because no value on the path reaches it. */
const isFixed = (y: Tensor, values: readonly Tensor[], examples: number): boolean =>
  y.trace?.level !== values[0]!.trace?.level && y.size === examples

/** A result that the path does not move: the same at every point, so its attributions are 0 and not an error. */
const repeat = (y: Tensor, n: number): Tensor => (n === 1 ? y : expand(y, [n, ...y.shape]))

/** Cotangents that pull each target back by itself: `[targets, …y]`, ones where the target meets itself. */
function oneHot(targets: number, y: Tensor): Tensor {
  const identity = reshape(eye(targets, y), [targets, targets, ...y.shape.slice(1).map(() => 1)])
  return expand(identity, [targets, ...y.shape])
}

function checkResult(y: Tensor, n: number): void {
  if (n === 1 || y.shape[1] === n) return
  throw new ShapeError({
    op: 'integratedGradients',
    expected: `a function that keeps leading axes: a result [${n}, …] for ${n} points stacked in front`,
    got: `[${y.shape.slice(1).join(', ')}]`,
    hint: 'count axes from the end (-1 is the last), or set internalBatchSize: 1',
  })
}

/** One tensor's elements as plain data. */
export interface Elements {
  shape: number[]
  data: Float32Array | Float64Array
}

/** Reads a tensor. */
export const toElements = async (x: Tensor): Promise<Elements> => ({
  shape: [...x.shape],
  data: (await x.data()) as Float32Array | Float64Array,
})
