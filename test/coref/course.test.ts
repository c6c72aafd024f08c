/** What each pass of a training sees: order, windows, hidden genres, masked words, exchanged names; and its first weights. */
import {
  type CorefModel,
  Course,
  defaultTraining,
  initialHead,
  meanOfModels,
  namesOf,
  readText,
  renamed,
  type TrainingSettings,
  withIdentity,
  withValuesOf,
} from '@antecedent/coref'
import { randomKey, type Tensor, useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyConfig, tinyModel, tinyPieces } from './tinyModel.ts'

await useDevice('wasm', { threads: 1 })

const test = suite('course')

test('every epoch sees each document once in its own order, long ones in windows, genres hidden at times', () => {
  const documents = [[8, 8], [8, 8, 8, 8, 8], [6], [7]].map((lengths, i) => tinyPieces(lengths, i + 1))
  const settings: TrainingSettings = { ...defaultTraining, epochs: 50, genreDropout: 0.3 }
  const course = new Course(documents, settings, { mostSegments: 2, mask: 103, names: new Map() })
  assert.is(course.updates, 200)
  const passes = Array.from({ length: 200 }, (_, n) => course.lesson(n))
  const orders = new Set<string>()
  for (let epoch = 0; epoch < 50; epoch++) {
    const own = passes.slice(4 * epoch, 4 * epoch + 4).map(({ document }) => document)
    assert.equal([...own].sort(), [0, 1, 2, 3])
    orders.add(own.join())
  }
  assert.ok(orders.size > 10, `${orders.size} orders`)
  const windows = passes.filter(({ document }) => document === 1).map(({ pieces }) => pieces)
  assert.ok(windows.every(({ segments }) => segments.length === 2))
  const firsts = windows.map(({ segments }) => documents[1]!.segments.indexOf(segments[0]!))
  assert.equal([...new Set(firsts)].sort(), [0, 1, 2, 3])
  const hidden = passes.filter(({ pieces }) => pieces.genre === 0).length
  assert.ok(hidden > 35 && hidden < 85, `${hidden} of 200`)
  assert.is(new Set(passes.map(({ dropout }) => dropout.join())).size, 200)
  const again = new Course(documents, settings, { mostSegments: 2, mask: 103, names: new Map() })
  assert.equal(
    [7, 3, 120].map((n) => again.lesson(n)),
    [7, 3, 120].map((n) => passes[n]),
  )
  const other = new Course(documents, { ...settings, seed: 2 }, { mostSegments: 2, mask: 103, names: new Map() })
  assert.not.equal(
    passes.map((lesson) => lesson.document),
    passes.map((_, n) => other.lesson(n).document),
  )
})

test('masked words are masked whole, others and special pieces are as they were', () => {
  // three pieces a word
  const pieces = tinyPieces([32, 32])
  const subtokenMap = pieces.subtokenMap.map((_, t) => Math.floor(t / 3))
  const documents = [{ ...pieces, subtokenMap }]
  const course = new Course(
    documents,
    { ...defaultTraining, epochs: 100, wordMasking: 0.2 },
    { mostSegments: 2, mask: 99, names: new Map() },
  )
  let count = 0
  for (let n = 0; n < 100; n++) {
    const shown = course.lesson(n).pieces.segments
    const at = shown.flatMap((ids, s) => ids.flatMap((id, i) => (id === 99 ? [[s, i, 32 * s + i] as const] : [])))
    for (const [s, i, t] of at) {
      assert.ok(i > 0 && i < 31, `[${s}][${i}]`)
      for (const other of [t - 2, t - 1, t + 1, t + 2]) {
        const [row, column] = [Math.floor(other / 32), other % 32]
        if (subtokenMap[other] !== subtokenMap[t] || column === 0 || column === 31) continue
        assert.is(shown[row]![column], 99, `a piece of the word of ${t}`)
      }
    }
    for (const [s, ids] of shown.entries())
      for (const [i, id] of ids.entries()) if (id !== 99) assert.is(id, pieces.segments[s]![i])
    count += at.length
  }
  assert.ok(count > 960 && count < 1440, `${count} of 6000`)
})

