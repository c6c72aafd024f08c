import {
  attend,
  baselineOf,
  integratedGradients,
  layerIntegratedGradients,
  maskBaseline,
  padBaseline,
  type Reduction,
  reduceToken,
} from '@antecedent/attribution'
import { Bert } from '@antecedent/bert/node'
import { memoryInfo, OptionError, select, sum, type Tensor, tap, tensor, useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

await useDevice('ref') // f64

const test = suite('integrated gradients')
const f64 = (x: number[] | number[][]) => tensor(x, null, { dtype: 'f64' })

test('a linear function gives w · (x − x′), and nothing to a feature that it does not use', async () => {
  const w = f64([2, -3, 0])
  const [result] = await integratedGradients({
    forward: ([x]) => sum(x!.mul(w), -1),
    inputs: [f64([1, 2, 3])],
    baselines: [1],
    nSteps: 3,
  })
  allClose(result!.attributions[0]!.data, [0, -3, 0], { atol: 1e-14 })
})

test('completeness is exact for a polynomial of degree 2n, symmetric features get the same', async () => {
  const f = ([x]: Tensor[]) => sum(x!, -1).pow(6)
  const [result] = await integratedGradients({
    forward: f,
    inputs: [
      f64([
        [0.5, 0.5, 1],
        [1, 1, -1],
      ]),
    ],
    nSteps: 3,
  })
  allClose(result!.completenessError, [0, 0], { atol: 1e-12 })
  const [a, b] = result!.attributions[0]!.data
  assert.is(a, b)
})

test('the size of a pass changes rounding only; two targets share a pass and equal two runs', async () => {
  const f = ([x]: Tensor[]) => [sum(x!.exp(), -1), sum(x!.square(), -1)]
  const inputs = [f64([0.3, -1, 2])]
  const whole = await integratedGradients({ forward: f, inputs, nSteps: 7 })
  const parts = await integratedGradients({ forward: f, inputs, nSteps: 7, internalBatchSize: 2 })
  const [alone] = await integratedGradients({ forward: (xs) => f(xs)[1]!, inputs, nSteps: 7 })
  for (const t of [0, 1]) allClose(parts[t]!.attributions[0]!.data, whole[t]!.attributions[0]!.data, { rtol: 1e-13 })
  allClose(alone!.attributions[0]!.data, whole[1]!.attributions[0]!.data, { rtol: 1e-13 })
})

test('a function that does not keep leading axes is an error with advice, and runs point by point', async () => {
  const forward = ([x]: Tensor[]) => select(x!, 0, 0).exp()
  const inputs = [f64([1, 2])]
  try {
    await integratedGradients({ forward, inputs, nSteps: 5 })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /internalBatchSize: 1/)
  }
  const [result] = await integratedGradients({ forward, inputs, nSteps: 5, internalBatchSize: 1 })
  allClose(result!.attributions[0]!.data, [Math.E - 1, 0], { atol: 1e-6 })
})

test('a step function of the inputs has no gradient: zeros, and a completeness error that tells', async () => {
  const forward = ([x]: Tensor[]) => sum(x!.greater(0.5).cast('f64'), -1)
  const [result] = await integratedGradients({ forward, inputs: [f64([1, 2])], nSteps: 4 })
  allClose(result!.attributions[0]!.data, [0, 0])
  allClose(result!.completenessError, [-2])
})

const tiny = () => Bert.fromPretrained(shared('golden/bert/models/tiny-a'), { dtype: 'f64' })

/** A text of pieces that the tiny vocabulary has. */
function encode(bert: Bert) {
  const { vocabulary } = bert.tokenizer
  const pieces = Array.from({ length: 4 }, (_, i) => vocabulary.piece(10 + 7 * i))
  const input = bert.tokenize(pieces.join(' '))
  return {
    ...input,
    ids: [2, 10, 17, 24, 31, 3],
    typeIds: new Array(6).fill(0),
    tokens: ['[CLS]', ...pieces, '[SEP]'],
    specialTokensMask: [true, false, false, false, false, true],
    offsets: input.offsets.slice(0, 6),
  }
}

needsShared(test)('on BERT: complete for a smooth target, zero at [CLS] and [SEP], score within √tokens', async () => {
  const bert = await tiny()
  const input = encode(bert)
  const [record, other] = await layerIntegratedGradients({
    forward: (on) =>
      (['sum', 'l2'] as const).map((reduce) => reduceToken(bert.forward(on).lastHiddenState, { token: 2, reduce })),
    input,
    baseline: padBaseline(input),
  })
  for (const { scores, completenessError, attributionScore, warnings } of [record!, other!]) {
    assert.ok(Math.abs(completenessError) < 1e-4, String(completenessError))
    assert.equal([scores[0], scores[5]], [0, 0])
    assert.ok(Math.abs(attributionScore) <= Math.sqrt(6))
    assert.equal(warnings, [])
  }
  assert.is(record!.provenance.weightsHash?.length, 64)
  assert.is(record!.provenance.dtype, 'f64')
})

