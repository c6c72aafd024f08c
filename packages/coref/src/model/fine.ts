/** Fine scores of pairs: FFNN([g_i; g_j; g_i∘g_j; φ]), its first layer in factored form, some spans at a time. */
import {
  add,
  checkpoint,
  concat,
  type Drop,
  indexSelect,
  isTapped,
  linear,
  mul,
  noDropout,
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
  integers,
  laterLayers,
  rowsOf,
  type SharedRows,
  scoreOfRows,
  sideBySide,
  takeRows,
} from './layers.ts'
import { bucketOf } from './prune.ts'
import { widthsOf } from './spans.ts'
import type { Structure } from './structure.ts'

/** Elements of the hidden layer that a chunk of pairs may have. */
const chunkElements = 2 ** 23

/** Elements of the hidden layer that a derivative may keep, all chunks together: what is more is computed again. */
const keptElements = 2 ** 26

/**
 * The features of pairs: speaker, genre, segment distance, antecedent distance, string match, as far as the settings
 * use them. Each is at its site. Null where there are none.
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

/** Sites of features that follow from tables alone. */
const featureSites = ['width', 'speaker', 'genre', 'segment', 'distance', 'strings'].map((name) => `features.${name}`)

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
  const parts = partsOf(context, hidden, g)
  const ends = parts.map((_, i) => 2 * g + parts.slice(0, i + 1).reduce((sum, part) => sum + part.width, 0))
  const ofPair = ends.map((end, i) => columnsOf(weight!, end - parts[i]!.width, end))
  const points = vectors.size / (k * g)
  const isKept = points * k * width * weight!.shape[0]! <= kept
  const rows = Math.max(1, Math.floor(budget / Math.max(1, points * width * weight!.shape[0]!)))
  const chunks: Tensor[] = []
  for (let begin = 0; begin < k; begin += rows) {
    const chunk = { structure, begin, end: Math.min(k, begin + rows) }
    const drops = hiddenDrops(context)
    const score = (...xs: Tensor[]) =>
      scope(() => {
        const [all, own, byOwn, byOther, ...rest] = xs as [Tensor, Tensor, Tensor, Tensor, ...Tensor[]]
        const weights = rest.splice(0, ofPair.length)
        const layers = rest.splice(0, later.length)
        const pairs = { all, own, byOwn, byOther, phi: rest[0] ?? null }
        return parts.length === 1
          ? plainScores(chunk, pairs, weights[0]!, layers, drops)
          : sharedScores(chunk, pairs, parts, weights, layers, drops[0]!)
      })
    const scored = isKept ? score : checkpoint(score)
    const own = [rowsOf(vectors, begin, chunk.end), rowsOf(bySpan, begin, chunk.end), byAntecedent] as const
    chunks.push(scored(vectors, ...own, ...ofPair, ...later, ...(phi ? [chunkOf(phi, begin, chunk.end)] : [])))
  }
  return chunks.length === 1 ? chunks[0]! : concat(chunks, -2)
}

/** A part of [g_i∘g_j; φ]: how many columns, and what pairs that have it in common share; `dense`: nothing. */
interface PairPart {
  readonly width: number
  readonly by: 'dense' | 'start' | 'end' | 'width' | 'features'
}

/**
 * How the products and features of a pair are cut. First and last pieces are shared by nested spans, and what follows
 * from tables by all with the same entries, unless it is dropped or tapped: heads alone remain.
 */
function partsOf({ config, drops, parameters }: Context, hidden: number | null, g: number): PairPart[] {
  const columns = parameters['coref_score_ffnn.0.weight']!.shape[1]! - 2 * g
  if (hidden === null || config.ffnnDepth > 1) return [{ width: columns, by: 'dense' }]
  const pieces: PairPart[] = [
    { width: hidden, by: 'start' },
    { width: hidden, by: 'end' },
  ]
  const rest = columns - 2 * hidden
  if (drops !== noDropout || isTapped(...featureSites)) return [...pieces, { width: rest, by: 'dense' }]
  const head = config.useFeatures ? g - 2 * hidden - config.featureSize : hidden
  const cut: PairPart[] = [
    ...pieces,
    { width: g - 2 * hidden - head, by: 'width' },
    { width: head, by: 'dense' },
    { width: columns - g, by: 'features' },
  ]
  return cut.filter(({ width }) => width > 0)
}

/** Spans `begin` to `end` of a structure, with all their antecedents. */
interface Chunk {
  readonly structure: Structure
  readonly begin: number
  readonly end: number
}

/** What a chunk's pairs are scored from. */
interface PairInputs {
  /** vectors of all spans, and of those of the chunk */
  readonly all: Tensor
  readonly own: Tensor
  /** the first layer on the chunk's spans, and on all as antecedents */
  readonly byOwn: Tensor
  readonly byOther: Tensor
  /** features of the chunk's pairs `[…, rows, c, φ]` */
  readonly phi: Tensor | null
}

/** The antecedents of a chunk's pairs; 0 where there is none. */
const antecedentsOf = ({ structure: { antecedents, width }, begin, end }: Chunk): Int32Array =>
  antecedents.slice(begin * width, end * width).map((j) => Math.max(0, j))

