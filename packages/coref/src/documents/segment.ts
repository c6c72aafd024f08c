/** From words to pieces in segments, as the references cut them (Joshi et al. 2019, `preprocess.py`). */
import type { WordPieceTokenizer } from '@antecedent/bert'
import { OptionError } from '@antecedent/tensor'
import { type CorefConfig, genreIndex } from '../model/config.ts'
import { type Cluster, type CorefDocument, checkDocument, mergeClusters, type Span } from './document.ts'
import type { Pieces } from './pieces.ts'

/** What segmentation depends on, of a model's settings. */
export type SegmentOptions = Pick<CorefConfig, 'maxSegmentLength' | 'overlap' | 'genres'>

/** Pieces of a document without segments: one entry a piece. */
interface Stream {
  readonly ids: readonly number[]
  readonly words: readonly number[]
  /** whether a word, and a sentence, ends with the piece */
  readonly wordEnds: readonly boolean[]
  readonly sentenceEnds: readonly boolean[]
}

/** OntoNotes writes these full stops and question marks with a slash. */
const withoutSlash = (word: string): string => (word === '/.' || word === '/?' ? word.slice(1) : word)

/** The pieces of each word by itself. A word without any counts as an unknown one, so that all maps stay aligned. */
function streamOf({ words, sentences }: CorefDocument, tokenizer: WordPieceTokenizer): Stream {
  const lastWords = new Set(sentences.map(([, end]) => end - 1))
  const stream = {
    ids: [] as number[],
    words: [] as number[],
    wordEnds: [] as boolean[],
    sentenceEnds: [] as boolean[],
  }
  for (const [w, word] of words.entries()) {
    const own = tokenizer.encode(withoutSlash(word), { addSpecialTokens: false }).ids
    const ids = own.length > 0 ? own : [tokenizer.specialTokens.unk]
    for (const [i, id] of ids.entries()) {
      const isLast = i === ids.length - 1
      stream.ids.push(id)
      stream.words.push(w)
      stream.wordEnds.push(isLast)
      stream.sentenceEnds.push(isLast && lastWords.has(w))
    }
  }
  return stream
}

/**
 * Segments as spans of pieces, each as long as fits and ending with a sentence, or with a word where no sentence ends.
 *
 * @throws {OptionError} where a word is longer than a segment
 */
function segmentSpans({ ids, words, wordEnds, sentenceEnds }: Stream, room: number, document: CorefDocument): Span[] {
  const spans: Span[] = []
  for (let start = 0; start < ids.length; start = spans.at(-1)![1]) {
    const last = Math.min(start + room, ids.length) - 1
    const lastOf = (ends: readonly boolean[]) => {
      let at = last
      while (at >= start && !ends[at]) at--
      return at
    }
    const sentence = lastOf(sentenceEnds)
    const end = sentence >= start ? sentence : lastOf(wordEnds)
    if (end < start) {
      const word = words[start]!
      throw new OptionError({
        op: 'segmentDocument',
        expected: `words of at most ${Math.max(0, room)} pieces, which is what a segment holds`,
        got: `word ${word} of ${document.id} with more (${JSON.stringify(document.words[word])})`,
        hint: 'raise max_segment_len',
      })
    }
    spans.push([start, end + 1])
  }
  return spans
}

/** Piece i of segment s, or a special piece around the segment. */
interface Entry {
  readonly segment: number
  readonly word: number
  readonly sentence: number
  readonly special: boolean
}

/**
 * The pieces of a segmented document. `[CLS]` counts to the last word before it, `[SEP]` to the word before it; both
 * have the number of the sentence that follows the piece before them: that of the running sentence, or of the next
 * where one has just ended, as in the references.
 */
function entriesOf(stream: Stream, spans: readonly Span[], specials: boolean): Entry[] {
  const entries: Entry[] = []
  let sentence = 0
  for (const [segment, [start, end]] of spans.entries()) {
    const special = (word: number) => {
      if (specials) entries.push({ segment, word, sentence, special: true })
    }
    special(stream.words[start - 1] ?? 0)
    for (let at = start; at < end; at++) {
      entries.push({ segment, word: stream.words[at]!, sentence, special: false })
      sentence += Number(stream.sentenceEnds[at])
    }
    special(stream.words[end - 1]!)
  }
  return entries
}

