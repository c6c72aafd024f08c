/** What updates, evaluations and saved models of training are, by closed forms. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bert } from '@antecedent/bert'
import {
  type CorefConfig,
  CorefModel,
  developmentScores,
  evaluate,
  parseTraining,
  Trainer,
  trainingCurve,
  withOffset,
  withoutSingletons,
} from '@antecedent/coref'
import { CorefModel as CorefModelOnDisk } from '@antecedent/coref/node'
import { clipGradNorm, grad, randomKey, type Tensor, tensor, useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { openSafetensors } from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bracketed } from './sentences.ts'
import { bertConfig, tinyModel, tinyPieces } from './tinyModel.ts'

await useDevice('ref') // f64

const test = suite('trainer')
const pieces = tinyPieces([12, 10])
const close = { rtol: 1e-12, atol: 1e-14 }

test('gradients of documents are averaged, and cut after each', async () => {
  const model = tinyModel()
  const settings = parseTraining({ max_grad_norm: 0.5, task_learning_rate: 1, adam_eps: 1, warmup_ratio: 0 })
  const trainer = new Trainer(model, settings, 10)
  const others = [pieces, tinyPieces([9, 9], 4)]
  const names = Object.keys(model.parameters)
  const gradientsOf = (i: number) =>
    grad<Tensor[]>((xs) =>
      model.using(Object.fromEntries(names.map((name, k) => [name, xs[k]!])), () => model.loss(others[i]!).div(2)),
    )(names.map((name) => model.parameters[name]!))
  const first = clipGradNorm(gradientsOf(0), 0.5)
  const sum = clipGradNorm(
    gradientsOf(1).map((g, k) => g.add(first.gradients[k]!)),
    0.5,
  )
  const { state, report } = await trainer.update(
    trainer.initial(),
    others.map((own, i) => ({ pieces: own, name: `${i}` })),
  )
  assert.ok(first.norm.item() > 0.5 && sum.norm.item() > 0.5)
  allClose(
    tensor(Float64Array.from(report.norms.task)),
    tensor(Float64Array.of(first.norm.item(), sum.norm.item())),
    close,
  )
  for (const [k, name] of names.entries()) {
    const g = sum.gradients[k]!
    // the first step of Adam: both running means are those of g alone
    allClose(state.weights[name]!, model.parameters[name]!.sub(g.div(g.abs().add(1))), close)
  }
})

test('the running mean of weights is that of its formula, and the trained model has it', async () => {
  const trainer = new Trainer(tinyModel(), parseTraining({ average_decay: 0.2, average_frequency: 2 }), 20)
  let state = trainer.initial()
  const name = 'coarse_bilinear.weight'
  let expected = state.weights[name]!
  for (let n = 1; n <= 8; n++) {
    state = (await trainer.update(state, [{ pieces, name: 'one' }])).state
    if (n % 2 === 0) {
      const decay = Math.min(0.2, (n / 2 - 1) / (n / 2 + 9))
      expected = expected.mul(decay).add(state.weights[name]!.mul(1 - decay))
    }
    allClose(state.average![name]!, expected, close)
  }
  assert.is(trainer.modelOf(state).parameters[name], state.average![name])
})

/** A tiny model whose encoder drops at these rates. */
function droppingModel(
  rates: { hiddenDropoutRate: number; attentionDropoutRate: number },
  changes?: Partial<CorefConfig>,
) {
  const { bert, ...rest } = tinyModel(changes)
  return new CorefModel({
    ...rest,
    bert: new Bert({ config: { ...bertConfig, ...rates }, parameters: bert.parameters }),
  })
}

test('a loss drops in the encoder and in the task layers, with a structure given or not', async () => {
  const dropout = randomKey(3)
  const still = droppingModel({ hiddenDropoutRate: 0, attentionDropoutRate: 0 })
  const structure = await still.choose(pieces)
  const ofTask = still.loss(pieces, { dropout }).item()
  assert.is(still.loss(pieces, { dropout, structure }).item(), ofTask)
  assert.is.not(ofTask, still.loss(pieces).item())
  for (const rates of [
    { hiddenDropoutRate: 0.3, attentionDropoutRate: 0 },
    { hiddenDropoutRate: 0, attentionDropoutRate: 0.3 },
  ]) {
    const model = droppingModel(rates)
    assert.is(model.loss(pieces, { structure }).item(), still.loss(pieces, { structure }).item())
    assert.is.not(model.loss(pieces, { structure, dropout }).item(), ofTask)
    assert.is(model.loss(pieces, { structure, dropout }).item(), model.loss(pieces, { structure, dropout }).item())
  }
})

