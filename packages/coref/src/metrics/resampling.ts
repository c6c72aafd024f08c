/** How sure a difference of two systems is: paired bootstrap and approximate randomisation. */
import { fold, OptionError, type RandomKey, randomKey, scope, uniform } from '@antecedent/tensor'
import { type Fraction, f1Of, quotient } from './fraction.ts'
import type { ScoreCounts } from './score.ts'

/** How often to draw, and from which stream of random numbers. */
export interface ResamplingOptions {
  /** number of draws; default 10,000 */
  resamples?: number
  /** default 0; the same seed gives the same draws on every machine */
  seed?: number
}

/** A value with the interval that its bootstrap copies fill. */
export interface Estimate {
  readonly value: number
  /** lower and upper bound */
  readonly interval: readonly [lower: number, upper: number]
}

function check(op: string, n: number, resamples: number): void {
  if (n === 0) throw new OptionError({ op, expected: 'observations', got: 'none' })
  if (Number.isInteger(resamples) && resamples > 0) return
  throw new OptionError({ op, expected: 'a positive whole number of resamples', got: String(resamples) })
}

/** `n` numbers in [0, 1) of draw `r`. */
const draw = (key: RandomKey, r: number, n: number): Float64Array =>
  scope(() => Float64Array.from(uniform([n], fold(key, r), { dtype: 'f64', device: 'ref' }).dataSync()))

/** The quantile q of sorted numbers, between neighbours on a line. */
function quantile(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1)
  const below = sorted[Math.floor(place)]!
  return below + (place - Math.floor(place)) * (sorted[Math.ceil(place)]! - below)
}

/**
 * The percentile bootstrap (Efron 1979): the statistic on samples of the observations, drawn with replacement.
 *
 * @param n          number of observations
 * @param statistic  a function of the indices of the observations in a sample, of which there are n
 * @param options.confidence  share of the copies inside the interval; default 0.95
 * @throws {OptionError} where there is no observation
 */
export function bootstrap(
  n: number,
  statistic: (sample: Int32Array) => number,
  options: ResamplingOptions & { confidence?: number } = {},
): Estimate {
  const { resamples = 10_000, seed = 0, confidence = 0.95 } = options
  check('bootstrap', n, resamples)
  const key = randomKey(seed)
  const copies = Float64Array.from({ length: resamples }, (_, r) =>
    statistic(Int32Array.from(draw(key, r, n), (u) => Math.floor(u * n))),
  ).sort()
  const tail = (1 - confidence) / 2
  return {
    value: statistic(Int32Array.from({ length: n }, (_, i) => i)),
    interval: [quantile(copies, tail), quantile(copies, 1 - tail)],
  }
}

/** The mean of some numbers with its bootstrap interval. */
export const bootstrapMean = (values: readonly number[], options?: Parameters<typeof bootstrap>[2]): Estimate =>
  bootstrap(values.length, (sample) => sample.reduce((sum, i) => sum + values[i]!, 0) / sample.length, options)

/**
 * Approximate randomisation (Noreen 1989): how often a difference as large as the observed one, of either sign, comes
 * about when each observation's two values are exchanged with probability ½.
 *
 * @param n           number of observations
 * @param difference  a function of which observations are exchanged (1) and which not (0)
 * @returns           (r + 1) / (resamples + 1), r being the number of draws at least as large as the observed one
 * @throws {OptionError} where there is no observation
 */
export function randomisationTest(
  n: number,
  difference: (exchanged: Uint8Array) => number,
  { resamples = 10_000, seed = 0 }: ResamplingOptions = {},
): number {
  check('randomisationTest', n, resamples)
  const key = randomKey(seed)
  const observed = Math.abs(difference(new Uint8Array(n)))
  let asLarge = 0
  for (let r = 0; r < resamples; r++) {
    const size = Math.abs(difference(Uint8Array.from(draw(key, r, n), (u) => Number(u < 0.5))))
    if (size >= observed - 1e-12) asLarge++ // equal but for the rounding of sums in another order
  }
  return (asLarge + 1) / (resamples + 1)
}

const conllMetrics = ['muc', 'b3', 'ceafe'] as const
const width = conllMetrics.length * 4

/** Numerators and denominators that the CoNLL score needs, in a row. */
const flat = (counts: ScoreCounts): number[] => {
  const both = ({ numerator, denominator }: Fraction) => [numerator, denominator]
  return conllMetrics.flatMap((name) => [...both(counts[name].recall), ...both(counts[name].precision)])
}

/** The CoNLL score of such a row. */
function conllOf(sums: Float64Array): number {
  let total = 0
  for (let at = 0; at < width; at += 4) {
    const recall = quotient({ numerator: sums[at]!, denominator: sums[at + 1]! })
    const precision = quotient({ numerator: sums[at + 2]!, denominator: sums[at + 3]! })
    total += f1Of(recall, precision)
  }
  return total / conllMetrics.length
}

/** How the CoNLL scores of two systems, or of one on two versions of the same documents, differ. */
export interface ConllDifference extends Estimate {
  /** of the two-sided randomisation test */
  readonly pValue: number
}

/**
 * CoNLL F₁ of `a` minus that of `b`, with its paired bootstrap interval and the p-value of approximate randomisation.
 *
 * @param a  counts by document
 * @param b  of the same documents in the same order
 * @throws {OptionError} where the two differ in length or are empty
 */
export function compareConll(
  a: readonly ScoreCounts[],
  b: readonly ScoreCounts[],
  options?: Parameters<typeof bootstrap>[2],
): ConllDifference {
  if (a.length !== b.length) {
    const got = `${a.length} and ${b.length}`
    throw new OptionError({ op: 'compareConll', expected: 'counts of the same documents', got })
  }
  const rows = [a, b].map((list) => Float64Array.from(list.flatMap(flat)))
  const sums = [new Float64Array(width), new Float64Array(width)]
  const add = (to: Float64Array, from: Float64Array, i: number) => {
    for (let column = 0; column < width; column++) to[column]! += from[i * width + column]!
  }
  const difference = (length: number, at: (i: number) => number, exchanged?: Uint8Array) => {
    for (const sum of sums) sum.fill(0)
    for (let i = 0; i < length; i++) {
      const swap = exchanged?.[i] ?? 0
      add(sums[swap]!, rows[0]!, at(i))
      add(sums[1 - swap]!, rows[1]!, at(i))
    }
    return conllOf(sums[0]!) - conllOf(sums[1]!)
  }
  const estimate = bootstrap(a.length, (sample) => difference(sample.length, (i) => sample[i]!), options)
  const pValue = randomisationTest(a.length, (exchanged) => difference(a.length, (i) => i, exchanged), options)
  return { ...estimate, pValue }
}
