import { readFileSync } from 'node:fs'
import { Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import {
  type Cluster,
  type CorefDocument,
  ontonotesGenres,
  type Pieces,
  readConll,
  type Span,
  segmentDocument,
  segmentedDocument,
  someSegments,
  wordsOf,
  writeConll,
} from '@antecedent/coref'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasShared, needsShared, shared } from '../support/shared.ts'

const test = suite('coref segments')

interface GoldenDocument {
  name: string
  docKey: string
  genre: string
  words: string[]
  sentenceEnds: number[]
  speakers: string[]
  clusters: [number, number][][]
}

interface GoldenCase {
  name: string
  document: string
  mode: 'independent' | 'overlap'
  maxSegmentLength: number
  raises: boolean
  tokens: string[][]
  inputIds: number[][]
  mask: number[][]
  overlapIds?: number[][]
  overlapMask?: number[][]
  speakerIds: number[][]
  genre: number
  sentenceMap: number[]
  subtokenMap: number[]
  clusters: [number, number][][]
  goldStarts: number[]
  goldEnds: number[]
  goldClusterIds: number[]
  corefColumn?: string[]
}

interface GoldenTruncation {
  name: string
  case: string
  maxTrainingSegments: number
  offset: number
  inputIds: number[][]
  speakerIds: number[][]
  sentenceMap: number[]
  goldStarts: number[]
  goldEnds: number[]
  goldClusterIds: number[]
}

interface Golden {
  documents: GoldenDocument[]
  cases: GoldenCase[]
  truncations: GoldenTruncation[]
}

const golden: Golden = hasShared
  ? JSON.parse(readFileSync(shared('golden/coref/preprocess.json'), 'utf8'))
  : { documents: [], cases: [], truncations: [] }
const tokenizer = hasShared
  ? new WordPieceTokenizer(
      Vocabulary.fromText(readFileSync(shared('data/wordpiece/bert-base-uncased-vocab.txt'), 'utf8')),
    )
  : null

const halfOpen = (clusters: [number, number][][]): Cluster[] =>
  clusters.map((mentions) => mentions.map(([first, last]) => [first, last + 1] as const))
const inclusive = (clusters: readonly Cluster[]) =>
  clusters.map((mentions) => mentions.map(([start, end]) => [start, end - 1]))

function documentOf({ docKey, genre, words, sentenceEnds, speakers, clusters }: GoldenDocument): CorefDocument {
  return {
    id: docKey,
    part: 0,
    genre,
    words,
    sentences: sentenceEnds.map((last, i) => [i === 0 ? 0 : sentenceEnds[i - 1]! + 1, last + 1]),
    speakers: speakers.map((name) => (name === '-' ? null : name)),
    clusters: halfOpen(clusters),
  }
}

const documents = new Map(golden.documents.map((document) => [document.name, documentOf(document)]))
const settings = ({ mode, maxSegmentLength }: GoldenCase) => ({
  maxSegmentLength,
  overlap: mode === 'overlap',
  genres: ontonotesGenres,
})
const segmented = (one: GoldenCase): Pieces => segmentDocument(documents.get(one.document)!, tokenizer!, settings(one))

/** Rows padded with 0, as the references' tensors. */
const padded = (rows: readonly (readonly number[])[], length: number) =>
  rows.map((row) => [...row, ...new Array<number>(length - row.length).fill(0)])

