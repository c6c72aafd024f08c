/** Documents at the edges of what a model reads: a right result or a clear error. */
import { type CorefDocument, type Pieces, readText } from '@antecedent/coref'
import { memoryInfo, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from './tinyModel.ts'

const test = suite('coref robustness')
const text = 'The nurse called the doctor because she was late. The doctor was kind.'

test.before.each(async () => void (await useDevice('ref')))

test('a text is read as its words, and every place leads back to it', async () => {
  const model = tinyModel()
  const { document, pieces } = model.read(text)
  const record = await model.score(text)
  const { candidates, spans } = record
  for (const { pieces: own, words, characters } of [candidates, spans]) {
    assert.is(own.length, words.length)
    for (const [i, [start, end]] of own.entries()) {
      assert.equal(words[i], [pieces.subtokenMap[start], pieces.subtokenMap[end - 1]! + 1])
      const span = characters![i]!
      assert.is(
        text.slice(...span),
        text.slice(document.offsets![words[i]![0]]![0], document.offsets![words[i]![1] - 1]![1]),
      )
    }
  }
  assert.equal(await model.score(document), record)
  assert.equal(await model.score(pieces, { document }), record)
  assert.equal(await model.resolve(text), await model.resolve(pieces, { document }))
})

test('a text that is empty, white space or one word has no entities', async () => {
  const model = tinyModel()
  for (const input of ['', ' \n ', 'nurse']) {
    assert.equal(await model.resolve(input), { clusters: [], links: [] })
    const record = await model.score(input)
    assert.is(record.document, 'text')
    assert.equal(record.clusters, [])
  }
  const overlap = tinyModel({ overlap: true })
  for (const input of ['', 'nurse', text]) assert.ok((await overlap.resolve(input)).clusters.length >= 0)
})

test('words without pieces are unknown ones, and the words behind them keep their places', async () => {
  const model = tinyModel()
  const words = ['the', '\u200b', 'nurse', '\ufffd', 'was', 'late']
  const odd: CorefDocument = {
    ...readText('x'),
    words,
    sentences: [[0, 6]],
    speakers: words.map(() => null),
    clusters: [
      [
        [2, 3],
        [3, 4],
      ],
    ],
  }
  const { text: _, offsets, ...document } = odd
  const { pieces } = model.read(document)
  const { specialTokens, vocabulary } = model.bert.tokenizer
  assert.equal(pieces.subtokenMap, [0, 0, 1, 2, 3, 4, 5, 5])
  assert.equal(
    pieces.segments[0]!.map((id) => vocabulary.piece(id)),
    ['[CLS]', 'the', '[UNK]', 'nurse', '[UNK]', 'was', 'late', '[SEP]'],
  )
  assert.is(pieces.segments[0]![2], specialTokens.unk)
  assert.equal(pieces.clusters, [
    [
      [3, 4],
      [4, 5],
    ],
  ])
  assert.is((await model.score(document)).candidates.characters, null)
})

test('an unknown genre counts as the first, a missing speaker as one speaker', () => {
  const model = tinyModel()
  const genreOf = (genre: string | null) => model.read({ ...readText(text), genre }).pieces.genre
  assert.equal(['nw', 'bc', 'novel', null, ''].map(genreOf), [3, 0, 0, 0, 0])
  const { document } = model.read(text)
  const speakersOf = (speakers: (string | null)[]) => model.read({ ...document, speakers }).pieces.speakerIds
  const none = speakersOf(document.words.map(() => null))
  assert.equal(none, speakersOf(document.words.map(() => 'Ann')))
  const one = speakersOf(document.words.map((_, w) => (w < 3 ? 'Ann' : null)))
  assert.equal([...new Set(one)], [1, 2, 3])
})

test('gold mentions that nest, cross and repeat give one loss, whatever their order', () => {
  const model = tinyModel()
  const { document } = model.read(text)
  const clusters = [
    [
      [0, 2],
      [6, 7],
      [1, 4],
    ],
    [
      [3, 5],
      [10, 12],
      [3, 5],
    ],
    [
      [0, 5],
      [2, 7],
    ],
  ] as CorefDocument['clusters']
  const lossOf = (document: CorefDocument) => model.loss(model.read(document).pieces).toArray()
  const loss = lossOf({ ...document, clusters })
  assert.ok(Number.isFinite(loss as number) && (loss as number) > 0)
  assert.is(loss, lossOf({ ...document, clusters: clusters.map((c) => [...c].reverse()).reverse() }))
  // sharing a mention makes one cluster of two
  const shared = [
    ...clusters,
    [
      [0, 2],
      [3, 5],
    ],
  ] as CorefDocument['clusters']
  const joined = [[...clusters[0]!, ...clusters[1]!], clusters[2]!]
  assert.is(lossOf({ ...document, clusters: shared }), lossOf({ ...document, clusters: joined }))
  const beyond = () => lossOf({ ...document, clusters: [[[0, document.words.length + 1]]] })
  assert.throws(beyond, /document text: expected mentions within 15 words, got \[0, 16\)/)
  assert.throws(() => model.read({ ...document, speakers: [] }), /15 speakers/)
  assert.throws(
    () =>
      model.read({
        ...document,
        sentences: [
          [3, 15],
          [0, 3],
        ],
      }),
    /sentences in order/,
  )
  assert.throws(() => model.read({ ...document, offsets: [] }), /15 offsets/)
})

test('10,000 words are resolved', async () => {
  await useDevice('wasm')
  const model = tinyModel({ maxTopAntecedents: 50, maxSegmentLength: 40 }, 3, 'f32')
  const sentence = 'the nurse called the doctor because she was late .'
  const long = new Array(1000).fill(sentence).join(' ')
  const { pieces } = model.read(long)
  assert.ok(
    pieces.sentenceMap.length > 10_000 && pieces.segments.every((ids: Pieces['segments'][number]) => ids.length <= 40),
  )
  const { clusters, links } = await model.resolve(long)
  assert.ok(clusters.length > 0 && links.length > 0)
  for (const { characters, text } of clusters.flat()) assert.is(long.slice(...characters!), text)
})

test('a word longer than a segment is an error that says what to do, and leaves nothing behind', async () => {
  const model = tinyModel()
  const before = memoryInfo().tensors
  const long = `she ${'.'.repeat(3)} was`
  assert.ok(await model.resolve(long))
  const word = { ...readText('x'), words: ['a.'.repeat(20)] }
  const message = await model.resolve(word).catch((error: Error) => error.message)
  assert.match(String(message), /words of at most 14 pieces.*word 0 of text.*max_segment_len/)
  assert.is(memoryInfo().tensors, before)
})

test.run()
