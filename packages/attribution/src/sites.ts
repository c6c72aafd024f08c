/** Integrated Gradients with respect to values inside a model, named by their sites. */
import { scope, type Tensor, tap } from '@antecedent/tensor'
import { byTarget, type IntegratedGradients } from './integratedGradients.ts'
import { asTargets, integratePath, type PathOptions, toElements } from './path.ts'

type Result = Tensor | readonly Tensor[]

export interface SiteOptions extends PathOptions {
  /** runs the model on the input: one scalar per example, for one target or a list */
  forward: () => Result
  /** runs it on the baseline: gives the other end of the path, and F(baseline) */
  baselineForward?: () => Result
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
  const tensors = scope(() => {
    const ends = tap({ record: sites }, forward)
    const starts = baselineForward && tap({ record: baselineValues ? [] : sites }, baselineForward)
    const values = sites.map((name) => ends.recorded[name]!)
    const others = baselineValues ?? sites.map((name) => starts!.recorded[name]!)
    const fx = asTargets(ends.result)
    const fReplaced = asTargets(replaced(others))
    const fBaseline = starts ? asTargets(starts.result) : fReplaced.alias()
    const attributions = integratePath(replaced, values, others, fx.size / fx.shape[0]!, options)
    return { fx, fBaseline, fReplaced, attributions }
  })
  const { fx, fBaseline, fReplaced, attributions } = tensors
  try {
    const elements = await Promise.all(attributions.map(toElements))
    const results = byTarget(await toElements(fx), await toElements(fBaseline), elements)
    const all = await fReplaced.data()
    const perTarget = all.length / results.length
    return results.map((result, t) => ({ ...result, fReplaced: [...all.slice(t * perTarget, (t + 1) * perTarget)] }))
  } finally {
    for (const x of [fx, fBaseline, fReplaced, ...attributions]) x.dispose()
  }
}