/** Mentions by place, each with the number of its cluster by first appearance: only the partition counts. */
function golds(starts: number[], ends: number[], ids: number[]): string[] {
  const numbers = new Map<number, number>()
  const rows = starts.map((start, i) => [start, ends[i]!, ids[i]!] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return rows.map(([start, end, id]) => {
    if (!numbers.has(id)) numbers.set(id, numbers.size)
    return `${start}-${end}:${numbers.get(id)}`
  })
}
const goldsOf = ({ clusters }: Pieces): string[] => {
  const mentions = inclusive(clusters).flatMap((spans, c) => spans.map(([a, b]) => [a!, b!, c] as const))
  return golds(
    mentions.map(([start]) => start),
    mentions.map(([, end]) => end),
    mentions.map(([, , cluster]) => cluster),
  )
}

/** The speakers of each padded row; overlapping segments have none at their specials. */
function speakerRows(pieces: Pieces, length: number): number[][] {
  let t = 0
  const rows = pieces.segments.map((ids) =>
    ids.map((_, i) => (pieces.overlap && (i === 0 || i === ids.length - 1) ? 0 : pieces.speakerIds[t++]!)),
  )
  return padded(rows, length)
}

needsShared(test)('every segmentation of the references is ours', () => {
  let compared = 0
  for (const expected of golden.cases) {
    if (expected.raises) {
      assert.throws(() => segmented(expected), /words of at most \d+ pieces.*max_segment_len/, expected.name)
      continue
    }
    const { name, maxSegmentLength, mode } = expected
    const pieces = segmented(expected)
    const same = (actual: unknown, other: unknown, what: string) => assert.equal(actual, other, `${name}: ${what}`)
    const line = segmentedDocument(documents.get(expected.document)!, tokenizer!, settings(expected))
    same(line.segments, expected.tokens, 'tokens')
    same(padded(pieces.segments, maxSegmentLength), expected.inputIds, 'ids')
    same(
      padded(
        pieces.segments.map((ids) => ids.map(() => 1)),
        maxSegmentLength,
      ),
      expected.mask,
      'mask',
    )
    if (mode === 'overlap') {
      same(padded(pieces.overlap!, maxSegmentLength), expected.overlapIds, 'overlap')
      same(
        padded(
          pieces.overlap!.map((ids) => ids.map(() => 1)),
          maxSegmentLength,
        ),
        expected.overlapMask,
        'mask of the overlap',
      )
    } else assert.is(pieces.overlap, null)
    same(speakerRows(pieces, maxSegmentLength), expected.speakerIds, 'speakers')
    same(pieces.genre, expected.genre, 'genre')
    same(pieces.sentenceMap, expected.sentenceMap, 'sentences')
    same(pieces.subtokenMap, expected.subtokenMap, 'words')
    same(inclusive(pieces.clusters), expected.clusters, 'clusters')
    same(goldsOf(pieces), golds(expected.goldStarts, expected.goldEnds, expected.goldClusterIds), 'gold mentions')
    compared++
  }
  assert.ok(compared > 100, `${compared} cases`)
})

needsShared(test)('the mentions of pieces, written as a CoNLL column, are the reference writer’s', () => {
  for (const expected of golden.cases.filter(({ corefColumn }) => corefColumn)) {
    const document = documents.get(expected.document)!
    const pieces = segmented(expected)
    const words = pieces.clusters.map((mentions) => mentions.map((span) => wordsOf(pieces, span)))
    // one document's last sentence does not end in its file
    const end = document.sentences.at(-1)![1]
    const rest: Span[] = end < document.words.length ? [[end, document.words.length]] : []
    const text = writeConll([{ ...document, sentences: [...document.sentences, ...rest], clusters: words }])
    const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    assert.equal(
      rows.map((line) => line.split('\t').at(-1)),
      expected.corefColumn,
      expected.name,
    )
    assert.equal(readConll(text)[0]!.clusters.length, words.length)
  }
})

needsShared(test)('documents are cut for training as the reference cuts them', () => {
  for (const expected of golden.truncations) {
    const whole = golden.cases.find(({ name }) => name === expected.case)!
    const part = someSegments(segmented(whole), expected.offset, expected.maxTrainingSegments)
    const same = (actual: unknown, other: unknown, what: string) =>
      assert.equal(actual, other, `${expected.name}: ${what}`)
    same(padded(part.segments, whole.maxSegmentLength), expected.inputIds, 'ids')
    same(speakerRows(part, whole.maxSegmentLength), expected.speakerIds, 'speakers')
    same(part.sentenceMap, expected.sentenceMap, 'sentences')
    same(goldsOf(part), golds(expected.goldStarts, expected.goldEnds, expected.goldClusterIds), 'gold mentions')
    assert.is(part.segmentMap[0], 0)
  }
  assert.ok(golden.truncations.length > 0)
})

test.run()
