/** From scores to links and clusters. */
import type { Structure } from './structure.ts'

/** The column of the largest of [0, scores] in each row, −1 for the 0: the first of equal ones, the 0 before all. */
export function bestColumns(scores: ArrayLike<number>, width: number): Int32Array {
  const rows = width === 0 ? 0 : scores.length / width
  return Int32Array.from({ length: rows }, (_, i) => {
    let best = -1
    for (let c = 0; c < width; c++) {
      if (scores[i * width + c]! > (best < 0 ? 0 : scores[i * width + best]!)) best = c
    }
    return best
  })
}

/** Antecedents by the columns that were chosen: ranks, −1 for none. */
export const chosenAntecedents = (columns: Int32Array, antecedents: Int32Array, width: number): Int32Array =>
  columns.map((c, i) => (c < 0 ? -1 : antecedents[i * width + c]!))

/**
 * Clusters by links: a span joins the cluster of its antecedent, which founds one where it has none.
 *
 * @param links  the antecedent of each span, a lower rank, or −1
 * @returns      `owner`: the cluster of each span or −1; `clusters`: ranks, in the order in which they joined
 */
export function clustersOf(links: Int32Array): { owner: Int32Array; clusters: number[][] } {
  const owner = new Int32Array(links.length).fill(-1)
  const clusters: number[][] = []
  for (const [i, antecedent] of links.entries()) {
    if (antecedent < 0) continue
    if (owner[antecedent] === -1) owner[antecedent] = clusters.push([antecedent]) - 1
    owner[i] = owner[antecedent]!
    clusters[owner[i]!]!.push(i)
  }
  return { owner, clusters }
}

/**
 * Links and clusters by final scores.
 *
 * @param final      `[k, 1 + c]`, the dummy's 0 in column 0
 * @param structure  of which they are the scores
 * @returns          `links`: the antecedent of each span as a rank, or −1; with the clusters that follow
 */
export function decodeLinks(
  final: ArrayLike<number>,
  { antecedents, width, starts }: Structure,
): { links: Int32Array; owner: Int32Array; clusters: number[][] } {
  const scores = Float64Array.from({ length: starts.length * width }, (_, at) => {
    return final[Math.floor(at / width) * (1 + width) + 1 + (at % width)]!
  })
  const links = chosenAntecedents(bestColumns(scores, width), antecedents, width)
  return { links, ...clustersOf(links) }
}
