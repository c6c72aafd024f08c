/** Every coordinate by forward mode, against one backward pass each; and the rows that a target reads. */
import { attributeAll, layerIntegratedGradients, padBaseline, zeroBaseline } from '@antecedent/attribution'
import { Bert, type BertEncoding, parameterShapes } from '@antecedent/bert'
import {
  fold,
  memoryInfo,
  normal,
  ones,
  randomKey,
  scope,
  select,
  type Tensor,
  useDevice,
  vjp,
  zeros,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref') // f64

const test = suite('attributeAll')

const config = {
  ...{ vocabSize: 40, hiddenSize: 8, numLayers: 2, numHeads: 2, intermediateSize: 16, activation: 'gelu' as const },
  ...{ maxPositions: 16, typeVocabSize: 2, layerNormEps: 1e-12 },
  ...{ hiddenDropoutRate: 0.1, attentionDropoutRate: 0.1 },
}

function tinyBert(): Bert {
  const parameters: Record<string, Tensor> = {}
  for (const [i, [name, shape]] of Object.entries(parameterShapes(config as never)).entries()) {
    const draw = () => normal(shape, fold(randomKey(3), i), { dtype: 'f64', std: 0.3 })
    parameters[name] = name.endsWith('LayerNorm.weight')
      ? ones(shape, { dtype: 'f64' })
      : name.endsWith('bias')
        ? zeros(shape, { dtype: 'f64' })
        : draw()
  }
  return new Bert({ config: config as never, parameters })
}

const bert = tinyBert()
const ids = [1, 7, 9, 12, 5, 2]
const input: BertEncoding = {
  ...{ ids, tokens: ids.map(String), text: '', pair: null, typeIds: ids.map(() => 0) },
  ...{ offsets: ids.map(() => [0, 0]), wordIds: ids.map(() => null) },
  ...{ specialTokensMask: ids.map((_, i) => i === 0 || i === ids.length - 1) },
  ...{ padId: 0, maskId: 3, model: { name: 'tiny', weightsHash: null } },
}
const baseline = padBaseline(input)

test('the table is that of one backward pass for each coordinate', async () => {
  const table = await attributeAll({ forward: (on) => bert.forward(on).lastHiddenState, input, baseline, nSteps: 9 })
  assert.equal(table.outputShape, [6, 8])
  assert.is(table.scores.length, 6 * 8 * 6)
  const coordinates = Array.from({ length: 48 }, (_, o) => [Math.floor(o / 8), o % 8] as const)
  const records = await layerIntegratedGradients({
    forward: (on) => {
      const h = bert.forward(on).lastHiddenState
      return coordinates.map(([row, column]) => select(select(h, column, -1), row, -1))
    },
    ...{ input, baseline, nSteps: 9 },
  })
  allClose(
    [...table.scores],
    records.flatMap(({ scores }) => scores),
    { rtol: 1e-9, atol: 1e-12 },
  )
  allClose(
    [...table.fx],
    records.map(({ fx }) => fx),
    { rtol: 1e-12 },
  )
  allClose(
    [...table.completenessError],
    records.map(({ completenessError }) => completenessError),
    { atol: 1e-10 },
  )
})

test('a tolerance takes 21 points or 43 and bounds the completeness error; passes of any size agree', async () => {
  const forward = (on: typeof input) => bert.forward(on).lastHiddenState
  const loose = await attributeAll({ forward, input, baseline, tolerance: 0.05 })
  assert.is(loose.settings.nSteps, 21)
  const tight = await attributeAll({ forward, input, baseline, tolerance: 1e-13 })
  assert.is(tight.settings.nSteps, 43)
  const top = Math.max(...tight.scores.map(Math.abs))
  assert.ok(Math.max(...loose.completenessError.map(Math.abs)) < 0.05 * top)
  const byOnes = await attributeAll({ forward, input, baseline, nSteps: 7, internalBatchSize: 1 })
  const whole = await attributeAll({ forward, input, baseline, nSteps: 7 })
  allClose([...byOnes.scores], [...whole.scores], { rtol: 1e-10, atol: 1e-13 })
})

test('tokens that the baseline keeps get exactly 0; a baseline may be a value; nothing stays behind', async () => {
  const before = memoryInfo()
  const zero = zeroBaseline(bert, input)
  const table = await attributeAll({ forward: (on) => bert.forward(on).lastHiddenState, input, baseline, nSteps: 3 })
  for (let o = 0; o < 48; o++) for (const t of [0, 5]) assert.is(table.scores[o * 6 + t], 0)
  const fromZero = await attributeAll({
    forward: (on) => bert.forward(on).lastHiddenState,
    input,
    baseline: zero,
    nSteps: 3,
  })
  assert.ok(fromZero.scores[0] !== 0)
  zero.dispose()
  assert.equal({ ...memoryInfo(), pooledBytes: 0, peakBytes: 0 }, { ...before, pooledBytes: 0, peakBytes: 0 })
})

test('what does not fit is an error', async () => {
  const forward = (on: typeof input) => bert.forward(on).lastHiddenState
  const failing = async (options: object, pattern: RegExp) => {
    try {
      await attributeAll({ forward, input, baseline, ...options })
    } catch (error) {
      assert.match((error as Error).message, pattern)
      return
    }
    assert.unreachable()
  }
  await failing({ tolerance: 0.1, nSteps: 5 }, /a tolerance, or a fixed number/)
  await failing({ tolerance: -1 }, /a positive tolerance/)
  await failing({ site: 'layer.0.attention.scores' }, /a site of shape \[6, hidden\]/)
  await failing({ internalBatchSize: 0 }, /positive internalBatchSize/)
})

test('outputRows gives those rows, and the same gradient, for less', () => {
  scope(() => {
    const all = bert.forward(input).lastHiddenState
    const rows = bert.forward(input, { outputRows: [4, 1, 4] }).lastHiddenState
    assert.equal(rows.shape, [3, 8])
    for (const [i, row] of [4, 1, 4].entries()) allClose(select(rows, i, 0), select(all, row, 0), { rtol: 1e-13 })
    const weight = bert.parameters['embeddings.word_embeddings.weight']!
    const gradient = (outputRows?: readonly number[]) =>
      vjp(
        (w) =>
          bert.using({ 'embeddings.word_embeddings.weight': w }, () => {
            const h = bert.forward(input, outputRows ? { outputRows } : {}).lastHiddenState
            return select(h, outputRows ? 0 : 4, 0)
          }),
        weight,
      ).pullback(ones([8], weight))
    allClose(gradient([4]), gradient(), { rtol: 1e-10, atol: 1e-14 })
    assert.is(bert.forward(input, { outputRows: [2] }).pooler, null)
    allClose(bert.forward(input, { outputRows: [2, 0] }).pooler!, bert.forward(input).pooler!, { rtol: 1e-13 })
    assert.throws(() => bert.forward(input, { outputRows: [6] }), /indices from 0 to 5/)
  })
})

test.run()
