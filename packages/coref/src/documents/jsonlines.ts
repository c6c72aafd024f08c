/**
 * The jsonlines of the c2f family: a document a line, cut into pieces and segments. Spans are inclusive in the file and
 * half-open here.
 */
import type { WordPieceTokenizer } from '@antecedent/bert'
import { FormatError } from 'safetensors-ts'
import { genreIndex } from '../model/config.ts'
import { type Cluster, type CorefDocument, documentKey, type Span } from './document.ts'
import { linesOf, type ReadOptions } from './lines.ts'
import type { Pieces } from './pieces.ts'
import { overlapRows, type SegmentOptions, segmentDocument, speakerNumbers } from './segment.ts'

/** A document of a jsonlines file. T counts pieces over all segments. */
export interface SegmentedDocument {
  readonly docKey: string
  /** pieces; with `[CLS]` and `[SEP]` in independent segmentation, without in overlapping */
  readonly segments: readonly (readonly string[])[]
  /** who says each piece, by segment; `[SPL]` for special ones, `-` where unknown */
  readonly speakers: readonly (readonly string[])[]
  /** T sentence numbers */
  readonly sentenceMap: readonly number[]
  /** T word indices */
  readonly subtokenMap: readonly number[]
  /** half-open spans of pieces */
  readonly clusters: readonly Cluster[]
  /** what a model found, likewise; null where none did */
  readonly predictedClusters: readonly Cluster[] | null
  /** the words, where the file has them */
  readonly words: readonly string[] | null
  /** the line as it was read, with whatever else it holds */
  readonly fields: Readonly<Record<string, unknown>>
}

type Fields = Readonly<Record<string, unknown>>

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
const isRows = (value: unknown): value is string[][] => Array.isArray(value) && value.every(isStrings)
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)
const isClusters = (value: unknown): value is [number, number][][] =>
  Array.isArray(value) &&
  value.every((mentions) => Array.isArray(mentions) && mentions.every((span) => isNumbers(span) && span.length === 2))

/** Reads one line. */
class LineReader {
  readonly #fields: Fields
  readonly #at: { file: string; line: number }

  constructor(text: string, at: { file: string; line: number }) {
    this.#at = at
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch (cause) {
      throw new FormatError({ ...at, expected: 'JSON', got: (cause as Error).message, cause })
    }
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new FormatError({ ...at, expected: 'a JSON object', got: Array.isArray(json) ? 'a list' : String(json) })
    }
    this.#fields = json as Fields
  }

  #field<T>(key: string, expected: string, fits: (value: unknown) => value is T): T {
    const value = this.#fields[key]
    if (fits(value)) return value
    this.#fail(key, expected, value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60))
  }

  #fail(key: string, expected: string, got: string): never {
    throw new FormatError({ ...this.#at, key, expected, got })
  }

  /** Inclusive spans as half-open ones, all within T pieces. */
  #clusters(key: string, pieces: number): Cluster[] {
    const clusters = this.#field(key, 'lists of spans [first, last]', isClusters)
    const odd = clusters.flat().find(([first, last]) => first > last || last >= pieces)
    if (odd) this.#fail(key, `spans [first, last] within ${pieces} pieces`, `[${odd.join(', ')}]`)
    return clusters.map((mentions) => mentions.map(([first, last]): Span => [first, last + 1]))
  }

  document(): SegmentedDocument {
    const fields = this.#fields
    const segments = this.#field('sentences', 'lists of pieces', isRows)
    const speakers = this.#field('speakers', 'lists of names', isRows)
    const pieces = segments.flat().length
    const aligned = segments.length === speakers.length && segments.every((s, i) => s.length === speakers[i]!.length)
    if (!aligned) this.#fail('speakers', 'a name for each piece', `${speakers.flat().length} names in other rows`)
    const map = (key: string): number[] => {
      const list = this.#field(key, 'a list of whole numbers', isNumbers)
      if (list.length === pieces) return list
      return this.#fail(key, `${pieces} numbers, one a piece`, String(list.length))
    }
    const has = (key: string) => fields[key] !== undefined && fields[key] !== null
    return {
      docKey: this.#field('doc_key', 'a name', (value): value is string => typeof value === 'string'),
      segments,
      speakers,
      sentenceMap: map('sentence_map'),
      subtokenMap: map('subtoken_map'),
      clusters: has('clusters') ? this.#clusters('clusters', pieces) : [],
      predictedClusters: has('predicted_clusters') ? this.#clusters('predicted_clusters', pieces) : null,
      words: has('tokens') ? this.#field('tokens', 'a list of words', isStrings) : null,
      fields,
    }
  }
}

/**
 * Reads a jsonlines file of the c2f family. Empty lines are passed over.
 *
 * @throws {FormatError} with file, line and key where a line is no JSON, lacks a field, or its lists do not fit
 */
export function readJsonlines(text: string, { file = 'document' }: ReadOptions = {}): SegmentedDocument[] {
  return linesOf(text).flatMap((line, i) =>
    line.trim() === '' ? [] : [new LineReader(line, { file, line: i + 1 }).document()],
  )
}

const inclusive = (clusters: readonly Cluster[]) => clusters.map((c) => c.map(([start, end]) => [start, end - 1]))

/**
 * Writes documents as a jsonlines file, in the way of Python's `json.dumps`: a file that Python wrote comes back byte
 * for byte. Fields that were read and are not known here are kept, in their places.
 */
