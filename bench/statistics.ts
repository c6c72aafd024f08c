/** Medians and how sure they are. */

/** The middle of the sorted numbers; the mean of both middles where they are even in number. NaN for none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const upper = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
}

/** The share `p` of the sorted numbers from below, interpolated between neighbours. */
export function quantile(numbers: readonly number[], p: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = p * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}

/** Uniform numbers in [0, 1), the same after the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Ratio {
  /** median of the one over median of the other */
  ratio: number
  /** bounds of the 95 % interval */
  low: number
  high: number
}

/**
 * The ratio of medians of two series taken in pairs, with a percentile bootstrap interval of 95 %: whole pairs are
 * drawn again, so that a slow minute that hit both sides stays on both.
 *
 * @param a, b  the same number of times, at least one; a[i] and b[i] were taken one after the other
 */
export function ratioOfMedians(a: readonly number[], b: readonly number[], samples = 2000, seed = 1): Ratio {
  if (a.length !== b.length || a.length === 0) throw new RangeError(`expected pairs, got ${a.length} and ${b.length}`)
  const random = generator(seed)
  const ratios = Array.from({ length: samples }, () => {
    const drawn = a.map(() => Math.floor(random() * a.length))
    return median(drawn.map((i) => a[i]!)) / median(drawn.map((i) => b[i]!))
  })
  return { ratio: median(a) / median(b), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) }
}

/** The largest |a − b| as a share of the largest |b|; infinite where the lengths differ or a number is not finite. */
export function relativeDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || [...a, ...b].some((x) => !Number.isFinite(x))) return Number.POSITIVE_INFINITY
  const largest = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const difference = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
  return difference === 0 ? 0 : difference / largest
}
