/** The integral of a gradient along a straight path: what all Integrated Gradients share. */
import { expand, OptionError, type Tensor } from '@antecedent/tensor'
import { integrateNested } from './adaptive.ts'
import { evenly, type Path, passAt, pointsPerPass } from './passes.ts'
import { type QuadratureMethod, quadrature } from './quadrature.ts'
import { accumulate, emptySums, type Sums } from './sums.ts'

/** Captum's names and defaults. */
export interface PathOptions {
  /** points along the path; default 50. Not beside `tolerance`, nor for a target made by `maximumOf` */
  nSteps?: number
  /** quadrature rule; default `gausslegendre`. Not beside `tolerance`, nor for a target made by `maximumOf` */
  method?: QuadratureMethod
  /**
   * adaptive points in the place of `nSteps` and `method`: 21, or 43 where the error estimated with 21 is larger than
   * this share of the largest attribution. The same bound holds for the completeness error. Sensible from 1e-5 in f32
   */
  tolerance?: number
  /**
   * what the tolerance bounds: each `element`, or sums over the last axis (`row`), which are a token's scores where
   * values are `[tokens, hidden]`. Default `element`, and `row` in `layerIntegratedGradients`
   */
  toleranceUnit?: 'element' | 'row'
  /** multiply by x − x′ (true, the default: attributions), or leave the mean gradient */
  multiplyByInputs?: boolean
  /** examples per pass; default: as many as fit `memoryBudget`. Changes rounding only */
  internalBatchSize?: number | null
  /** bytes that the points of a pass and its tape may take, by an estimate from one; default 32 MiB; one point at least */
  memoryBudget?: number
  /** told after each pass how many of the points are done; `points` grows where an adaptive rule goes on */
  onProgress?: (done: number, points: number) => void
}

/** A part of the path, in terms of α, and the coordinate that is largest there. */
export interface WinnerPiece {
  winner: number
  start: number
  end: number
}

/** How the integral of one target was computed. */
export interface Integration {
  /** the rule: a `QuadratureMethod`, or `gausskronrodpatterson` */
  method: string
  /** points along the path, without those that located switches of a maximum */
  points: number
  /** what was asked for; null for a fixed number of points */
  tolerance: number | null
  /** per example: the estimated error, as a share of the largest attribution; null for fixed rules */
  errorEstimate: number[] | null
  /** per example: |completeness error| as a share of the largest attribution; null for fixed rules */
  completenessShare: number[] | null
  /** whether both are below the tolerance for every example; null without a tolerance */
  converged: boolean | null
  /** per example the pieces of the path by their winner, for a target made by `maximumOf`; null for others */
  winners: WinnerPiece[][] | null
  /** points at which F ran and at which this target was pulled back, ends of the path not counted */
  evaluations: { forward: number; backward: number }
}

export interface PathIntegral {
  /** per value `[targets, …shape]` */
  attributions: Elements[]
  /** per target */
  integrations: Integration[]
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

/**
 * Σₖ wₖ ∂F(x′ + αₖ (x − x′))/∂x, times x − x′ where asked, for several values on one path. The sum and the product are
 * taken in f64 on the host, whatever the dtype and device of the gradients.
 *
 * The points are stacked on a new leading axis: F gets values `[points, …shape]` and must return `[points, …]`.
 * A pass of one point has no such axis, so `internalBatchSize: 1` serves an F that takes none.
 *
 * @param fDifferences  what the attributions should add up to: `[targets][examples]`
 */
export async function integratePath(
  path: Path,
  fDifferences: ArrayLike<number>,
  options: PathOptions,
): Promise<PathIntegral> {
  checkOptions(options, path.maxima.some(Boolean))
  const steps = await Promise.all(path.ends.map((x, i) => stepOf(x, path.starts[i]!)))
  const adaptive = options.tolerance !== undefined || path.maxima.some(Boolean)
  const { sums, integrations } = adaptive
    ? await integrateNested(path, steps, fDifferences, options)
    : await integrateFixed(path, options)
  if (options.multiplyByInputs ?? true) multiplyBy(sums, steps)
  const attributions = sums.map((data, i) => ({ shape: [path.maxima.length, ...path.ends[i]!.shape], data }))
  return { attributions, integrations }
}

function checkOptions(
  { internalBatchSize = null, memoryBudget, tolerance, nSteps, method }: PathOptions,
  maxima: boolean,
): void {
  const refuse = (expected: string, got: string, hint?: string): never => {
    throw new OptionError({ op: 'integratePath', expected, got, ...(hint && { hint }) })
  }
  if (internalBatchSize !== null && !(Number.isInteger(internalBatchSize) && internalBatchSize > 0))
    refuse('a positive internalBatchSize', String(internalBatchSize))
  if (memoryBudget !== undefined && !(memoryBudget > 0)) refuse('a positive memoryBudget', String(memoryBudget))
  if (tolerance !== undefined && !(tolerance > 0 && tolerance < Infinity))
    refuse('a positive tolerance', String(tolerance))
  const fixed = [nSteps !== undefined && 'nSteps', method !== undefined && 'method'].filter(Boolean).join(' and ')
  if (fixed === '') return
  if (tolerance !== undefined) refuse('a tolerance, or a fixed number of points', `tolerance and ${fixed}`)
  if (maxima) {
    const hint = 'leave them out, or take max over the axis in the place of maximumOf'
    refuse('no nSteps or method for a target made by maximumOf, whose path is cut into pieces', fixed, hint)
  }
}

/** A rule with fixed points. */
async function integrateFixed(path: Path, options: PathOptions): Promise<{ sums: Sums; integrations: Integration[] }> {
  const { nSteps = 50, method = 'gausslegendre', onProgress } = options
  const { nodes, weights } = quadrature(method, nSteps)
  const directions = path.maxima.map((_, target) => ({ target, mixture: null }))
  const sums = emptySums(path)
  const chunk = evenly(nSteps, pointsPerPass(path, options))
  for (let at = 0; at < nSteps; at += chunk) {
    const pass = passAt(path, nodes.subarray(at, at + chunk))
    try {
      await accumulate(path, pass, at, directions, [{ weights, sums }])
    } finally {
      pass.dispose()
    }
    onProgress?.(Math.min(at + chunk, nSteps), nSteps)
  }
  const integration: Integration = {
    method,
    points: nSteps,
    tolerance: null,
    errorEstimate: null,
    completenessShare: null,
    converged: null,
    winners: null,
    evaluations: { forward: nSteps, backward: nSteps },
  }
  return { sums, integrations: path.maxima.map(() => integration) }
}

/** x − x′ on the host. */
async function stepOf(x: Tensor, start: Tensor): Promise<Float64Array> {
  const stretched = expand(start, x.shape)
  const [end, from] = [await x.data(), await stretched.data()]
  if (stretched !== start) stretched.dispose()
  return Float64Array.from(end as ArrayLike<number>, (value, i) => value - from[i]!)
}

/** Multiplies every target's sums by x − x′. */
function multiplyBy(sums: Sums, steps: readonly Float64Array[]): void {
  for (const [i, step] of steps.entries()) {
    const data = sums[i]!
    for (let e = 0; e < data.length; e++) data[e]! *= step[e % step.length]!
  }
}
