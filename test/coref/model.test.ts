import { defaultConfig, type Pieces, parseCorefConfig } from '@antecedent/coref'
import {
  dropoutOf,
  fold,
  matmul,
  memoryInfo,
  normal,
  randomKey,
  softmax,
  type Tensor,
  tap,
  tensor,
  tril,
  useDevice,
  valueAndGrad,
} from '@antecedent/tensor'
import { allClose, checkGradients } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { genreIndex } from '../../packages/coref/src/model/config.ts'
import { finePairs, pairFeatures } from '../../packages/coref/src/model/fine.ts'
import { candidateScores, mentionScores } from '../../packages/coref/src/model/mentions.ts'
import { bestAntecedents, bucketOf, keepSpans, spanCount } from '../../packages/coref/src/model/prune.ts'
import { entityMatrix } from '../../packages/coref/src/model/refine.ts'
import { candidateSpans, headLogits, spanVectors } from '../../packages/coref/src/model/spans.ts'
import { contextOf, tinyModel, tinyPieces, variants } from './tinyModel.ts'

await useDevice('ref') // f64

const test = suite('coref model')
const close = { rtol: 1e-10, atol: 1e-11 }
const pieces = tinyPieces([13, 9, 12])

test('buckets are those of the table', () => {
  const expected = { '-3': 0, 0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 7: 5, 8: 6, 15: 6, 16: 7, 31: 7, 32: 8, 63: 8, 64: 9 }
  for (const [d, bucket] of Object.entries(expected)) assert.is(bucketOf(Number(d)), bucket, d)
  assert.is(bucketOf(100_000), 9)
})

test('candidates stay within a sentence and the width, by start, then end', () => {
  const { starts, ends } = candidateSpans([0, 0, 0, 1, 1], 2)
  assert.equal([...starts], [0, 0, 1, 1, 2, 3, 3, 4])
  assert.equal([...ends], [1, 2, 2, 3, 3, 4, 5, 5])
})

test('greedy selection keeps nested spans, not crossing ones; ties go to the first; fewer stay fewer', () => {
  const spans = { starts: Int32Array.of(0, 1, 1, 2, 4), ends: Int32Array.of(3, 2, 4, 5, 5) }
  // [0,3) first; [1,4) and [2,5) cross it; [1,2) lies within
  assert.equal([...keepSpans(spans, [5, 1, 4, 4, 1], 5)], [0, 1, 4])
  assert.equal([...keepSpans(spans, [5, 1, 4, 4, 1], 2)], [0, 1])
  assert.equal([...keepSpans(spans, [0, 0, 2, 2, 0], 1)], [2])
})

test('the number of kept spans is a share of the pieces, cut', () => {
  assert.is(spanCount(defaultConfig, 2), 0)
  assert.is(spanCount(defaultConfig, 3), 1)
  assert.is(spanCount(defaultConfig, 1e6), 3900)
})

test('antecedents come by score, of equal ones the lowest rank, then −1', () => {
  const scores = [9, 9, 9, 1, 9, 9, 2, 2, 9]
  assert.equal([...bestAntecedents(scores, 0, 3, 2)], [-1, -1, 0, -1, 0, 1])
  assert.equal([...bestAntecedents([2, 3, 9], 2, 3, 3)], [1, 0, -1])
  // many equal ones, more than are kept
  const k = 30
  const many = normal([k, k], randomKey(4), { dtype: 'f64' }).mul(2).round().dataSync()
  const rows = Array.from({ length: k }, (_, i) => {
    const ranks = Array.from({ length: i }, (_, j) => j).sort((a, b) => many[i * k + b]! - many[i * k + a]! || a - b)
    return [...ranks.slice(0, 7), ...new Array<number>(7).fill(-1)].slice(0, 7)
  })
  assert.equal([...bestAntecedents(many, 0, k, 7)], rows.flat())
})

test('the scores of candidates in factored form are those on whole vectors', () => {
  for (const [name, changes] of Object.entries(variants)) {
    const model = tinyModel(changes)
    const context = contextOf(model)
    const tokens = model.encode(pieces)
    const logits = headLogits(context, tokens)
    const spans = candidateSpans(pieces.sentenceMap, model.config.maxSpanWidth)
    const factored = candidateScores(context, tokens, logits, spans)
    const plain = mentionScores(context, spanVectors(context, tokens, logits, spans), spans)
    allClose(factored.total, plain.total, close)
    assert.is(factored.width === null, !model.config.useWidthPrior, name)
  }
})