export function writeJsonlines(documents: readonly SegmentedDocument[]): string {
  return documents
    .map(({ docKey, segments, speakers, sentenceMap, subtokenMap, clusters, predictedClusters, words, fields }) => {
      const known: Record<string, unknown> = { doc_key: docKey }
      if (words || 'tokens' in fields) known.tokens = words
      Object.assign(known, { sentences: segments, speakers })
      if (clusters.length > 0 || 'clusters' in fields || Object.keys(fields).length === 0)
        known.clusters = inclusive(clusters)
      Object.assign(known, { sentence_map: sentenceMap, subtoken_map: subtokenMap })
      if (predictedClusters) known.predicted_clusters = inclusive(predictedClusters)
      return `${pythonJson({ ...fields, ...known })}\n`
    })
    .join('')
}

/** JSON with spaces behind commas and colons, and nothing but ASCII. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${pythonJson(key)}: ${pythonJson(item)}`)
    return `{${entries.join(', ')}}`
  }
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped)
}

/** Who says the special pieces. */
const special = '[SPL]'

/** A document cut for a model, as a line of a jsonlines file. @throws {OptionError} as `segmentDocument` */
export function segmentedDocument(
  document: CorefDocument,
  tokenizer: WordPieceTokenizer,
  config: SegmentOptions,
): SegmentedDocument {
  const pieces = segmentDocument(document, tokenizer, config)
  let t = 0
  const rows = pieces.segments.map((ids) => (pieces.overlap ? ids.slice(1, -1) : ids))
  const speakers = rows.map((row) =>
    row.map(() => {
      const [id, word] = [pieces.speakerIds[t]!, pieces.subtokenMap[t]!]
      t++
      return id === 1 ? special : (document.speakers[word] ?? '-')
    }),
  )
  return {
    docKey: documentKey(document),
    segments: rows.map((row) => row.map((id) => tokenizer.vocabulary.piece(id))),
    speakers,
    sentenceMap: pieces.sentenceMap,
    subtokenMap: pieces.subtokenMap,
    clusters: pieces.clusters,
    predictedClusters: null,
    words: document.words,
    fields: {},
  }
}

/**
 * The pieces of a line, as a model reads them. The genre is the first two characters of the key, as in the references.
 *
 * @throws {FormatError} where a piece is not in the vocabulary, or the segments are not those of the model's settings
 */
export function piecesOfSegmented(
  { docKey, segments, speakers, sentenceMap, subtokenMap, clusters }: SegmentedDocument,
  { vocabulary, specialTokens }: WordPieceTokenizer,
  { overlap, maxSegmentLength, genres }: SegmentOptions,
): Pieces {
  const [cls, sep] = [vocabulary.piece(specialTokens.cls), vocabulary.piece(specialTokens.sep)]
  const idOf = (piece: string): number => {
    const id = vocabulary.id(piece)
    if (id !== undefined) return id
    const expected = "pieces of the model's vocabulary"
    throw new FormatError({ key: docKey, expected, got: JSON.stringify(piece), hint: 'segment the document anew' })
  }
  const closed = (row: readonly string[]) => row[0] === cls && row.at(-1) === sep
  const odd = segments.findIndex((row) => closed(row) === overlap || row.length + (overlap ? 2 : 0) > maxSegmentLength)
  if (odd >= 0) {
    const kind = overlap ? `without ${cls} and ${sep}` : `from ${cls} to ${sep}`
    const expected = `segments ${kind} of at most ${maxSegmentLength} pieces`
    throw new FormatError({ key: docKey, expected, got: `segment ${odd} of ${segments[odd]!.length}` })
  }
  const ids = segments.map((row) => (overlap ? [cls, ...row, sep] : row).map(idOf))
  return {
    segments: ids,
    overlap: overlap ? overlapRows(ids, maxSegmentLength) : null,
    sentenceMap,
    subtokenMap,
    speakerIds: speakerNumbers(
      speakers.flat(),
      speakers.flat().map((name) => name === special),
    ),
    segmentMap: segments.flatMap((row, s) => row.map(() => s)),
    genre: genreIndex({ genres }, docKey.slice(0, 2)),
    clusters,
  }
}

/** The words of a line, with sentences, speakers and clusters. Without its words, those are joined from pieces. */
export function documentOfSegmented(line: SegmentedDocument): CorefDocument {
  const { docKey, sentenceMap, subtokenMap, clusters } = line
  const speakers = line.speakers.flat()
  const pieces = line.segments.flat()
  const count = subtokenMap.length === 0 ? 0 : Math.max(...subtokenMap) + 1
  const joined = new Array<string>(count).fill('')
  const sentenceOf = new Array<number>(count).fill(0)
  const speakerOf = new Array<string | null>(count).fill(null)
  for (const [t, word] of subtokenMap.entries()) {
    if (speakers[t] === special) continue
    if (joined[word] === '') {
      sentenceOf[word] = sentenceMap[t]!
      speakerOf[word] = speakers[t] === '-' ? null : speakers[t]!
    }
    joined[word] += pieces[t]!.replace(/^##/, '')
  }
  const starts = sentenceOf.flatMap((sentence, w) => (w === 0 || sentence !== sentenceOf[w - 1] ? [w] : []))
  const [, id = docKey, part = '0'] = /^(.*)_(\d+)$/.exec(docKey) ?? []
  return {
    id,
    part: Number(part),
    genre: docKey.slice(0, 2),
    words: line.words?.length === count ? line.words : joined,
    sentences: starts.map((start, i): Span => [start, starts[i + 1] ?? count]),
    speakers: speakerOf,
    clusters: clusters.map((mentions) => mentions.map(([s, e]): Span => [subtokenMap[s]!, subtokenMap[e - 1]! + 1])),
  }
}
