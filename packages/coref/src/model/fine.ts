/** Fine scores of pairs: FFNN([g_i; g_j; g_i∘g_j; φ]), its first layer in factored form, some spans at a time. */
import {
  add,
  checkpoint,
  concat,
  type Drop,
  linear,
  mul,
  reshape,
  scope,
  site,
  type Tensor,
  unsqueeze,
} from '@antecedent/tensor'
import {
  type Context,
  columnsOf,
  featureRows,
  finishScore,
  hiddenDrops,
  laterLayers,
  rowsOf,
  scoreOfRows,
  sideBySide,
  takeRows,
} from './layers.ts'
import { bucketOf } from './prune.ts'
import type { Structure } from './structure.ts'

/** Elements of the hidden layer that a chunk of pairs may have. */
const chunkElements = 2 ** 23

/** Elements of the hidden layer that a derivative may keep, all chunks together: what is more is computed again. */
const keptElements = 2 ** 26

/**
 * The features of pairs: speaker, genre, segment distance, antecedent distance, string match, as far as the settings use them. Each
 * is at its site. Null where there are none.
 *
 * @returns `[…, k, c, features]`
 */
export function pairFeatures(context: Context, structure: Structure): Tensor | null {
  const { config } = context
  const { width, sameSpeaker, segmentDistance, offsets, stringMatch, genre } = structure
  const shape = [structure.starts.length, width]
  const rows = (name: string, ids: Int32Array) => featureRows(context, name, ids, shape)
  const parts: Tensor[] = []
  if (config.useMetadata) {
    parts.push(site('features.speaker', rows('emb_same_speaker', Int32Array.from(sameSpeaker))))
    parts.push(site('features.genre', rows('emb_genre', new Int32Array(offsets.length).fill(genre))))
  }
  if (config.useSegmentDistance) {
    parts.push(
      site(
        'features.segment',
        rows(
          'emb_segment_distance',
          segmentDistance.map((d) => Math.max(0, d)),
        ),
      ),
    )
  }
  if (config.useFeatures) {
    parts.push(site('features.distance', rows('emb_top_antecedent_distance', offsets.map(bucketOf))))
  }
  if (stringMatch) {
    parts.push(site('features.strings', rows('emb_string_match', Int32Array.from(stringMatch))))
  }
  return parts.length === 0 ? null : sideBySide(parts)
}

/** How pairs are scored some at a time. */
export interface PairOptions {
  /**
   * H where the vectors begin with those of the spans' first and last pieces, H numbers each and as the encoder gave
   * them; null where that is not known. Their products are then computed once for all pairs with the same pieces
   */
  hidden?: number | null
  /** elements of the hidden layer that may be computed together */
  budget?: number
  /** elements of it that a derivative may keep; with more, each chunk is computed again */
  kept?: number
}

/**
 * The fine scores of the pairs of a structure: W₁ g_i + W₂ g_j + W₃ [g_i∘g_j; φ], ReLU, and so on. Spans are projected
 * once; pairs exist for some spans at a time, and where there are many are computed again in a derivative.
 *
 * @param vectors   `[…, k, g]`
 * @param features  of `pairFeatures`
 * @returns         `[…, k, c]`; where there is no antecedent they mean nothing
 */
export function finePairs(
  context: Context,
  vectors: Tensor,
  structure: Structure,
  features: Tensor | null,
  { hidden = null, budget = chunkElements, kept = keptElements }: PairOptions = {},
): Tensor {
  const { 'coref_score_ffnn.0.weight': weight, 'coref_score_ffnn.0.bias': bias } = context.parameters
  const [k, g] = vectors.shape.slice(-2) as [number, number]
  const { width } = structure
  const bySpan = linear(vectors, columnsOf(weight!, 0, g), bias!)
  const byAntecedent = linear(vectors, columnsOf(weight!, g, 2 * g))
  const later = laterLayers(context, 'coref_score_ffnn')
  const phi = features && context.drops.next()(features)
  const isShared = hidden !== null && context.config.ffnnDepth === 1
  const cuts = [...(isShared ? [2 * g, 2 * g + hidden, 2 * g + 2 * hidden] : [2 * g]), weight!.shape[1]!]
  const ofPair = cuts.slice(1).map((end, i) => columnsOf(weight!, cuts[i]!, end))
  const points = vectors.size / (k * g)
  const isKept = points * k * width * weight!.shape[0]! <= kept
  const rows = Math.max(1, Math.floor(budget / Math.max(1, points * width * weight!.shape[0]!)))
  const chunks: Tensor[] = []
  for (let begin = 0; begin < k; begin += rows) {
    const chunk = { structure, begin, end: Math.min(k, begin + rows), later: later.length }
    const drops = hiddenDrops(context)
    const score = (...xs: Tensor[]) =>
      scope(() => (isShared ? sharedScores(chunk, hidden, drops[0]!, xs) : plainScores(chunk, drops, xs)))
    const scored = isKept ? score : checkpoint(score)
    const own = [rowsOf(vectors, begin, chunk.end), rowsOf(bySpan, begin, chunk.end), byAntecedent] as const
    chunks.push(scored(vectors, ...own, ...ofPair, ...later, ...(phi ? [chunkOf(phi, begin, chunk.end)] : [])))
  }
  return chunks.length === 1 ? chunks[0]! : concat(chunks, -2)
}