test('a head is the attention-weighted mean of its span, by the formula', () => {
  const model = tinyModel({ useFeatures: false })
  const context = contextOf(model)
  const tokens = model.encode(pieces)
  const logits = headLogits(context, tokens)
  const spans = { starts: Int32Array.of(2, 20), ends: Int32Array.of(5, 22) }
  const vectors = spanVectors(context, tokens, logits, spans)
  for (const [row, [start, end]] of [
    [2, 5],
    [20, 22],
  ].entries()) {
    const inside = tokens.slice([start!], [end!])
    const head = matmul(softmax(logits.slice([start!], [end!])), inside)
    allClose(vectors.at(row, '0:8'), tokens.at(start!), close)
    allClose(vectors.at(row, '8:16'), tokens.at(end! - 1), close)
    allClose(vectors.at(row, '16:24'), head, close)
  }
})

test('dropout drops by its key, the same in chunks that run again', () => {
  const model = tinyModel()
  const loss = (key: number) => model.loss(pieces, { dropout: randomKey(key) }).item()
  assert.is(loss(1), loss(1))
  assert.is.not(loss(1), loss(2))
  assert.is.not(loss(1), model.loss(pieces).item())
  const context = () => ({ ...contextOf(model), drops: dropoutOf(0.3, fold(randomKey(7), 1)) })
  const tokens = model.encode(pieces)
  const { structure } = model.pruneAtOnce(tokens, pieces)
  const vectors = spanVectors(contextOf(model), tokens, headLogits(contextOf(model), tokens), structure)
  const features = pairFeatures(contextOf(model), structure)
  assert.ok(
    checkGradients(
      (v) => finePairs(context(), v, structure, features, { budget: 200, kept: 0 }).sin().sum(),
      [vectors],
      {
        rtol: 1e-5,
      },
    ),
  )
})

test('the entity matrix is that of the literal formula, and rows sum to 1', () => {
  const k = 13
  const raw = Float64Array.from({ length: k * k }, (_, i) => Math.sin(12.9898 * i) * 3)
  const below = tensor(raw, [k, k]).exp()
  const mass = tril(below)
  const links = mass.div(mass.sum(-1, { keepDims: true }))
  const p = links.toArray() as number[][]
  const q = Array.from({ length: k }, () => new Array<number>(k).fill(0))
  q[0]![0] = 1
  for (let i = 1; i < k; i++) {
    q[i]![i] = p[i]![i]!
    for (let j = 0; j < i; j++) for (let t = 0; t < i; t++) q[i]![j]! += p[i]![t]! * q[t]![j]!
  }
  const matrix = entityMatrix(links)
  allClose(matrix, tensor(q.flat(), [k, k], { dtype: 'f64' }), close)
  allClose(matrix.sum(-1), tensor(new Float64Array(k).fill(1)), close)
  assert.ok(checkGradients((x) => entityMatrix(x).sin().sum(), [links]))
})

test('entity equalisation is a_i = Σ_e Q[i,e] Σ_{t≤i} Q[t,e] g_t', async () => {
  const model = tinyModel(variants['entity equalisation']!)
  const tokens = model.encode(pieces)
  const { structure } = await model.prune(tokens, pieces)
  const scores = await model.scores(tokens, structure)
  const { entities, ...rest } = await tinyModel().score(pieces)
  assert.ok(entities!.length === rest.links.length)
  const [first] = scores.passes
  const g = first!.vectors.toArray() as number[][]
  const total = first!.total.toArray() as number[][]
  const k = g.length
  const p = Array.from({ length: k }, () => new Array<number>(k).fill(0))
  for (let i = 0; i < k; i++) {
    const weights = [1, ...total[i]!.map(Math.exp)]
    const sum = weights.reduce((a, b) => a + b)
    p[i]![i] = 1 / sum
    for (let c = 0; c < structure.width; c++) {
      const j = structure.antecedents[i * structure.width + c]!
      if (j >= 0) p[i]![j] = weights[1 + c]! / sum
    }
  }
  const q = entityMatrix(tensor(p.flat(), [k, k], { dtype: 'f64' })).toArray() as number[][]
  const expected = g.map((_, i) =>
    g[0]!.map((_, d) => {
      let a = 0
      for (let e = 0; e <= i; e++) for (let t = 0; t <= i; t++) a += q[i]![e]! * q[t]![e]! * g[t]![d]!
      return a
    }),
  )
  allClose(first!.refined!, tensor(expected.flat(), [k, g[0]!.length], { dtype: 'f64' }), close)
})

test('the loss has the gradient of its finite differences, in every variant', () => {
  const short = tinyPieces([10, 7])
  for (const changes of [...Object.values(variants), { lossType: 'hinge' as const, mentionLossCoef: 0.5 }]) {
    const model = tinyModel(changes)
    const tokens = model.encode(short)
    const pruned = model.pruneAtOnce(tokens, short)
    // the structure with the choices of its scores, held fixed
    const { structure } = model.scoresAtOnce(tokens, pruned.structure)
    assert.ok(checkGradients((x) => model.lossOf(x, structure, short), [tokens], { rtol: 1e-4 }))
  }
})

