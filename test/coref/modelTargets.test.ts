import { layerIntegratedGradients, padBaseline } from '@antecedent/attribution'
import {
  type CorefDocument,
  type CorefModel,
  choicesOf,
  type Decision,
  pronounsOf,
  readText,
  type StringMatch,
  structureOfSpans,
} from '@antecedent/coref'
import { scope, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resolutionOf } from '../../packages/coref/src/model/resolution.ts'
import { tinyModel, tinyPieces, variants } from './tinyModel.ts'

await useDevice('ref') // f64

const test = suite('coref targets')
const pieces = tinyPieces([13, 9, 12])
const near = (a: number, b: number, what: string) =>
  assert.ok(Math.abs(a - b) <= 1e-10 * Math.max(1, Math.abs(b)), `${what}: ${a}, expected ${b}`)

type Record = Awaited<ReturnType<CorefModel['score']>>

/** Decisions about a span, with the values that the record gives them. */
function decisionsOf(record: Record, span: number, fine: boolean): [Decision, number][] {
  const own = record.antecedents[span]!
  const antecedent = own.at(-1)!
  const column = own.length - 1
  const scores = record.scores[span]!
  const list: [Decision, number][] = [
    [{ kind: 'mention', span }, record.spans.scores[span]!],
    [{ kind: 'coarse', span, antecedent }, record.coarse.scores[span]![column]!],
    [{ kind: 'total', span, antecedent }, scores[1 + column]!],
    [{ kind: 'logProbability', span, antecedent }, Math.log(record.distribution[span]![1 + column]!)],
    [{ kind: 'logProbabilityOfDummy', span }, Math.log(record.distribution[span]![0]!)],
    [{ kind: 'margin', span, antecedent, other: null }, scores[1 + column]!],
    [{ kind: 'margin', span, antecedent: null, other: antecedent }, -scores[1 + column]!],
    [{ kind: 'margin', span, antecedent, other: own[0]! }, scores[1 + column]! - scores[1]!],
  ]
  if (fine) list.push([{ kind: 'fine', span, antecedent }, record.passes.at(-1)!.fine[span]![column]!])
  return list
}

test('frozen targets have the values of the record, in every variant', async () => {
  for (const [name, changes] of Object.entries(variants)) {
    const model = tinyModel(changes)
    const record = await model.score(pieces)
    const { structure } = record
    const rows = record.antecedents.flatMap((own, i) => (own.length > 1 ? [i] : []))
    const all = [rows[0]!, rows.at(-1)!].flatMap((span) => decisionsOf(record, span, model.config.fineGrained))
    const { input, forward, of } = model.targets(
      { pieces, structure },
      all.map(([decision]) => decision),
    )
    const [values, byTokens] = [forward(input), of(model.encode(pieces))]
    for (const [i, [decision, expected]] of all.entries()) {
      near(values[i]!.item(), expected, `${name} ${JSON.stringify(decision)}`)
      near(byTokens[i]!.item(), expected, `${name} ${JSON.stringify(decision)}`)
    }
    const [loss] = model.targets({ pieces, structure }, [{ kind: 'loss' }]).of(model.encode(pieces))
    near(loss!.item(), model.loss(pieces).item(), `${name} loss`)
  }
})

test('the record hangs together: parts sum up, rows are distributions, links are the best columns', async () => {
  const record = await tinyModel({ depth: 2, useStringMatch: true }).score(pieces)
  const { spans, coarse, candidates } = record
  for (const [i, own] of record.antecedents.entries()) {
    near(spans.scores[i]!, spans.bySpan[i]! + spans.byWidth![i]!, 'mention score')
    near(candidates.scores[spans.candidates[i]!]!, spans.scores[i]!, 'candidate')
    assert.equal(candidates.pieces[spans.candidates[i]!], spans.pieces[i])
    near(
      record.distribution[i]!.reduce((a, b) => a + b),
      1,
      'distribution',
    )
    near(
      record.entities![i]!.reduce((a, b) => a + b),
      1,
      'entities',
    )
    for (const [c, j] of own.entries()) {
      const priors = coarse.distance![i]![c]! + coarse.strings![i]![c]!
      const sum = spans.scores[i]! + spans.scores[j]! + coarse.bilinear[i]![c]! + priors
      near(coarse.scores[i]![c]!, sum, 'coarse score')
      const { fine, total } = record.passes.at(-1)!
      near(total[i]![c]!, fine[i]![c]! + sum, 'total')
      near(record.scores[i]![1 + c]!, total[i]![c]!, 'final')
      assert.is(record.features.distance[i]![c], i - j)
    }
    const best = record.scores[i]!.indexOf(Math.max(...record.scores[i]!)) - 1
    assert.is(record.links[i], best < 0 ? -1 : own[best])
  }
  assert.ok(record.clusters.length > 0)
  for (const cluster of record.clusters) assert.ok(cluster.length > 1)
})