/** Numbers of names: 1 for special pieces, then by first appearance; unknown speakers share one. */
export function speakerNumbers(speakers: readonly (string | null)[], isSpecial: readonly boolean[]): number[] {
  const numbers = new Map<string | null, number>()
  return speakers.map((speaker, t) => {
    if (isSpecial[t]) return 1
    const number = numbers.get(speaker) ?? numbers.size + 2
    numbers.set(speaker, number)
    return number
  })
}

/**
 * The second stream of overlapping segmentation: rows of the later half of one segment and the earlier of the next, one
 * row more than there are segments. Specials stand around each.
 */
export function overlapRows(segments: readonly (readonly number[])[], length: number): number[][] {
  if (segments.length === 0) return []
  const half = Math.floor(length / 2)
  const [cls, sep] = [segments[0]![0]!, segments[0]!.at(-1)!]
  const inner = segments.map((ids) => ids.slice(1, -1))
  return Array.from({ length: segments.length + 1 }, (_, s) => [
    cls,
    ...(inner[s - 1] ?? []).slice(half),
    ...(inner[s] ?? []).slice(0, half),
    sep,
  ])
}

/** Clusters of words as clusters of pieces: from the first piece of the first word to the last of the last. */
function pieceClusters(clusters: readonly Cluster[], entries: readonly Entry[]): Cluster[] {
  const first = new Map<number, number>()
  const last = new Map<number, number>()
  for (const [t, { word, special }] of entries.entries()) {
    if (special) continue
    if (!first.has(word)) first.set(word, t)
    last.set(word, t)
  }
  const spans = clusters.map((mentions) =>
    mentions.map(([start, end]): Span => [first.get(start)!, last.get(end - 1)! + 1]),
  )
  return mergeClusters(spans)
}

/**
 * Cuts a document into pieces and segments, each word by itself. Independent segments hold at most
 * `maxSegmentLength` − 2 pieces and overlapping ones `maxSegmentLength` − 3 (the references' limits), besides `[CLS]`
 * and `[SEP]`. Clusters that share a mention become one. A document without words has no segments.
 *
 * @throws {OptionError} where a word is longer than a segment, or sentences or mentions are not within the words
 */
export function segmentDocument(
  document: CorefDocument,
  tokenizer: WordPieceTokenizer,
  config: SegmentOptions,
): Pieces {
  checkDocument(document)
  const { maxSegmentLength, overlap } = config
  const stream = streamOf(document, tokenizer)
  const spans = segmentSpans(stream, maxSegmentLength - (overlap ? 3 : 2), document)
  const { cls, sep } = tokenizer.specialTokens
  const segments = spans.map(([start, end]) => [cls, ...stream.ids.slice(start, end), sep])
  const entries = entriesOf(stream, spans, !overlap)
  return {
    segments,
    overlap: overlap ? overlapRows(segments, maxSegmentLength) : null,
    sentenceMap: entries.map(({ sentence }) => sentence),
    subtokenMap: entries.map(({ word }) => word),
    speakerIds: speakerNumbers(
      entries.map(({ word }) => document.speakers[word] ?? null),
      entries.map(({ special }) => special),
    ),
    segmentMap: entries.map(({ segment }) => segment),
    genre: genreIndex({ genres: config.genres }, document.genre),
    clusters: pieceClusters(document.clusters, entries),
  }
}

/**
 * Some segments of a document in a row, as training cuts long ones. Gold mentions that reach into the part stay, with
 * indices below 0 or beyond its end where they are only partly in it. Not for overlapping segments.
 *
 * @param first  number of the first segment
 * @param count  of segments at most
 */
export function someSegments(pieces: Pieces, first: number, count: number): Pieces {
  if (pieces.overlap) {
    throw new OptionError({ op: 'someSegments', expected: 'independent segments', got: 'overlapping ones' })
  }
  const inside = pieces.segmentMap.flatMap((s, t) => (s >= first && s < first + count ? [t] : []))
  const [start, end] = [inside[0] ?? 0, (inside.at(-1) ?? -1) + 1]
  const part = (list: readonly number[]) => list.slice(start, end)
  const clusters = pieces.clusters.map((mentions) =>
    mentions.filter((m) => m[1] > start && m[0] < end).map((m): Span => [m[0] - start, m[1] - start]),
  )
  return {
    ...pieces,
    segments: pieces.segments.slice(first, first + count),
    sentenceMap: part(pieces.sentenceMap),
    subtokenMap: part(pieces.subtokenMap),
    speakerIds: part(pieces.speakerIds),
    segmentMap: part(pieces.segmentMap).map((s) => s - first),
    clusters: clusters.filter((mentions) => mentions.length > 0),
  }
}