/** Scores by the chunk's hidden sums, which are stored: `[…, rows, c]`. */
function plainScores(
  chunk: Chunk,
  { all, own, byOwn, byOther, phi }: PairInputs,
  weight: Tensor,
  later: readonly Tensor[],
  drops: readonly Drop[],
): Tensor {
  const [columns, shape] = [antecedentsOf(chunk), [chunk.end - chunk.begin, chunk.structure.width]]
  const products = mul(unsqueeze(own, -2), takeRows(all, columns, shape))
  const x = phi ? sideBySide([products, phi]) : products
  const sums = add(add(linear(x, weight), unsqueeze(byOwn, -2)), takeRows(byOther, columns, shape))
  return finishScore(sums, later, drops)
}

/** The pairs of a chunk that have an antecedent, of its `[rows, c]` places; the first place stands in where none has. */
function pairsOf({ structure: { antecedents, width }, begin, end }: Chunk) {
  const chunk = antecedents.subarray(begin * width, end * width)
  const found = Array.from(chunk.keys()).filter((at) => chunk[at]! >= 0)
  const places = Int32Array.from(found.length > 0 ? found : [0])
  /** the pair of each place, the first one where there is none */
  const pairs = new Int32Array(chunk.length)
  for (const [pair, at] of places.entries()) pairs[at] = pair
  const others = places.map((at) => Math.max(0, chunk[at]!))
  return { places, pairs, owns: places.map((at) => begin + Math.floor(at / width)), others }
}

/**
 * The same, of pairs that have an antecedent alone, where pairs share what parts of their first layer they have in
 * common. What is dense is multiplied pair by pair; everything else is added row by row.
 */
function sharedScores(
  chunk: Chunk,
  { all, byOwn, byOther, phi }: PairInputs,
  parts: readonly PairPart[],
  weights: readonly Tensor[],
  later: readonly Tensor[],
  drop: Drop,
): Tensor {
  const { structure, begin, end } = chunk
  const { width, starts, ends } = structure
  const g = all.shape.at(-1)!
  const { places, pairs, owns, others } = pairsOf(chunk)
  const featuresAt = (which: Int32Array): Tensor =>
    takeRows(reshape(phi!, [...phi!.shape.slice(0, -3), pairs.length, phi!.shape.at(-1)!]), which)
  const products = (x: Tensor, mine: Int32Array, other: Int32Array) => mul(takeRows(x, mine), takeRows(x, other))
  const shared: SharedRows[] = [
    { table: byOwn, rows: owns.map((i) => i - begin) },
    { table: byOther, rows: others },
  ]
  const sharedBy = (values: Int32Array, x: Tensor, weight: Tensor): SharedRows => {
    const most = 1 + values.reduce((most, value) => Math.max(most, value), 0)
    const { first, place } = alike(Float64Array.from(others, (j, pair) => values[owns[pair]!]! * most + values[j]!))
    const [mine, other] = [owns, others].map((list) => first.map((pair) => list[pair]!)) as [Int32Array, Int32Array]
    return { table: linear(products(x, mine, other), weight), rows: place }
  }
  let dense: Tensor | null = null
  let from = 0
  for (const [at, part] of parts.entries()) {
    const [to, weight] = [Math.min(g, from + part.width), weights[at]!]
    const slice = (x: Tensor) => columnsOf(x, from, to)
    if (part.by === 'start') shared.push(sharedBy(starts, slice(all), weight))
    else if (part.by === 'end') shared.push(sharedBy(ends, slice(all), weight))
    else if (part.by === 'width') shared.push(sharedBy(widthsOf(structure), slice(all), weight))
    else if (part.by === 'features') {
      const { first, place } = alike(featureKeys(structure, places, begin * width))
      const table = linear(featuresAt(first.map((pair) => places[pair]!)), weight)
      shared.push({ table, rows: place })
    } else {
      const pair = products(slice(all), owns, others)
      const isWhole = from + part.width > g
      dense = linear(isWhole ? sideBySide([pair, featuresAt(places)]) : pair, weight)
    }
    from += part.width
  }
  const scores = scoreOfRows(dense!, shared, later, drop)
  const byPlace = indexSelect(scores, integers(pairs, scores), -1)
  return reshape(byPlace, [...scores.shape.slice(0, -1), end - begin, width])
}

/** What decides the features of pairs, each as one number; where there is no antecedent too. */
function featureKeys(
  { sameSpeaker, segmentDistance, offsets, stringMatch }: Structure,
  places: Int32Array,
  from: number,
): Float64Array {
  return Float64Array.from(places, (place) => {
    const at = from + place
    const parts = [Math.max(0, segmentDistance[at]!), sameSpeaker[at]!, stringMatch?.[at] ?? 0, bucketOf(offsets[at]!)]
    return parts.reduce((key, part) => key * 16 + part, 0)
  })
}

/** Places with equal keys: the first of each kind, and of which kind each place is. */
function alike(keys: ArrayLike<number>): { first: Int32Array; place: Int32Array } {
  const seen = new Map<number, number>()
  const first: number[] = []
  const place = Int32Array.from(keys, (key, p) => {
    const known = seen.get(key)
    if (known !== undefined) return known
    seen.set(key, first.length)
    return first.push(p) - 1
  })
  return { first: Int32Array.from(first), place }
}

/** Rows of the third last axis. */
function chunkOf(x: Tensor, begin: number, end: number): Tensor {
  const [c, width] = x.shape.slice(-2) as [number, number]
  const flat = reshape(x, [...x.shape.slice(0, -2), c * width])
  return reshape(rowsOf(flat, begin, end), [...x.shape.slice(0, -3), end - begin, c, width])
}
