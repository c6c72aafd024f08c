/** The discrete choices of pruning, on numbers: which spans are kept, and which antecedents each may have. */
import type { CorefConfig } from './config.ts'
import type { Spans } from './spans.ts'

/** How many spans of a document of T pieces are kept at most. */
export const spanCount = ({ topSpanRatio, maxSpans }: CorefConfig, pieces: number): number =>
  Math.floor(Math.min(maxSpans, topSpanRatio * pieces))

/**
 * Indices by score, the largest first, of equal ones the lowest; the first `count`. Numbers sort much faster than what a
 * function compares, so where few are asked for they say which indices are worth it.
 */
function descending(scores: ArrayLike<number>, count = scores.length): Int32Array {
  const n = scores.length
  const least = count < n ? Float64Array.from(scores).sort()[n - count]! : Number.NEGATIVE_INFINITY
  const indices: number[] = []
  for (let i = 0; i < n; i++) if (!(scores[i]! < least)) indices.push(i)
  return Int32Array.from(indices.sort((a, b) => scores[b]! - scores[a]! || a - b)).subarray(0, count)
}

/**
 * Greedy selection: by score, a candidate is kept unless it crosses one that is kept already. Spans may nest.
 *
 * @param spans   candidates, half-open
 * @param scores  their mention scores; of equal ones the first candidate goes first
 * @param count   how many to keep at most
 * @returns       indices of kept candidates, by start, then end; fewer than `count` where crossing leaves no more
 */
export function keepSpans({ starts, ends }: Spans, scores: ArrayLike<number>, count: number): Int32Array {
  const kept: number[] = []
  const latestEnd = new Map<number, number>() // of kept spans, by start
  const earliestStart = new Map<number, number>() // of kept spans, by their last piece
  const crosses = (start: number, last: number): boolean => {
    for (let t = start; t <= last; t++) {
      if (t > start && (latestEnd.get(t) ?? -1) > last) return true
      if (t < last && (earliestStart.get(t) ?? start) < start) return true
    }
    return false
  }
  for (const i of descending(scores)) {
    if (kept.length >= count) break
    const [start, last] = [starts[i]!, ends[i]! - 1]
    if (crosses(start, last)) continue
    kept.push(i)
    latestEnd.set(start, Math.max(last, latestEnd.get(start) ?? -1))
    earliestStart.set(last, Math.min(start, earliestStart.get(last) ?? start))
  }
  return Int32Array.from(kept).sort((a, b) => starts[a]! - starts[b]! || ends[a]! - ends[b]!)
}

/**
 * The best antecedents of each span.
 *
 * @param scores  coarse scores `[rows, k]` of the spans `first`, `first + 1`, …
 * @param first   rank of the first row; span i may have the antecedents 0 … i − 1
 * @param k       number of kept spans
 * @param count   how many to keep
 * @returns       `[rows, count]`: ranks by score, the largest first, of equal ones the lowest; then −1
 */
export function bestAntecedents(scores: ArrayLike<number>, first: number, k: number, count: number): Int32Array {
  const rows = scores.length / k
  const best = new Int32Array(rows * count).fill(-1)
  const all = Float64Array.from(scores)
  for (let r = 0; r < rows; r++) best.set(descending(all.subarray(r * k, r * k + first + r), count), r * count)
  return best
}

/** Buckets of distances and sizes: 0 … 4 are their own; then 5–7, 8–15, 16–31, 32–63, and 64 and more. */
export const bucketOf = (n: number): number => (n <= 4 ? Math.max(0, n) : Math.min(9, 34 - Math.clz32(n)))
