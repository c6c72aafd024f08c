/** Integrated Gradients of any function of tensors (Sundararajan, Taly and Yan 2017). */
import { full, OptionError, ShapeError, scope, type Tensor } from '@antecedent/tensor'
import { maximaOf, valuesOf } from './maximum.ts'
import { measuredValues, type PathFunction } from './passes.ts'
import {
  type Elements,
  type Integration,
  integratePath,
  type PathIntegral,
  type PathOptions,
  toElements,
} from './path.ts'

export interface IntegratedGradientsOptions extends PathOptions {
  /**
   * F: one scalar per example (shape [] or [batch]), or `maximumOf` several; leading axes in front of the inputs' must
   * be kept
   */
  forward: PathFunction
  /** x, one tensor per argument; all move along the path together */
  inputs: readonly Tensor[]
  /** x′: per input a tensor that broadcasts to it, or a number; default 0 */
  baselines?: readonly (Tensor | number)[]
}

/** Per target: attributions of every input, and F at both ends. */
export interface IntegratedGradients {
  /** one per input, of its shape */
  attributions: Elements[]
  /** F(x) per example */
  fx: number[]
  /** F(x′) per example */
  fBaseline: number[]
  /** per example Σ attributions − (F(x) − F(x′)); without `multiplyByInputs` it means nothing, as in Captum */
  completenessError: number[]
  /** element type in which F and its gradients were computed; sums over the path are f64 */
  dtype: 'f32' | 'f64'
  /** the rule, its points and what is known of its error */
  integration: Integration
}

/**
 * (x − x′) · ∫₀¹ ∂F(x′ + α (x − x′))/∂x dα by quadrature: a fixed rule, or with `tolerance` one that adds points as needed.
 *
 * @returns one result, or a list of them where `forward` returns a list of targets
 */
export async function integratedGradients(options: IntegratedGradientsOptions): Promise<IntegratedGradients[]> {
  const { forward, inputs, baselines = inputs.map(() => 0) } = options
  if (baselines.length !== inputs.length) {
    const expected = `a baseline for each of ${inputs.length} inputs`
    throw new OptionError({ op: 'integratedGradients', expected, got: String(baselines.length) })
  }
  const made = scope(() => {
    const starts = inputs.map((x, i) => stretched(baselines[i]!, x))
    const targets = forward([...inputs])
    const { y: fBaseline, bytesPerPoint } = measuredValues(forward, starts)
    return { starts, fx: valuesOf(targets), fBaseline, bytesPerPoint, maxima: maximaOf(targets) }
  })
  const { starts, fx, fBaseline, bytesPerPoint, maxima } = made
  try {
    const examples = examplesOf(fx, inputs[0]!)
    const path = { f: forward, ends: inputs, starts, examples, bytesPerPoint, maxima }
    const [atEnd, atStart] = [await toElements(fx), await toElements(fBaseline)]
    return byTarget(atEnd, atStart, await integratePath(path, differences(atEnd, atStart), options))
  } finally {
    for (const x of [fx, fBaseline, ...starts]) x.dispose()
  }
}

/** F(x) − F(x′) of every target and example. */
export const differences = (fx: Elements, fBaseline: Elements): Float64Array =>
  Float64Array.from(fx.data, (f, i) => f - fBaseline.data[i]!)

/** How many examples F's result has. @throws {ShapeError} where it is not one scalar per example */
function examplesOf(targets: Tensor, x: Tensor): number {
  const [, ...shape] = targets.shape
  if (shape.length > 1 || (shape.length === 1 && shape[0] !== x.shape[0])) {
    throw new ShapeError({
      op: 'integratedGradients',
      expected: `one scalar per example: a result [] or [${x.shape[0] ?? 1}]`,
      got: `[${shape.join(', ')}]`,
      hint: 'select a class, or return a list of targets',
    })
  }
  return shape[0] ?? 1
}

/** A baseline in the shape of its input, as a handle of ours. */
function stretched(baseline: Tensor | number, x: Tensor): Tensor {
  return typeof baseline === 'number' ? full(x.shape, baseline, x) : baseline.expand(x.shape).alias()
}

/** Cuts results with a leading axis of targets into one result per target. */
export function byTarget(
  fx: Elements,
  fBaseline: Elements,
  { attributions, integrations }: PathIntegral,
): IntegratedGradients[] {
  const targets = fx.shape[0]!
  const part = ({ data }: Elements, t: number) =>
    data.slice((t * data.length) / targets, ((t + 1) * data.length) / targets)
  return Array.from({ length: targets }, (_, t) => {
    const [atEnd, atStart] = [[...part(fx, t)], [...part(fBaseline, t)]]
    const parts = attributions.map((x) => ({ shape: x.shape.slice(1), data: part(x, t) }))
    const completenessError = atEnd.map((f, b) => sumOfExample(parts, b, atEnd.length) - (f - atStart[b]!))
    const dtype = fx.data instanceof Float64Array ? 'f64' : 'f32'
    // the error is that of the f64 sums; what is handed back has the model's dtype
    const rounded = parts.map((x) => (dtype === 'f32' ? { ...x, data: Float32Array.from(x.data) } : x))
    return {
      attributions: rounded,
      fx: atEnd,
      fBaseline: atStart,
      completenessError,
      dtype,
      integration: integrations[t]!,
    }
  })
}

/** The sum of what belongs to example b: the leading axis where there are several. */
function sumOfExample(parts: readonly Elements[], b: number, examples: number): number {
  let total = 0
  for (const { data } of parts) {
    const length = data.length / examples
    for (let i = b * length; i < (b + 1) * length; i++) total += data[i]!
  }
  return total
}
