/** The integral of a gradient along a straight path: what all Integrated Gradients share. */
import {
  expand,
  eye,
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
  /** told after each pass how many of the points are done */
  onProgress?: (done: number, points: number) => void
}

/** A function of the values on the path: one scalar per example, for one target or for a list of them. */
export type PathFunction = (values: Tensor[]) => Tensor | readonly Tensor[]

/** Elements of the path's values in one pass, by default: some hundred times as many are held for the backward. */
const elementsPerPass = 2 ** 19

/** The targets of a result as one tensor `[targets, …]`. */
export const asTargets = (y: Tensor | readonly Tensor[]): Tensor => stack(Array.isArray(y) ? y : [y as Tensor])

/**
 * Σₖ wₖ ∂F(x′ + αₖ (x − x′))/∂x, times x − x′ where asked, for several values on one path. The sum and the product are
 * taken in f64 on the host, whatever the dtype and device of the gradients.
 *
 * The points are stacked on a new leading axis: F gets values `[points, …shape]` and must return `[points, …]`.
 * A pass of one point has no such axis, so `internalBatchSize: 1` serves an F that takes none.
 *
 * @param ends      x, one tensor per value
 * @param starts    x′, shapes that broadcast to those of x
 * @param examples  size of F's result at one point
 * @returns         per value `[targets, …shape]`
 */
export async function integratePath(
  f: PathFunction,
  ends: readonly Tensor[],
  starts: readonly Tensor[],
  examples: number,
  options: PathOptions,
): Promise<Elements[]> {
  const { nSteps = 50, method = 'gausslegendre', multiplyByInputs = true, internalBatchSize = null } = options
  if (internalBatchSize !== null && !(Number.isInteger(internalBatchSize) && internalBatchSize > 0)) {
    throw new OptionError({
      op: 'integratePath',
      expected: 'a positive internalBatchSize',
      got: String(internalBatchSize),
    })
  }
  const { nodes, weights } = quadrature(method, nSteps)
  const size = ends.reduce((total, x) => total + x.size, 0)
  const perPass = internalBatchSize === null ? elementsPerPass / size : internalBatchSize / examples
  const chunk = Math.min(nSteps, Math.max(1, Math.floor(perPass)))
  const sums: Elements[] = []
  for (let at = 0; at < nSteps; at += chunk) {
    const alphas = nodes.subarray(at, at + chunk)
    const gradients = scope(() => gradientsAt(f, ends, starts, alphas, examples))
    for (const [i, gradient] of gradients.entries()) {
      const shape = [gradient.shape[0]!, ...ends[i]!.shape]
      sums[i] ??= { shape, data: new Float64Array(sizeOf(shape)) }
      addWeighted(sums[i].data, await gradient.data(), weights.subarray(at, at + chunk), ends[i]!.size)
      gradient.dispose()
    }
    options.onProgress?.(Math.min(at + chunk, nSteps), nSteps)
  }
  if (multiplyByInputs) for (const [i, x] of ends.entries()) await multiplyBy(sums[i]!.data, x, starts[i]!)
  return sums
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** The gradients at some points of the path, per value `[targets, points, …shape]`; no axis of points for one. */
function gradientsAt(
  f: PathFunction,
  ends: readonly Tensor[],
  starts: readonly Tensor[],
  alphas: Float64Array,
  examples: number,
): Tensor[] {
  const n = alphas.length
  const points = ends.map((x, i) => {
    const { dtype, device } = x
    const along = tensor(alphas, n === 1 ? [] : [n, ...x.shape.map(() => 1)], { dtype, device })
    return starts[i]!.add(mul(sub(x, starts[i]!), along))
  })
  const { value, pullback } = vjp<Tensor[], Tensor>((values) => {
    const y = f(values)
    const targets = Array.isArray(y) ? y : [y as Tensor]
    return asTargets(targets.map((target) => (isFixed(target, values, examples) ? repeat(target, n) : target)))
  }, points)
  checkResult(value, n)
  const gradients = pullback(oneHot(value.shape[0]!, value))
  pullback.dispose()
  return gradients
}

/** sums[t, e] += Σₖ wₖ g[t, k, e]. */
function addWeighted(sums: Elements['data'], g: ArrayLike<number>, weights: Float64Array, size: number): void {
  const n = weights.length
  for (let row = 0; row * size < g.length; row++) {
    const to = Math.floor(row / n) * size
    const w = weights[row % n]!
    for (let e = 0; e < size; e++) sums[to + e]! += w * g[row * size + e]!
  }
}

/** Multiplies every target's sums by x − x′. */
async function multiplyBy(sums: Elements['data'], x: Tensor, start: Tensor): Promise<void> {
  const stretched = expand(start, x.shape)
  const [end, from] = [await x.data(), await stretched.data()]
  if (stretched !== start) stretched.dispose()
  for (let i = 0; i < sums.length; i++) sums[i]! *= end[i % end.length]! - from[i % end.length]!
}

/** Whether a result is that of one point, because no value on the path reaches it. */
const isFixed = (y: Tensor, values: readonly Tensor[], examples: number): boolean =>
  y.trace?.level !== values[0]!.trace?.level && y.size === examples

/** A result that the path does not move: the same at every point, so its attributions are 0 and not an error. */
const repeat = (y: Tensor, n: number): Tensor => (n === 1 ? y : expand(y, [n, ...y.shape]))

/** Cotangents that pull each target back by itself: `[targets, …y]`, ones where the target meets itself. */
function oneHot(targets: number, y: Tensor): Tensor {
  const identity = reshape(eye(targets, targets, y), [targets, targets, ...y.shape.slice(1).map(() => 1)])
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
