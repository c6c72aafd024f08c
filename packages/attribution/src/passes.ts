/** Passes of a function over points of a straight path: its values there, and gradients pulled back from them. */
import {
  expand,
  max,
  memoryInfo,
  mul,
  type Pullback,
  ShapeError,
  scope,
  stack,
  sub,
  type Tensor,
  tensor,
  vjp,
} from '@antecedent/tensor'
import { isMaximum, listOf, type Target, type Targets, tensorOf, valuesOf } from './maximum.ts'

/** A function of the values on the path: one scalar per example, for one target or for a list of them. */
export type PathFunction = (values: Tensor[]) => Targets

/** F along x′ + α (x − x′). */
export interface Path {
  readonly f: PathFunction
  /** x, one tensor per value */
  readonly ends: readonly Tensor[]
  /** x′, shapes that broadcast to those of x */
  readonly starts: readonly Tensor[]
  /** size of F's result at one point */
  readonly examples: number
  /** what the tape of a pass keeps for each of its points, but for their values */
  readonly bytesPerPoint: number
  /** which targets are maxima */
  readonly maxima: readonly boolean[]
}

/** One pass over some points; the axis of points is there in all of its data, also for one point. */
export interface Pass {
  readonly points: number
  /** per target `[points, examples]`, for a maximum `[points, examples, n]` */
  readonly values: readonly Tensor[]
  readonly pullback: Pullback<Tensor[]>
  dispose(): void
}

/** What to pull back: a target; of a maximum, a mixture of its coordinates. */
export interface Direction {
  readonly target: number
  /** what coordinates weigh in it, for an example at a node; null where the target is no maximum */
  readonly mixture: ((example: number, node: number) => ReadonlyMap<number, number>) | null
}

/** What a pass may keep until it is pulled back by default, in bytes: its points and its tape. */
const defaultBudget = 32 * 2 ** 20

/** Elements of the gradients that one call of a pullback gives: what it holds besides the tape is some times as much. */
const elementsPerPull = 2 ** 20

export const sizeOfPath = ({ ends }: Path): number => ends.reduce((total, x) => total + x.size, 0)

/** Bytes of the values at one point. */
const bytesOfPoint = ({ ends }: Path): number =>
  ends.reduce((total, { size, dtype }) => total + size * (dtype === 'f64' ? 8 : 4), 0)

/** What bounds the points of a pass. */
export interface PassLimits {
  internalBatchSize?: number | null
  memoryBudget?: number
}

/** How many points go into one pass. */
export function pointsPerPass(
  path: Path,
  { internalBatchSize = null, memoryBudget = defaultBudget }: PassLimits,
): number {
  const bytes = path.bytesPerPoint + bytesOfPoint(path)
  const wished = internalBatchSize === null ? memoryBudget / bytes : internalBatchSize / path.examples
  return Math.max(1, Math.floor(wished))
}

/** Points of each pass over `count` of them, at most `most`: as even as can be, since a pass of one costs more than its share. */
export const evenly = (count: number, most: number): number => Math.ceil(count / Math.ceil(count / most))

/** The values of F `[targets, …]` at one point, and how many bytes the tape of a pass keeps for each point. */
export function measuredValues(f: PathFunction, values: readonly Tensor[]): { y: Tensor; bytesPerPoint: number } {
  return measured((xs) => valuesOf(f(xs)), values, 1)
}

/** A function's result, run under a derivative, and what the tape of a pass over its points keeps for each of them. */
export function measured(
  f: (values: Tensor[]) => Tensor,
  values: readonly Tensor[],
  points: number,
): { y: Tensor; bytesPerPoint: number } {
  const before = memoryInfo().liveBytes
  const { value, pullback } = vjp<Tensor[], Tensor>(f, [...values])
  const bytesPerPoint = Math.max(1, (memoryInfo().liveBytes - before) / points)
  pullback.dispose()
  return { y: value, bytesPerPoint }
}

/** The values of targets at n points stacked in front, `[targets, points, …]`, where F has `examples` at each. */
export function stackedValues(targets: Targets, n: number, examples: number): Tensor {
  const rows = listOf(targets).map((target) => {
    const y = tensorOf(target)
    const perPoint = examples * (isMaximum(target) ? y.shape.at(-1)! : 1)
    const all = y.size === perPoint ? repeat(y, n) : y
    checkResult(all, n, isMaximum(target), examples)
    return isMaximum(target) ? max(all, -1) : all
  })
  return stack(rows)
}