/** Spans `begin` to `end` of a structure, with all their antecedents. */
interface Chunk {
  readonly structure: Structure
  readonly begin: number
  readonly end: number
  /** how many tensors the layers behind the first have */
  readonly later: number
}

/** The antecedents of a chunk's pairs; 0 where there is none. */
const antecedentsOf = ({ structure: { antecedents, width }, begin, end }: Chunk): Int32Array =>
  antecedents.slice(begin * width, end * width).map((j) => Math.max(0, j))

/** Scores by the chunk's hidden sums, which are stored: `[…, rows, c]`. */
function plainScores(chunk: Chunk, drops: readonly Drop[], xs: readonly Tensor[]): Tensor {
  const [all, own, byOwn, byOther, product, ...rest] = xs as [Tensor, Tensor, Tensor, Tensor, Tensor]
  const [columns, shape] = [antecedentsOf(chunk), [chunk.end - chunk.begin, chunk.structure.width]]
  const products = mul(unsqueeze(own, -2), takeRows(all, columns, shape))
  const phi = rest[chunk.later]
  const x = phi ? sideBySide([products, phi]) : products
  const sums = add(add(linear(x, product), unsqueeze(byOwn, -2)), takeRows(byOther, columns, shape))
  return finishScore(sums, rest.slice(0, chunk.later), drops)
}

/**
 * The same, where products of first pieces and of last pieces are shared by pairs: nested spans begin or end alike.
 * What remains to be multiplied pair by pair are width, head and φ; everything else is added row by row.
 */
function sharedScores(chunk: Chunk, hidden: number, drop: Drop, xs: readonly Tensor[]): Tensor {
  const [all, own, byOwn, byOther, ofFirst, ofLast, ofRest, ...rest] = xs as Inputs
  const { structure, begin, end, later } = chunk
  const { width, starts, ends } = structure
  const [columns, g] = [antecedentsOf(chunk), all.shape.at(-1)!]
  const tail = (x: Tensor) => columnsOf(x, 2 * hidden, g)
  const products = mul(unsqueeze(tail(own), -2), takeRows(tail(all), columns, [end - begin, width]))
  const phi = rest[later]
  const dense = linear(phi ? sideBySide([products, phi]) : products, ofRest)
  const first = pairsOf(starts, columns, chunk)
  const last = pairsOf(ends, columns, chunk)
  const productsOf = ({ left, right }: SharedPairs, from: number, weight: Tensor) => {
    const part = columnsOf(all, from, from + hidden)
    return linear(mul(takeRows(part, left), takeRows(part, right)), weight)
  }
  const shared = [
    { table: byOwn, rows: Array.from(columns, (_, p) => Math.floor(p / width)) },
    { table: byOther, rows: columns },
    { table: productsOf(first, 0, ofFirst), rows: first.place },
    { table: productsOf(last, hidden, ofLast), rows: last.place },
  ]
  const [lead, size] = [dense.shape.slice(0, -3), dense.shape.at(-1)!]
  const flat = reshape(dense, [...lead, columns.length, size])
  return reshape(scoreOfRows(flat, shared, rest.slice(0, later), drop), [...lead, end - begin, width])
}

type Inputs = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, ...Tensor[]]

/** The different pairs of places among a chunk's pairs of spans. */
interface SharedPairs {
  /** ranks of two spans with these places, for each different pair */
  readonly left: Int32Array
  readonly right: Int32Array
  /** which of them each pair of spans has */
  readonly place: Int32Array
}

function pairsOf(places: Int32Array, columns: Int32Array, { structure: { width }, begin }: Chunk): SharedPairs {
  const seen = new Map<number, number>()
  const [left, right]: [number[], number[]] = [[], []]
  const size = 1 + places.reduce((most, place) => Math.max(most, place), 0)
  const place = columns.map((j, p) => {
    const i = begin + Math.floor(p / width)
    const key = places[i]! * size + places[j]!
    const known = seen.get(key)
    if (known !== undefined) return known
    left.push(i)
    right.push(j)
    seen.set(key, left.length - 1)
    return left.length - 1
  })
  return { left: Int32Array.from(left), right: Int32Array.from(right), place }
}

/** Rows of the third last axis. */
function chunkOf(x: Tensor, begin: number, end: number): Tensor {
  const [c, width] = x.shape.slice(-2) as [number, number]
  const flat = reshape(x, [...x.shape.slice(0, -2), c * width])
  return reshape(rowsOf(flat, begin, end), [...x.shape.slice(0, -3), end - begin, c, width])
}