test('two spans are scored by hand as pruning scored them, without pruning', async () => {
  const model = tinyModel()
  const record = await model.score(pieces)
  const span = record.links.findIndex((j) => j >= 0)
  const antecedent = record.links[span]!
  const [i, j] = [record.spans.pieces[span]!, record.spans.pieces[antecedent]!]
  const structure = structureOfSpans(model.config, pieces, [i, j], () => span - antecedent)
  const [total] = model
    .targets({ pieces, structure }, [{ kind: 'total', span: 1, antecedent: 0 }])
    .of(model.encode(pieces))
  near(total!.item(), record.scores[span]![1 + record.antecedents[span]!.indexOf(antecedent)]!, 'total')
  assert.throws(() => structureOfSpans(model.config, pieces, [[30, 99]]), /within 34 pieces/)
  assert.throws(() => structureOfSpans(model.config, pieces, [[3, 3]]), /spans/)
})

test('with overlapping segments a decision is explained at the rows of both streams', async () => {
  const model = tinyModel({ overlap: true, maxSegmentLength: 9 })
  const text = 'the nurse called the doctor because she was late and he was kind .'
  const { document, pieces } = model.read(text)
  assert.is(pieces.segments.length, 3)
  const record = await model.score(pieces, { document })
  const span = record.links.findLastIndex((j) => j >= 0)
  const decision: Decision = { kind: 'total', span, antecedent: record.links[span]! }
  const { input, forward } = model.targets({ pieces, structure: record.structure }, [decision], document)
  const length = Math.max(...[...pieces.segments, ...pieces.overlap!].map((row) => row.length))
  assert.is(input.ids.length, 7 * length)
  for (const [t, word] of input.wordIds.entries()) {
    if (word === null) continue
    assert.is(text.slice(...input.offsets[t]!), document.words[word])
    assert.is(input.tokens[t], document.words[word])
  }
  // each word twice: once in either stream
  for (const w of document.words.keys()) assert.is(input.wordIds.filter((word) => word === w).length, 2)
  const [explained] = await layerIntegratedGradients({ forward, input, baseline: padBaseline(input), nSteps: 120 })
  const column = 1 + record.antecedents[span]!.indexOf(record.links[span]!)
  near(explained!.fx, record.scores[span]![column]!, 'value')
  const scale = Math.max(0.1, Math.abs(explained!.fx - explained!.fBaseline))
  assert.ok(Math.abs(explained!.completenessError) < 0.05 * scale, String(explained!.completenessError))
})

test('unknown spans and antecedents are told', async () => {
  const model = tinyModel()
  const { structure, antecedents } = await model.score(pieces)
  const targets = (decision: Decision) => model.targets({ pieces, structure }, [decision])
  assert.throws(() => targets({ kind: 'mention', span: 99 }), /rank of one of/)
  assert.throws(() => targets({ kind: 'total', span: 0, antecedent: 1 }), /it has none/)
  assert.ok(!antecedents[2]!.includes(2))
  assert.throws(() => targets({ kind: 'margin', span: 2, antecedent: 0, other: 2 }), /antecedents of span 2/)
})

test('layerIntegratedGradients explains a decision about a document of several segments', async () => {
  for (const name of ['one pass', 'three passes of attended antecedents', 'span clustering', 'cluster merging']) {
    const model = tinyModel(variants[name])
    const record = await model.score(pieces)
    const span = record.links.findLastIndex((j) => j >= 0)
    const antecedent = record.links[span]!
    const decisions: Decision[] = [
      { kind: 'total', span, antecedent },
      { kind: 'logProbability', span, antecedent },
    ]
    const { input, forward } = model.targets({ pieces, structure: record.structure }, decisions)
    const records = await layerIntegratedGradients({ forward, input, baseline: padBaseline(input), nSteps: 120 })
    const column = 1 + record.antecedents[span]!.indexOf(antecedent)
    near(records[0]!.fx, record.scores[span]![column]!, 'value')
    for (const { scores, tokens, fx, fBaseline, completenessError } of records) {
      assert.is(scores.length, 3 * 13)
      assert.is(tokens[0], '[CLS]')
      // ReLU bends the path, so the rule is not exact
      const scale = Math.max(0.1, Math.abs(fx - fBaseline))
      assert.ok(Math.abs(completenessError) < 0.05 * scale, `${name}: ${completenessError} of ${fx - fBaseline}`)
      // [CLS], [SEP] and padding are those of the baseline
      assert.is(scores[0], 0)
      assert.is(scores[13 + 9], 0)
      assert.ok(scores.some((score) => Math.abs(score) > 1e-3))
    }
  }
})

