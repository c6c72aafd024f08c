/** How exact attributions are: against a finer rule of our own, and against what they should add up to. */

/** One target. */
export interface Reference {
  /** attributions by token, by a rule so fine that its error is that of float32 */
  scores: readonly number[]
  /** F(x) − F(baseline) */
  difference: number
}

/** Both as shares of the largest attribution in the reference; the worst of all targets. */
export interface Errors {
  /** the largest error of a token's attribution */
  token: number
  /** what the attributions sum to, less F(x) − F(baseline), without its sign */
  completeness: number
}

const worst = (numbers: readonly number[]): number =>
  numbers.reduce((most, x) => (x > most || Number.isNaN(x) ? x : most), 0)

/**
 * The errors of several targets' attributions.
 *
 * @param references  one a target
 * @param scores      per target, in the same order, the attributions of the reference's tokens; infinite errors where
 *                    there are more or fewer
 */
export function errorsOf(references: readonly Reference[], scores: readonly (readonly number[])[]): Errors {
  const fits = scores.length === references.length && scores.every((s, t) => s.length === references[t]!.scores.length)
  if (!fits) return { token: Number.POSITIVE_INFINITY, completeness: Number.POSITIVE_INFINITY }
  const each = references.map(({ scores: exact, difference }, t): Errors => {
    const largest = worst(exact.map(Math.abs))
    const sum = scores[t]!.reduce((a, b) => a + b, 0)
    return {
      token: worst(exact.map((x, i) => Math.abs(scores[t]![i]! - x))) / largest,
      completeness: Math.abs(sum - difference) / largest,
    }
  })
  return { token: worst(each.map(({ token }) => token)), completeness: worst(each.map((e) => e.completeness)) }
}

/** Numbers in rows of a length. */
export const inRows = (numbers: readonly number[], length: number): number[][] =>
  Array.from({ length: Math.ceil(numbers.length / length) }, (_, i) => numbers.slice(i * length, (i + 1) * length))

/** Rows as columns. */
export const transposed = (rows: readonly (readonly number[])[]): number[][] =>
  (rows[0] ?? []).map((_, c) => rows.map((row) => row[c]!))
