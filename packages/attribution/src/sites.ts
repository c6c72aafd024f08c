/** Integrated Gradients with respect to values inside a model, named by their sites. */
import { OptionError, scope, type Tensor, tap } from '@antecedent/tensor'
import { byTarget, differences, type IntegratedGradients, maximaOf } from './integratedGradients.ts'
import { type Targets, valuesOf } from './maximum.ts'
import { measuredValues } from './passes.ts'
import { integratePath, type PathOptions, toElements } from './path.ts'

export interface SiteOptions extends PathOptions {
  /** runs the model on the input: one scalar per example, or `maximumOf` several, for one target or a list */
  forward: () => Targets
  /** runs it on the baseline: gives the other end of the path, and F(baseline) */
  baselineForward?: () => Targets
  /** the sites, all replaced together along one path */
  sites: readonly string[]
  /** the other end itself, per site, in the place of what a run on the baseline gives */
  baselineValues?: readonly Tensor[]
}

export interface SiteAttributions extends IntegratedGradients {
  /** F on the input with only the sites replaced by their other ends: what F(x) minus it is, attributions add up to */
  fReplaced: number[]
}

/**
 * ∫ ∂F/∂u along the path from u′ to u, where u is the value of a site on the input. Everything else that the model
 * computes from its input stays that of the input (Captum's `LayerIntegratedGradients`).
 */
export async function attributeSites(options: SiteOptions): Promise<SiteAttributions[]> {
  const { forward, baselineForward, sites, baselineValues } = options
  const named = (values: readonly Tensor[]) => Object.fromEntries(sites.map((name, i) => [name, values[i]!]))
  const replaced = (values: readonly Tensor[]) => tap({ replace: named(values) }, forward).result
  if (!baselineForward && !baselineValues) {
    throw new OptionError({ op: 'attributeSites', expected: 'baselineForward or baselineValues', got: 'neither' })
  }
  const made = scope(() => {
    const ends = tap({ record: sites }, forward)
    const starts = baselineForward && tap({ record: baselineValues ? [] : sites }, baselineForward)
    const others = baselineValues ?? sites.map((name) => starts!.recorded[name]!)
    const fx = valuesOf(ends.result)
    const { y: fReplaced, bytesPerPoint } = measuredValues(replaced, others)
    return {
      maxima: maximaOf(ends.result),
      fx,
      fReplaced,
      bytesPerPoint,
      fBaseline: starts ? valuesOf(starts.result) : fReplaced.alias(),
      // handles of ours: a recorded value or a given one may be the caller's own tensor
      values: sites.map((name) => ends.recorded[name]!.alias()),
      others: others.map((x) => x.alias()),
    }
  })
  const { fx, fBaseline, fReplaced, bytesPerPoint, values, others, maxima } = made
  try {
    const examples = fx.size / fx.shape[0]!
    const path = { f: replaced, ends: values, starts: others, examples, bytesPerPoint, maxima }
    const [atEnd, atReplaced] = [await toElements(fx), await toElements(fReplaced)]
    const integral = await integratePath(path, differences(atEnd, atReplaced), options)
    const results = byTarget(atEnd, await toElements(fBaseline), integral)
    const of = (t: number) => [...atReplaced.data.slice(t * examples, (t + 1) * examples)]
    return results.map((result, t) => ({ ...result, fReplaced: of(t) }))
  } finally {
    for (const x of [fx, fBaseline, fReplaced, ...values, ...others]) x.dispose()
  }
}