test('gold mentions are kept before all other spans, where that is asked for', async () => {
  const model = tinyModel({ topSpanRatio: 0.25 })
  const gold = pieces.clusters.flat().map((span) => span.join())
  const kept = async (keepGold: boolean) => {
    const { starts, ends } = await model.choose(pieces, { keepGold })
    return Array.from(starts, (start, i) => `${start},${ends[i]!}`)
  }
  const count = (spans: string[]) => gold.filter((span) => spans.includes(span)).length
  const [plain, first] = [await kept(false), await kept(true)]
  assert.is(plain.length, first.length)
  assert.ok(count(plain) < gold.length, `${count(plain)} of ${gold.length} anyway`)
  assert.is(count(first), gold.length)
  const structure = await model.choose(pieces, { keepGold: true })
  assert.is(model.loss(pieces, { keepGold: true }).item(), model.loss(pieces, { structure }).item())
  assert.is.not(model.loss(pieces).item(), model.loss(pieces, { structure }).item())
})

const documents = [
  bracketed('[the nurse] called the doctor because [she] was late and [she] was kind .', 'one'),
  bracketed('the doctor called [the nurse] because [he] was kind and the nurse was late .', 'two'),
]

test('the best offset is what a model with that offset scores, and links follow it', async () => {
  let moved = 0
  for (let seed = 1; seed <= 12; seed++) {
    const model = tinyModel({ topSpanRatio: 0.6 }, seed)
    const { plain, best } = await developmentScores(model, { a: [documents[0]!], b: [documents[1]!] })
    const f1 = async (own: CorefModel, i: number) =>
      (await evaluate(own, { documents: [documents[i]!] })).scores!.conll.f1
    assert.equal(plain, { offset: 0, sets: { a: await f1(model, 0), b: await f1(model, 1) }, mean: plain.mean })
    const shifted = withOffset(model, best.offset)
    assert.equal(best.sets, { a: await f1(shifted, 0), b: await f1(shifted, 1) })
    assert.is(best.mean, (best.sets.a! + best.sets.b!) / 2)
    assert.ok(best.mean >= plain.mean)
    moved += Number(best.offset !== 0 && best.mean > plain.mean)
  }
  assert.ok(moved > 2, `${moved} of 12 models had a better offset`)
})

test('where a constant on the scores is no constant at the end, no offset is tried', async () => {
  for (const changes of [{ depth: 2 }, { fineGrained: false }, { higherOrder: 'cluster_merging' }] as const) {
    const model = tinyModel({ ...changes, topSpanRatio: 0.6 })
    const { plain, best } = await developmentScores(model, { all: documents })
    assert.equal(best, plain)
    assert.is(withOffset(model, 0), model)
    assert.throws(() => withOffset(model, 0.5), /withOffset: expected one pass of fine scores and no cluster merging/)
  }
})

test('entities of one mention are left out, with their names', () => {
  const [one] = documents
  const clusters = [...one!.clusters, [[9, 10] as const]]
  const found = withoutSingletons({ ...one!, clusters, clusterNames: ['3', '8'] })
  assert.equal(found, { ...one!, clusterNames: ['3'] })
})

test('the curve of a single update has its value once, on an axis of its own', () => {
  const svg = trainingCurve({ losses: [{ update: 1, loss: 3 }], scores: [{ update: 1, sets: { two: 1 } }] })
  assert.is(svg.match(/>3</g)?.length, 1)
  assert.is(svg.match(/>100</g)?.length, 1)
  assert.not.match(svg, /NaN|Infinity/)
  assert.not.match(trainingCurve({ losses: [], scores: [] }), /NaN|Infinity/)
})

test('a model rounded to float16 is half as large, and nearly the same', async () => {
  await useDevice('wasm')
  const folder = mkdtempSync(join(tmpdir(), 'antecedent-half-'))
  try {
    const model = new CorefModelOnDisk(tinyModel({}, 3, 'f32'))
    await model.save(folder, { half: true })
    const file = await openSafetensors(join(folder, 'model.safetensors'))
    assert.equal([...new Set(file.names.map((name) => file.info(name).dtype))], ['F16'])
    await file.close()
    const read = await CorefModelOnDisk.fromPretrained(folder)
    const [before, after] = [model, read].map((own) => own.parameters['coarse_bilinear.weight']!)
    allClose(after!, before!, { rtol: 2 ** -11, atol: 2 ** -24 })
    assert.is.not(after!.sub(before!).abs().sum().item(), 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
