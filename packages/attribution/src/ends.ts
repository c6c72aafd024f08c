/** What is known of a path between two values of sites before its points are run: both ends, F there, a point's cost. */
import { add, expand, keep, select, stack, type Tensor, tap, zeros } from '@antecedent/tensor'
import { maximaOf, type Targets, valuesOf } from './maximum.ts'
import { measured, measuredValues, stackedValues } from './passes.ts'

export interface Ends {
  /** which targets are maxima */
  readonly maxima: boolean[]
  /** F on the input, with the sites alone replaced, and on the baseline: all targets in front */
  readonly fx: Tensor
  readonly fReplaced: Tensor
  readonly fBaseline: Tensor
  readonly bytesPerPoint: number
  /** the sites' values on the input, and their other ends */
  readonly values: readonly Tensor[]
  readonly others: readonly Tensor[]
}

/** Runs on the input, on the baseline if there is one, and on the input with the sites replaced. */
export function endsApart(
  forward: () => Targets,
  baselineForward: (() => Targets) | undefined,
  sites: readonly string[],
  given: readonly Tensor[] | undefined,
): Ends {
  const ends = tap({ record: sites }, forward)
  const starts = baselineForward && tap({ record: given ? [] : sites }, baselineForward)
  const others = given ?? sites.map((name) => starts!.recorded[name]!)
  const replaced = (values: readonly Tensor[]) => {
    const replace = Object.fromEntries(sites.map((name, i) => [name, values[i]!]))
    return tap({ replace }, forward).result
  }
  const { y: fReplaced, bytesPerPoint } = measuredValues(replaced, others)
  return {
    maxima: maximaOf(ends.result),
    fx: valuesOf(ends.result),
    fReplaced,
    fBaseline: starts ? valuesOf(starts.result) : fReplaced.alias(),
    bytesPerPoint,
    // handles of ours: a recorded value or a given one may be the caller's own tensor
    values: sites.map((name) => ends.recorded[name]!.alias()),
    others: others.map((x) => x.alias()),
  }
}

/**
 * The same for one site with one run less: where the run on the input passes the site, its value and the other end are
 * stacked in front, so that one run gives F for both, and reads the weights once.
 *
 * @returns null where the site is passed more than once, which stacking does not serve
 */
export function endsTogether(
  forward: () => Targets,
  baselineForward: () => Targets,
  site: string,
  given: Tensor | undefined,
): Ends | null {
  const starts = tap({ record: given ? [] : [site] }, baselineForward)
  const other = given ?? starts.recorded[site]!
  const fBaseline = valuesOf(starts.result)
  const passed: Tensor[] = []
  let both: Tensor | null = null
  let maxima: boolean[] = []
  const run = ([shift]: Tensor[]) => {
    const pair = (value: Tensor): Tensor => {
      passed.push(keep(value.alias()))
      both ??= add(stack([value, expand(other, value.shape)]), shift!)
      return both
    }
    const { result } = tap({ replace: { [site]: pair } }, forward)
    maxima = maximaOf(result)
    return stackedValues(result, 2, fBaseline.size / fBaseline.shape[0]!)
  }
  // a pass keeps what the derivative along a shift of the site needs; the shift is 0
  const { dtype, device } = other
  const { y, bytesPerPoint } = measured(run, [zeros([], { dtype, device })], 2)
  if (passed.length !== 1) {
    for (const x of passed) x.dispose()
    return null
  }
  const [fx, fReplaced] = [select(y, 0, 1), select(y, 1, 1)]
  return { maxima, fx, fReplaced, fBaseline, bytesPerPoint, values: passed, others: [other.alias()] }
}
