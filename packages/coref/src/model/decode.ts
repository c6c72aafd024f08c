/** From scores to links and clusters. */
import type { CorefConfig } from './config.ts'
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

/** What a span may be linked to: ranks of earlier spans, −1 for none at that place, and the final scores of the pairs. */
export interface LinkOptions {
  readonly antecedents: ArrayLike<number>
  readonly scores: ArrayLike<number>
}

/**
 * The antecedent of each span, in order.
 *
 * By `antecedent`, it is the one with the largest score, if that is more than the 0 of none. By `entity`, a span joins
 * the entity whose mentions so far have the largest probability together, if that is more than that of none:
 * argmax over e of Σ_{j ∈ e} P(y_i = j), which is what the marginal loss makes large, and links to its likeliest mention.
 * A span without a link is an entity of its own. Of equal ones, the first column wins, and none before all.
 *
 * @param options  of each of the k spans
 * @returns        ranks, −1 for none
 */
export function linksBy(
  { decoding }: Pick<CorefConfig, 'decoding'>,
  k: number,
  options: (rank: number) => LinkOptions,
): Int32Array {
  const founders = new Int32Array(k)
  const masses = new Float64Array(k)
  const links = new Int32Array(k)
  for (let i = 0; i < k; i++) {
    const { antecedents, scores } = options(i)
    const column =
      decoding === 'entity'
        ? likeliestEntity(antecedents, scores, founders, masses)
        : (bestColumns(scores, scores.length)[0] ?? -1)
    links[i] = column < 0 ? -1 : antecedents[column]!
    founders[i] = column < 0 ? i : founders[links[i]!]!
  }
  return links
}

/**
 * The column of the likeliest mention of the likeliest entity, −1 for none.
 *
 * @param founders  the first mention of each earlier span's entity
 * @param masses    zeros, by founder; zeros again on return
 */
function likeliestEntity(
  antecedents: ArrayLike<number>,
  scores: ArrayLike<number>,
  founders: Int32Array,
  masses: Float64Array,
): number {
  const columns = Array.from(antecedents, (_, c) => c).filter((c) => antecedents[c]! >= 0)
  const founder = (c: number) => founders[antecedents[c]!]!
  const top = columns.reduce((top, c) => Math.max(top, scores[c]!), 0)
  for (const c of columns) masses[founder(c)]! += Math.exp(scores[c]! - top)
  let best = -1
  let mass = Math.exp(-top) // of none
  for (const c of columns) {
    const own = masses[founder(c)]!
    const likelier = best >= 0 && founder(c) === founder(best) ? scores[c]! > scores[best]! : own > mass
    if (likelier) [best, mass] = [c, own]
  }
  for (const c of columns) masses[founder(c)] = 0
  return best
}

/**
 * Links and clusters by final scores.
 *
 * @param config     says how
 * @param final      `[k, 1 + c]`, the dummy's 0 in column 0
 * @param structure  of which they are the scores
 * @returns          `links`: the antecedent of each span as a rank, or −1; with the clusters that follow
 */
export function decodeLinks(
  config: Pick<CorefConfig, 'decoding'>,
  final: ArrayLike<number>,
  { antecedents, width, starts }: Structure,
): { links: Int32Array; owner: Int32Array; clusters: number[][] } {
  const links = linksBy(config, starts.length, (i) => ({
    antecedents: antecedents.subarray(i * width, (i + 1) * width),
    scores: Float64Array.from({ length: width }, (_, c) => final[i * (1 + width) + 1 + c]!),
  }))
  return { links, ...clustersOf(links) }
}