test('the loss reaches every parameter that takes part', () => {
  const model = tinyModel({ depth: 2 })
  const names = Object.keys(model.parameters)
  const [loss, gradients] = valueAndGrad<Tensor[]>((xs) =>
    model.using(Object.fromEntries(names.map((name, i) => [name, xs[i]!])), () => model.loss(pieces)),
  )(names.map((name) => model.parameters[name]!))
  assert.ok(loss.item() > 0)
  for (const [i, name] of names.entries()) {
    assert.ok(gradients[i]!.abs().max().item() > 0 || /attn.bias|coarse_bilinear.bias/.test(name), name)
  }
})

test('sites have the names and shapes of the table', () => {
  const model = tinyModel({ depth: 2 })
  const tokens = model.encode(pieces)
  const { structure } = model.pruneAtOnce(tokens, pieces)
  const [k, c, g, e] = [structure.starts.length, structure.width, 3 * 8 + 3, 3]
  const expected: Record<string, number[]> = {
    tokens: [34, 8],
    'features.width': [k, e],
    spans: [k, g],
    'mention.scores': [k],
    'antecedent.coarse': [k, c],
    'antecedent.fine': [k, c],
    'antecedent.scores': [k, 1 + c],
    'refinement.1': [k, g],
  }
  for (const name of ['speaker', 'genre', 'segment', 'distance']) expected[`features.${name}`] = [k, c, e]
  const { recorded } = tap({ record: Object.keys(expected) }, () => model.scoresAtOnce(model.encode(pieces), structure))
  for (const [name, shape] of Object.entries(expected)) assert.equal(recorded[name]!.shape, shape, name)
})

test('overlapping segments: one vector a piece, without specials; a full gate gives the first stream', () => {
  const model = tinyModel({ overlap: true })
  const half = {
    segments: [
      [2, 5, 6, 7, 8, 3],
      [2, 9, 10, 3],
    ],
    overlap: [
      [2, 5, 6, 3],
      [2, 7, 8, 9, 3],
      [2, 10, 3],
    ],
  }
  const tokens = model.encode(half)
  assert.equal(tokens.shape, [6, 8])
  const gate = { 'combo.weight': model.parameters['combo.weight']!.mul(0) }
  const full = (sign: number) => ({ ...gate, 'combo.bias': model.parameters['combo.bias']!.mul(0).add(sign * 1e4) })
  const inner = (segments: number[][]) => {
    const ids = (row: number[]) => tensor(Int32Array.from(row))
    return segments.map((row) =>
      model.bert.forward({ inputIds: ids(row) }).lastHiddenState.slice([1], [row.length - 1]),
    )
  }
  const own = model.using(full(1), () => model.encode(half))
  for (const [s, x] of inner(half.segments).entries()) allClose(own.slice([4 * s], [4 * s + x.shape[0]!]), x, close)
  const other = model.using(full(-1), () => model.encode(half))
  for (const [s, x] of inner(half.overlap).entries()) {
    const start = [0, 2, 5][s]!
    allClose(other.slice([start], [start + x.shape[0]!]), x, close)
  }
})

test('empty and tiny documents have no clusters; an unknown genre is the first', async () => {
  const none: Pieces = { ...tinyPieces([]), clusters: [] }
  const model = tinyModel()
  for (const document of [none, tinyPieces([2]), tinyPieces([3])]) {
    const { clusters, candidates, links } = await model.score(document)
    assert.equal(clusters, [])
    assert.is(candidates.scores.length, document.sentenceMap.length === 0 ? 0 : candidates.pieces.length)
    assert.ok(links.every((j) => j === -1))
    assert.equal((await model.resolve(document)).links, [])
  }
  assert.is(genreIndex(defaultConfig, 'xx'), 0)
  assert.is(genreIndex(defaultConfig, null), 0)
  assert.is(genreIndex(defaultConfig, 'tc'), 5)
  assert.is(model.loss(tinyPieces([2])).item(), 0)
})

test('settings are read under the reference names, and wrong ones are told', () => {
  assert.equal(parseCorefConfig({}), defaultConfig)
  assert.is(parseCorefConfig({ coref_depth: 2, bert_learning_rate: 1e-5 }).depth, 2)
  assert.throws(() => parseCorefConfig({ higher_order: 'none' }), /higher_order/)
  assert.throws(() => parseCorefConfig({ max_span_width: 0 }), /max_span_width/)
  assert.throws(() => parseCorefConfig({ fine_grained: false, coref_depth: 2 }), /fine_grained/)
  assert.throws(() => tinyModel().using({ 'gate_ffnn.weight': tensor(0) }, () => 0), /gate_ffnn.weight/)
})

test('a document is scored and nothing is left behind', async () => {
  for (const changes of Object.values(variants)) {
    const model = tinyModel(changes)
    const before = memoryInfo().tensors
    await model.score(pieces)
    assert.is(memoryInfo().tensors, before, JSON.stringify(changes))
  }
})

test.run()