needsShared(test)('LIG at a site is IG of the model with that site replaced', async () => {
  const bert = await tiny()
  const input = encode(bert)
  const forward = (on: typeof input) => reduceToken(bert.forward(on).lastHiddenState, { token: 1, reduce: 'mean' })
  const site = 'layer.0.output'
  const value = (on: typeof input) => tap({ record: [site] }, () => bert.forward(on)).recorded[site]!
  const record = await layerIntegratedGradients({
    forward,
    input,
    baseline: maskBaseline(input),
    site,
    nSteps: 9,
    elements: true,
  })
  const [byHand] = await integratedGradients({
    forward: ([h]) => tap({ replace: { [site]: h! } }, () => forward(input)).result,
    inputs: [value(input)],
    baselines: [value(maskBaseline(input))],
    nSteps: 9,
  })
  allClose(record.attributions!.data, Array.from(byHand!.attributions[0]!.data), { rtol: 1e-12, atol: 1e-15 })
  allClose([record.fx, record.fBaseline], [forward(input).item(), forward(maskBaseline(input)).item()], { rtol: 1e-13 })
})

needsShared(test)('a site that F does not depend on gets zeros and a warning, beside a target that does', async () => {
  const bert = await tiny()
  const input = encode(bert)
  const run = (forward: (on: typeof input) => Tensor[], site: string) =>
    layerIntegratedGradients({ forward, input, baseline: padBaseline(input), site, nSteps: 5 })
  const sumOf = (hidden: Tensor) => reduceToken(hidden, { token: 1, reduce: 'dim:3' })
  const early = (on: typeof input) => bert.forward(on, { hiddenStates: true })
  const [off] = await run((on) => [sumOf(early(on).hiddenStates![0]!)], 'layer.1.output')
  assert.equal(off!.scores, new Array(6).fill(0))
  assert.match(off!.warnings.join(), /may not depend on this site/)
  const mixed = await run((on) => {
    const { hiddenStates, lastHiddenState } = early(on)
    return [sumOf(hiddenStates![0]!), sumOf(lastHiddenState)]
  }, 'layer.1.output')
  const [alone] = await run((on) => [sumOf(bert.forward(on).lastHiddenState)], 'layer.1.output')
  assert.equal(mixed[0]!.scores, new Array(6).fill(0))
  assert.ok(alone!.scores[1] !== 0)
  allClose(mixed[1]!.scores, alone!.scores, { rtol: 1e-13, atol: 1e-16 })
})

needsShared(test)(
  'zero and mean baselines are the other end at the site, progress is told, and no tensor of the caller is lost',
  async () => {
    const bert = await tiny()
    const input = encode(bert)
    const forward = (on: typeof input) => reduceToken(bert.forward(on).lastHiddenState, { token: 1, reduce: 'dim:3' })
    for (const name of ['zero', 'mean'] as const) {
      const baseline = baselineOf(name, bert, input) as Tensor
      const before = memoryInfo().tensors
      const told: number[] = []
      const record = await layerIntegratedGradients({
        ...{ forward, input, baseline, baselineName: name, nSteps: 400, internalBatchSize: 100 },
        onProgress: (done, total) => told.push(done / total),
      })
      assert.is(memoryInfo().tensors, before)
      assert.equal(told, [0.25, 0.5, 0.75, 1])
      assert.is(record.settings.baseline, name)
      const replaced = tap({ replace: { embeddings: baseline } }, () => forward(input)).result.item()
      assert.is(record.fBaseline, replaced)
      assert.ok(
        Math.abs(record.completenessError) < 0.02 * Math.abs(record.fx - record.fBaseline),
        String(record.completenessError),
      )
      assert.is(baseline.disposed, false)
    }
    const words = bert.parameters['embeddings.word_embeddings.weight']!.toArray() as number[][]
    const column = words.map((row) => row[0]!).reduce((a, b) => a + b) / words.length
    allClose(((baselineOf('mean', bert, input) as Tensor).toArray() as number[][])[2]![0]!, column, { rtol: 1e-12 })
  },
)

needsShared(test)('a thousand small attributions end with the buffers they began with', async () => {
  const bert = await tiny()
  const input = encode(bert)
  const before = memoryInfo()
  for (let i = 0; i < 1000; i++) {
    await layerIntegratedGradients({
      forward: (on) => reduceToken(bert.forward(on).lastHiddenState, { token: 1, reduce: 'sum' }),
      input,
      baseline: padBaseline(input),
      nSteps: 1,
    })
  }
  const after = memoryInfo()
  assert.equal([after.tensors, after.buffers, after.liveBytes], [before.tensors, before.buffers, before.liveBytes])
})

needsShared(test)('attention rows sum to 1 and norms lie in [0, √heads]', async () => {
  const bert = await tiny()
  const { attentions, norms } = await attend(bert, encode(bert))
  for (const row of attentions.flat(2)) assert.ok(Math.abs(row.reduce((a, b) => a + b, 0) - 1) < 1e-12)
  for (const n of norms.flat(2)) assert.ok(n >= 0 && n <= 2)
})

needsShared(test)('unknown sites, reductions and baselines list what is known', async () => {
  const bert = await tiny()
  const input = encode(bert)
  const run = (site: string, reduce: Reduction) => () =>
    layerIntegratedGradients({
      forward: (on) => reduceToken(bert.forward(on).lastHiddenState, { token: 1, reduce }),
      input,
      baseline: padBaseline(input),
      site,
      nSteps: 1,
    })
  for (const [call, known] of [
    [run('layer.2.output', 'sum'), 'layer.1.output'],
    [run('embeddings', 'median' as Reduction), 'max'],
    [async () => baselineOf('noise', bert, input), 'pad'],
  ] as const) {
    try {
      await call()
      assert.unreachable()
    } catch (error) {
      assert.instance(error, OptionError)
      assert.ok((error as OptionError).known.includes(known))
    }
  }
})

test.run()
