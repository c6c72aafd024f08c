/** What metrics are made of: fractions that are summed over documents before they are divided. */

/** A sum over documents and what it is divided by. */
export interface Fraction {
  readonly numerator: number
  readonly denominator: number
}

/** Recall and precision before the division. */
export interface Counts {
  readonly recall: Fraction
  readonly precision: Fraction
}

/** Recall, precision and F₁, in [0, 1]. */
export interface Values {
  readonly recall: number
  readonly precision: number
  readonly f1: number
}

/** The quotient; 0/0 is 0. */
export const quotient = ({ numerator, denominator }: Fraction): number =>
  denominator === 0 ? 0 : numerator / denominator

/** F₁ = 2PR / (P + R), 0 where both are 0. */
export const f1Of = (recall: number, precision: number): number =>
  recall + precision === 0 ? 0 : (2 * precision * recall) / (precision + recall)

/** Recall, precision and F₁ of counts. */
export function valuesOf(counts: Counts): Values {
  const recall = quotient(counts.recall)
  const precision = quotient(counts.precision)
  return { recall, precision, f1: f1Of(recall, precision) }
}

/** Both fractions of two counts added up, part by part. */
export const addCounts = (a: Counts, b: Counts): Counts => ({
  recall: addFractions(a.recall, b.recall),
  precision: addFractions(a.precision, b.precision),
})

const addFractions = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator + b.numerator,
  denominator: a.denominator + b.denominator,
})

/** Per cent as the official scorer prints them: ⌊10000 x⌋ / 100, cut and not rounded. */
export const truncatedPercent = (value: number): number => Math.trunc(10000 * value) / 100

/** Unordered pairs of n things. */
export const pairsOf = (n: number): number => (n * (n - 1)) / 2
