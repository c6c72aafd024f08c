/** The record of a document: every stage of the model as plain data. */
import { scope, softmax } from '@antecedent/tensor'
import type { CorefDocument } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import type { CorefConfig } from './config.ts'
import { decodeLinks } from './decode.ts'
import { type Places, placesOf } from './places.ts'
import { bucketOf } from './prune.ts'
import type { Reading } from './reading.ts'
import { entityMatrix, linkMatrix } from './refine.ts'
import type { PairScores, Pruned } from './scoring.ts'
import { type StringMatch, stringMatches } from './stringMatch.ts'
import type { Structure } from './structure.ts'

/** Mention scores, and what they are the sum of. */
export interface MentionRecord {
  readonly scores: number[]
  /** of the span's vector */
  readonly bySpan: number[]
  /** of its width; null without a width prior */
  readonly byWidth: number[] | null
}

/**
 * Every stage of the model on a document. Ranks count kept spans from 0; a list by pair has for each kept span one
 * entry for each of its antecedents, in the order of `antecedents`.
 */
export interface ScoreRecord {
  readonly schema: 1
  /** id of the document; null where only its pieces were given */
  readonly document: string | null
  /** T, the number of pieces */
  readonly pieces: number
  /** all spans that the model looked at, by start, then end */
  readonly candidates: Places & MentionRecord
  /** the spans that pruning kept, by start, then end */
  readonly spans: Places & MentionRecord & { readonly candidates: number[] }
  /** ranks of the antecedents kept for each span, best coarse score first */
  readonly antecedents: number[][]
  /** coarse scores by pair: the two mention scores, the bilinear part, and the priors (null without) */
  readonly coarse: {
    readonly scores: number[][]
    readonly bilinear: number[][]
    readonly distance: number[][] | null
    readonly strings: number[][] | null
  }
  /** what is known of pairs */
  readonly features: {
    readonly sameSpeaker: boolean[][]
    readonly segmentDistance: number[][]
    readonly distance: number[][]
    readonly distanceBucket: number[][]
    /** of `stringMatches`; null where the settings do not ask */
    readonly stringMatch: StringMatch[][] | null
  }
  /** by pair, for each scoring pass; none where the coarse scores are final */
  readonly passes: { readonly fine: number[][]; readonly total: number[][] }[]
  /** by pair, of cluster merging; else null */
  readonly clusterScores: number[][] | null
  /** final scores: the dummy's 0, then by pair */
  readonly scores: number[][]
  /** the antecedent distribution: softmax of `scores` */
  readonly distribution: number[][]
  /** Q[i][e], the probability that span i belongs to the entity that span e founded (e ≤ i); null where not asked for */
  readonly entities: number[][] | null
  /** each span's antecedent as a rank, −1 for none */
  readonly links: number[]
  /** ranks, in the order in which spans joined; each has at least two */
  readonly clusters: number[][]
  /** the discrete structure, for `targets` */
  readonly structure: Structure
}

const list = (values: ArrayLike<number>): number[] => Array.from(values)

/** Rows of `[k, c]` numbers, without the columns that have no antecedent. */
function byPair<T>({ antecedents, width }: Structure, value: (at: number) => T): T[][] {
  const k = width === 0 ? 0 : antecedents.length / width
  return Array.from({ length: k }, (_, i) => {
    const row: T[] = []
    for (let at = i * width; at < (i + 1) * width; at++) if (antecedents[at]! >= 0) row.push(value(at))
    return row
  })
}

/** Rows of `[k, 1 + c]` numbers: the dummy, then the columns that have an antecedent. */
const withDummyFirst = (structure: Structure, values: ArrayLike<number>): number[][] =>
  byPair(structure, (at) => values[at + Math.floor(at / structure.width) + 1]!).map((row, i) => [
    values[i * (1 + structure.width)]!,
    ...row,
  ])

const mentionRecord = (scores: Pruned['mentionScores']): MentionRecord => ({
  scores: list(scores.total),
  bySpan: list(scores.span),
  byWidth: scores.width && list(scores.width),
})

/** What a record is made of. */
export interface Observed {
  readonly config: CorefConfig
  readonly pieces: Pieces
  readonly document: CorefDocument | undefined
  readonly pruned: Pruned
  /** null where no span was kept */
  readonly scores: PairScores | null
  /** whether to compute the entity matrix */
  readonly entities: boolean
}

/** Reads all scores and makes the record. */
export function* recordOf({ config, pieces, document, pruned, scores, entities }: Observed): Reading<ScoreRecord> {
  const { candidates, kept } = pruned
  const structure = scores?.structure ?? pruned.structure
  const keptScore = (values: ArrayLike<number>) => Array.from(kept, (i) => values[i]!)
  const all = mentionRecord(pruned.mentionScores)
  const common = {
    schema: 1 as const,
    document: document?.id ?? null,
    pieces: pieces.sentenceMap.length,
    candidates: { ...placesOf(candidates, pieces, document), ...all },
    spans: {
      ...placesOf(structure, pieces, document),
      candidates: list(kept),
      scores: keptScore(all.scores),
      bySpan: keptScore(all.bySpan),
      byWidth: all.byWidth && keptScore(all.byWidth),
    },
    antecedents: byPair(structure, (at) => structure.antecedents[at]!),
    features: {
      sameSpeaker: byPair(structure, (at) => structure.sameSpeaker[at] === 1),
      segmentDistance: byPair(structure, (at) => structure.segmentDistance[at]!),
      distance: byPair(structure, (at) => structure.offsets[at]!),
      distanceBucket: byPair(structure, (at) => bucketOf(structure.offsets[at]!)),
      stringMatch: structure.stringMatch && byPair(structure, (at) => stringMatches[structure.stringMatch![at]!]!),
    },
    structure,
  }
  if (!scores) {
    const nothing = { scores: [], bilinear: [], distance: null, strings: null }
    const rest = { passes: [], clusterScores: null, scores: [], distribution: [], links: [], clusters: [] }
    return { ...common, coarse: nothing, ...rest, entities: entities ? [] : null }
  }
  const pairs = (values: ArrayLike<number>) => byPair(structure, (at) => values[at]!)
  const { coarse, clusters, final } = scores
  const passes: { fine: number[][]; total: number[][] }[] = []
  for (const { fine, total } of scores.passes) passes.push({ fine: pairs(yield fine), total: pairs(yield total) })
  const finals = yield final
  const probabilities = scope(() => softmax(final))
  const distribution = withDummyFirst(structure, yield probabilities)
  probabilities.dispose()
  const { links, clusters: found } = decodeLinks(config, finals, structure)
  return {
    ...common,
    coarse: {
      scores: pairs(yield coarse.total),
      bilinear: pairs(yield coarse.bilinear),
      distance: coarse.distance && pairs(yield coarse.distance),
      strings: coarse.strings && pairs(yield coarse.strings),
    },
    passes,
    clusterScores: clusters && pairs(yield clusters),
    scores: withDummyFirst(structure, finals),
    distribution,
    entities: entities ? yield* entityRows(scores) : null,
    links: list(links),
    clusters: found,
  }
}

/** The lower triangle of the entity matrix of the final scores. */
function* entityRows({ final, structure }: PairScores): Reading<number[][]> {
  const k = structure.starts.length
  const q = scope(() => entityMatrix(linkMatrix(final.slice([0, 1]), structure)))
  const values = yield q
  q.dispose()
  return Array.from({ length: k }, (_, i) => list(values.slice(i * k, i * k + i + 1)))
}