test('mentions come in words, characters and text', async () => {
  const model = tinyModel()
  const text = 'the nurse called doctor because she was kind and late . he was late'
  const words = text.split(' ')
  let at = 0
  const offsets = words.map((word): [number, number] => {
    const start = text.indexOf(word, at)
    at = start + word.length
    return [start, at]
  })
  const document: CorefDocument = {
    id: 'd',
    part: 0,
    genre: null,
    words,
    sentences: [[0, words.length]],
    speakers: words.map(() => null),
    clusters: [],
    text,
    offsets,
  }
  const one = tinyPieces([16])
  const { clusters, links } = await model.resolve(one, { document })
  assert.ok(clusters.length > 0 && links.length > 0)
  for (const mention of clusters.flat()) {
    assert.is(mention.text, words.slice(...mention.words).join(' '))
    assert.is(text.slice(...mention.characters!), mention.text)
  }
  const seen = clusters.flat().map(({ words }) => words.join())
  assert.is(new Set(seen).size, seen.length)
  for (const { score, probability } of links) assert.ok(score > 0 && probability > 0 && probability <= 1)
  const { input } = scope(() =>
    model.targets({ pieces: one, structure: structureOfSpans(model.config, one, []) }, [], document),
  )
  for (const [i, word] of input.wordIds.entries()) {
    assert.equal(input.offsets[i], word === null ? [0, 0] : offsets[word])
  }
})

test('spans of pieces that are the same words are one mention', async () => {
  const record = await tinyModel().score(pieces)
  const { clusters } = resolutionOf(record)
  assert.ok(clusters.length > 0)
  const [first, second] = record.clusters[0]!
  const words = record.spans.words.map((span, rank) => (rank === second ? record.spans.words[first!]! : span))
  const merged = resolutionOf({ ...record, spans: { ...record.spans, words } })
  assert.is(merged.clusters.flat().length, clusters.flat().length - (record.clusters[0]!.length === 2 ? 2 : 1))
})

test('choices are sorted, what is linked first, none among them; a pronoun is the shortest kept span of its word', () => {
  const record = {
    links: [-1, -1, 0],
    antecedents: [[], [0], [1, 0]],
    scores: [[0], [0, -1], [0, 0, 2]],
    distribution: [[1], [0.7, 0.3], [0.1, 0.1, 0.8]],
    features: { stringMatch: null },
  }
  assert.equal(choicesOf(record, 0), [{ antecedent: null, score: 0, probability: 1, stringMatch: null }])
  const stringMatch: StringMatch[][] = [[], ['last'], ['none', 'all']]
  assert.equal(
    choicesOf({ ...record, features: { stringMatch } }, 2).map((choice) => choice.stringMatch),
    ['all', null, 'none'],
  )
  assert.equal(
    choicesOf(record, 2).map(({ antecedent, probability }) => [antecedent, probability]),
    [
      [0, 0.8],
      [null, 0.1], // of equal ones none comes first
      [1, 0.1],
    ],
  )
  assert.equal(
    choicesOf({ ...record, links: [-1, -1, 1] }, 2).map(({ antecedent }) => antecedent),
    [1, 0, null],
  )
  const spans = {
    ...{
      pieces: [[0, 2] as const, [1, 2] as const, [2, 4] as const],
      words: [[0, 1] as const, [0, 1] as const, [1, 3] as const],
    },
    ...{ characters: null, candidates: [0, 1, 2], scores: [0, 0, 0], bySpan: [0, 0, 0], byWidth: null },
  }
  assert.equal(pronounsOf({ spans }, readText('She saw him')), [
    { word: 0, rank: 1 },
    { word: 2, rank: null },
  ])
})

test.run()