test('names are words with capitals within sentences, and are exchanged at all their places alike', () => {
  const documents = ['Then Ann saw Bob and ann saw Bobs. I saw Mr Cy.', 'The Dee saw the Mr and Ann and the ann.'].map(
    (text) => readText(text),
  )
  // one piece a word, two for Bobs
  const numbers = new Map<string, number>()
  const numberOf = (word: string) => {
    const lower = word.toLowerCase()
    numbers.set(lower, numbers.get(lower) ?? 10 + numbers.size)
    return numbers.get(lower)!
  }
  const piecesOf = ({ words }: (typeof documents)[number]) => {
    const own = words.flatMap((word, w) =>
      word === 'Bobs'
        ? [
            [w, numberOf('bob')],
            [w, 5],
          ]
        : [[w, numberOf(word)]],
    )
    const [first, second] = [own.slice(0, 4), own.slice(4)]
    const segments = [first, second].map((part) => [2, ...part.map(([, id]) => id!), 3])
    const subtokenMap = [first, second].flatMap((part) => [part[0]![0]!, ...part.map(([w]) => w!), part.at(-1)![0]!])
    return { ...tinyPieces(segments.map((ids) => ids.length)), segments, subtokenMap }
  }
  const read = documents.map((document) => ({ document, pieces: piecesOf(document) }))
  const names = namesOf(read)
  const [bob, cy, dee] = ['bob', 'cy', 'dee'].map(numberOf)
  // Ann is written small as often, Mr and the stop are in both documents
  assert.equal(Object.fromEntries(names), { 1: [[bob], [cy], [dee]], 2: [[bob, 5]] })
  const { pieces } = read[0]!
  assert.is(renamed(pieces, names, 0, randomKey(1)), pieces)
  const seen = new Set<string>()
  for (let n = 0; n < 200; n++) {
    const { segments } = renamed(pieces, names, 0.5, randomKey(n))
    const [before, after] = [pieces.segments.flat(), segments.flat()]
    assert.is(after.length, before.length)
    const others = before.flatMap((id, t) => (id === after[t] ? [] : [[id, after[t]!] as const]))
    for (const [id, other] of others) assert.ok([bob, cy].includes(id) && other === dee, `${id} for ${other}`)
    assert.ok(new Set(others.map(String)).size <= 1, 'two names for the same')
    seen.add(others.map(String).join())
  }
  assert.equal([...seen].sort(), ['', `${bob},${dee}`, `${cy},${dee}`].sort())
})

test('task layers that go on: what became larger keeps what it had, in its first rows and columns', () => {
  const small = { ...tinyConfig, genres: ['a', 'b'] }
  const large = { ...small, genres: ['a', 'b', 'c'], useStringMatch: true, maxTrainingSegments: 5 }
  const [before, fresh] = [initialHead(small, 8, randomKey(1)), initialHead(large, 8, randomKey(2))]
  const values = (x: Tensor) => x.toArray() as number[][]
  const newGenres = values(fresh['emb_genre.weight']!)
  const first = 'coref_score_ffnn.0.weight'
  const newFirst = values(fresh[first]!)
  const newTable = values(fresh['emb_string_match.weight']!)
  const joined = withValuesOf(fresh, before)
  assert.equal(values(joined['emb_genre.weight']!), [...values(before['emb_genre.weight']!), newGenres[2]])
  const width = before[first]!.shape[1]!
  assert.is(joined[first]!.shape[1], width + small.featureSize)
  assert.equal(
    values(joined[first]!),
    values(before[first]!).map((row, i) => [...row, ...newFirst[i]!.slice(width)]),
  )
  assert.equal(values(joined['emb_string_match.weight']!), newTable)
  const distances = values(before['emb_segment_distance.weight']!)
  const farthest = distances.at(-1)!
  assert.equal(values(joined['emb_segment_distance.weight']!), [...distances, farthest, farthest])
  assert.equal(values(joined['coarse_bilinear.weight']!), values(before['coarse_bilinear.weight']!))
  assert.throws(() => withValuesOf(before, joined), /emb_genre.weight of at most \[2, 3\].*\[3, 3\]/)
})

test('the mean of models has the mean of all weights, and weights of its own', () => {
  const models = [1, 2, 3].map((seed) => tinyModel({}, seed, 'f32')) as [CorefModel, ...CorefModel[]]
  const mean = meanOfModels(models)
  const all = (of: (model: CorefModel) => Readonly<Record<string, Tensor>>) => {
    for (const [name, x] of Object.entries(of(mean))) {
      const sum = models.map((model) => of(model)[name]!).reduce((a, b) => a.add(b))
      allClose(x, sum.div(3), { rtol: 1e-6, atol: 1e-7 })
    }
  }
  all((model) => model.parameters)
  all((model) => model.bert.parameters)
  for (const model of models) model.dispose()
  assert.ok(Number.isFinite(mean.loss(tinyPieces([13, 9])).item()))
  assert.throws(
    () => meanOfModels([mean, tinyModel({ ffnnSize: 11 }, 1, 'f32')]),
    /meanOfModels: expected span_emb_score/,
  )
})

test('an identity to begin with: coarse scores are scalar products', () => {
  const config = { ...tinyConfig, maxSpanWidth: 3 }
  const before = initialHead(config, 8, randomKey(1))
  const after = withIdentity(before, 0.25)
  const size = after['coarse_bilinear.weight']!.shape[0]!
  assert.is(size, 3 * 8 + config.featureSize)
  assert.equal(
    [...after['coarse_bilinear.weight']!.dataSync()],
    Array.from({ length: size ** 2 }, (_, i) => (i % (size + 1) === 0 ? 0.25 : 0)),
  )
  for (const name of Object.keys(before)) if (name !== 'coarse_bilinear.weight') assert.is(after[name], before[name])
})

test.run()
