/** Integrated Gradients with respect to values inside a model, named by their sites. */
import { OptionError, scope, type Tensor, tap } from '@antecedent/tensor'
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
  if (!baselineForward && !baselineValues) {
    throw new OptionError({ op: 'attributeSites', expected: 'baselineForward or baselineValues', got: 'neither' })
  }
  const made = scope(() => {
    const ends = tap({ record: sites }, forward)
    const starts = baselineForward && tap({ record: baselineValues ? [] : sites }, baselineForward)
    const others = baselineValues ?? sites.map((name) => starts!.recorded[name]!)
    const fx = asTargets(ends.result)
    const fReplaced = asTargets(replaced(others))
    return {
      fx,
      fReplaced,
      fBaseline: starts ? asTargets(starts.result) : fReplaced.alias(),
      // handles of ours: a recorded value or a given one may be the caller's own tensor
      values: sites.map((name) => ends.recorded[name]!.alias()),
      others: others.map((x) => x.alias()),
    }
  })
  const { fx, fBaseline, fReplaced, values, others } = made
  try {
    const attributions = await integratePath(replaced, values, others, fx.size / fx.shape[0]!, options)
    const results = byTarget(await toElements(fx), await toElements(fBaseline), attributions)
    const all = await fReplaced.data()
    const perTarget = all.length / results.length
    return results.map((result, t) => ({ ...result, fReplaced: [...all.slice(t * perTarget, (t + 1) * perTarget)] }))
  } finally {
    for (const x of [fx, fBaseline, fReplaced, ...values, ...others]) x.dispose()
  }
}