/** F at some points, with what its gradients need. No axis of points for one, so that an F that takes none runs too. */
export function passAt(path: Path, alphas: Float64Array): Pass {
  const { f, ends, starts, examples } = path
  const n = alphas.length
  // the pullback needs the points to the end
  const { points, values, pullback } = scope(() => {
    const points = ends.map((x, i) => {
      const { dtype, device } = x
      const along = tensor(alphas, n === 1 ? [] : [n, ...x.shape.map(() => 1)], { dtype, device })
      return starts[i]!.add(mul(sub(x, starts[i]!), along))
    })
    const { value, pullback } = vjp<Tensor[], Tensor[]>((values) => {
      const targets = listOf(f(values))
      return targets.map((target) =>
        isFixed(target, values, examples) ? repeat(tensorOf(target), n) : tensorOf(target),
      )
    }, points)
    return { points, values: value, pullback }
  })
  const dispose = () => {
    pullback.dispose()
    for (const x of [...values, ...points]) x.dispose()
  }
  try {
    values.forEach((y, t) => void checkResult(y, n, path.maxima[t]!, examples))
  } catch (error) {
    dispose()
    throw error
  }
  return { points: n, values, pullback, dispose }
}

/** Whether a result is that of one point, because no value on the path reaches it. */
function isFixed(target: Target, values: readonly Tensor[], examples: number): boolean {
  const y = tensorOf(target)
  return y.trace?.level !== values[0]!.trace?.level && y.size === examples * (isMaximum(target) ? y.shape.at(-1)! : 1)
}

/** A result that the path does not move: the same at every point, so its attributions are 0 and not an error. */
const repeat = (y: Tensor, n: number): Tensor => (n === 1 ? y : expand(y, [n, ...y.shape]))

function checkResult(y: Tensor, n: number, maximum: boolean, examples: number): void {
  const perPoint = examples * (maximum ? y.shape.at(-1)! : 1)
  if (n === 1 ? y.size === perPoint : y.shape[0] === n && y.size === n * perPoint) return
  throw new ShapeError({
    op: 'integratedGradients',
    expected: `a function that keeps leading axes: a result [${n}, …] for ${n} points stacked in front`,
    got: `[${y.shape.join(', ')}]`,
    hint: 'count axes from the end (-1 is the last), or set internalBatchSize: 1',
  })
}

/**
 * The gradients of some directions, in groups that fit memory: per value `[directions, points, …shape]`.
 *
 * @param at    number of the pass's first node
 * @param take  gets the index of the group's first direction, and the gradients, which are disposed after it
 */
export async function pullDirections(
  path: Path,
  pass: Pass,
  at: number,
  directions: readonly Direction[],
  take: (first: number, gradients: readonly Tensor[]) => Promise<void>,
): Promise<void> {
  const group = Math.max(1, Math.floor(elementsPerPull / (pass.points * sizeOfPath(path))))
  for (let first = 0; first < directions.length; first += group) {
    const some = directions.slice(first, first + group)
    const gradients = scope(() => pass.pullback(pass.values.map((_, t) => cotangents(path, pass, at, some, t))))
    try {
      await take(first, gradients)
    } finally {
      for (const gradient of gradients) gradient.dispose()
    }
  }
}

/** `[directions, …y]`: 1, or what the coordinates of a maximum weigh, where a direction reads target t. */
function cotangents(
  { examples }: Path,
  { points, values }: Pass,
  at: number,
  directions: readonly Direction[],
  t: number,
): Tensor {
  const y = values[t]!
  const weights = new Float64Array(directions.length * y.size)
  for (const [k, { target, mixture }] of directions.entries()) {
    if (target !== t) continue
    const row = weights.subarray(k * y.size, (k + 1) * y.size)
    if (!mixture) row.fill(1)
    else {
      const n = y.shape.at(-1)!
      for (let i = 0; i < points * examples; i++) {
        for (const [c, weight] of mixture(i % examples, at + Math.floor(i / examples))) row[i * n + c] = weight
      }
    }
  }
  const { dtype, device } = y
  return tensor(weights, [directions.length, ...y.shape], { dtype, device })
}
