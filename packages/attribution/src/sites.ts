/** Integrated Gradients with respect to values inside a model, named by their sites. */
import { OptionError, scope, type Tensor, tap } from '@antecedent/tensor'
import { endsApart, endsTogether } from './ends.ts'
import { byTarget, differences, type IntegratedGradients } from './integratedGradients.ts'
import type { Targets } from './maximum.ts'
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
  if (!baselineForward && !baselineValues) {
    throw new OptionError({ op: 'attributeSites', expected: 'baselineForward or baselineValues', got: 'neither' })
  }
  const named = (values: readonly Tensor[]) => Object.fromEntries(sites.map((name, i) => [name, values[i]!]))
  const replaced = (values: readonly Tensor[]) => tap({ replace: named(values) }, forward).result
  const [site] = sites
  // an F that is run one point at a time may not take stacked ones
  const stackable = sites.length === 1 && options.internalBatchSize !== 1
  const ends = scope(() => {
    const together =
      stackable && baselineForward ? endsTogether(forward, baselineForward, site!, baselineValues?.[0]) : null
    return together ?? endsApart(forward, baselineForward, sites, baselineValues)
  })
  const { fx, fBaseline, fReplaced, bytesPerPoint, values, others, maxima } = ends
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
