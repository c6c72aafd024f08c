import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bert } from '@antecedent/bert/node'
import { CorefModel } from '@antecedent/coref/node'
import { dispose, type Tensor, useDevice } from '@antecedent/tensor'
import type { TensorInputs } from 'safetensors-ts'
import { readSafetensors, writeSafetensors } from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { saveTinyEncoder, tinyModel, tinyPieces, variants } from './tinyModel.ts'

await useDevice('ref')

const test = suite('coref files')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-coref-'))
test.after(() => rmSync(folder, { recursive: true }))
const pieces = tinyPieces([13, 9])

/** A model of the tests as one that saves. */
const saving = (...args: Parameters<typeof tinyModel>) => new CorefModel(tinyModel(...args))
const bits = async (model: CorefModel) => {
  const { scores, candidates } = await model.score(pieces)
  return { scores, all: candidates.scores }
}

test('a saved model is read with the same settings, words and bits', async () => {
  for (const [i, changes] of [{}, ...Object.values(variants), { overlap: true }].entries()) {
    const dtype = i === 0 ? 'f32' : 'f64'
    const model = saving(changes, 3, dtype)
    const at = join(folder, `variant-${i}`)
    await model.save(at)
    const again = await CorefModel.fromPretrained(at, { dtype })
    assert.equal(again.config, model.config)
    assert.equal(again.bert.config, model.bert.config)
    for (const [name, x] of Object.entries(model.parameters))
      assert.equal(again.parameters[name]!.dataSync(), x.dataSync())
    if (!('overlap' in changes)) assert.equal(await bits(again), await bits(model))
    assert.equal(again.bert.tokenizer.tokenize('The nurse was late.'), ['the', 'nurse', 'was', 'late', '.'])
    assert.match(again.bert.source.weightsHash!, /^[0-9a-f]{64}$/)
  }
})

test('its encoder is an encoder for everybody', async () => {
  const model = saving()
  const at = join(folder, 'encoder')
  await model.save(at)
  const bert = await Bert.fromPretrained(at, { dtype: 'f64' })
  const run = (encoder: typeof bert) => encoder.forward(encoder.tokenize('she called')).lastHiddenState.dataSync()
  assert.equal(run(bert), run(model.bert as typeof bert))
})

test('a model is not replaced without asking', async () => {
  const model = saving()
  const at = join(folder, 'twice')
  await model.save(at)
  const refused = await model.save(at).catch((error: Error) => error.message)
  assert.match(String(refused), /overwrite: true/)
  await saving({}, 5).save(at, { overwrite: true })
  const again = await CorefModel.fromPretrained(at, { dtype: 'f64' })
  assert.equal(await bits(again), await bits(saving({}, 5)))
})

const messageOf = async (folder: string) =>
  String(await CorefModel.fromPretrained(folder).catch((error: Error) => error.message))

test('an encoder alone, a missing folder and a missing parameter are told', async () => {
  await saveTinyEncoder(join(folder, 'encoder-alone'))
  assert.match(await messageOf(join(folder, 'encoder-alone')), /an encoder alone.*--model/)
  assert.match(await messageOf(join(folder, 'nowhere')), /nothing there/)
  const at = join(folder, 'lacking')
  await saving().save(at)
  const { 'coarse_bilinear.bias': bias, ...rest } = await stored(at)
  await writeSafetensors(join(at, 'model.safetensors'), rest, { overwrite: true })
  assert.match(await messageOf(at), /1 of them missing: coarse_bilinear\.bias/)
  const wrong = { ...bias!, shape: [9, 3] } as TensorInputs[string]
  await writeSafetensors(join(at, 'model.safetensors'), { ...rest, 'coarse_bilinear.bias': wrong }, { overwrite: true })
  assert.match(await messageOf(at), /coarse_bilinear\.bias.*shape \[27\]/)
  writeFileSync(join(at, 'config.json'), '{')
  assert.match(await messageOf(at), /JSON/)
})

async function stored(at: string): Promise<Record<string, TensorInputs[string]>> {
  const file = await readSafetensors(join(at, 'model.safetensors'))
  return Object.fromEntries([...file.names].map((name) => [name, file.get(name) as TensorInputs[string]]))
}

/** The variables that a TensorFlow checkpoint of a model holds: [in, out], antecedent before segment distance. */
function asTensorFlow(model: CorefModel): TensorInputs {
  const { config, bert, parameters } = model
  const variables: Record<string, Tensor> = {}
  for (const [name, x] of Object.entries(bert.parameters)) {
    const path = `bert/${name.replace(/layer\.(\d+)/, 'layer_$1').replaceAll('.', '/')}`
    if (path.endsWith('LayerNorm/weight')) variables[path.replace(/weight$/, 'gamma')] = x
    else if (path.endsWith('LayerNorm/bias')) variables[path.replace(/bias$/, 'beta')] = x
    else if (path.includes('_embeddings/')) variables[path.replace(/\/weight$/, '')] = x
    else variables[path.replace(/weight$/, 'kernel')] = path.endsWith('weight') ? x.transpose() : x
  }
  const p = (name: string) => parameters[name]!
  const layer = (path: string, name: string) => {
    variables[`${path}output_weights`] = p(`${name}.weight`).transpose()
    variables[`${path}output_bias`] = p(`${name}.bias`)
  }
  const scorer = (path: string, name: string) => {
    variables[`${path}/hidden_weights_0`] = p(`${name}.0.weight`).transpose()
    variables[`${path}/hidden_bias_0`] = p(`${name}.0.bias`)
    layer(`${path}/`, `${name}.3`)
  }
  variables.span_width_embeddings = p('emb_span_width.weight')
  variables.span_width_prior_embeddings = p('emb_span_width_prior.weight')
  variables.genre_embeddings = p('emb_genre.weight')
  variables.antecedent_distance_emb = p('emb_antecedent_distance_prior.weight')
  variables['coref_layer/same_speaker_emb'] = p('emb_same_speaker.weight')
  variables['coref_layer/antecedent_distance_emb'] = p('emb_top_antecedent_distance.weight')
  variables['coref_layer/segment_distance/segment_distance_embeddings'] = p('emb_segment_distance.weight')
  layer('mention_word_attn/', 'mention_token_attn')
  layer('src_projection/', 'coarse_bilinear')
  layer('', 'antecedent_distance_score_ffnn')
  layer('coref_layer/f/', 'gate_ffnn')
  scorer('mention_scores', 'span_emb_score_ffnn')
  scorer('width_scores', 'span_width_score_ffnn')
  scorer('coref_layer/slow_antecedent_scores', 'coref_score_ffnn')
  // rows of the pair's vector: …, speaker, genre, antecedent distance, segment distance
  const pairs = variables['coref_layer/slow_antecedent_scores/hidden_weights_0']!
  const e = config.featureSize
  const n = pairs.shape[0]!
  const rows = [...Array(n - 2 * e).keys(), ...Array.from({ length: e }, (_, i) => n - e + i)]
  rows.push(...Array.from({ length: e }, (_, i) => n - 2 * e + i))
  variables['coref_layer/slow_antecedent_scores/hidden_weights_0'] = pairs.at(rows)
  variables['coref_layer/f/output_weights/adam_m'] = p('gate_ffnn.bias')
  variables['bert/pooler/dense/bias/Adam'] = p('gate_ffnn.bias')
  const inputs = Object.entries(variables).map(([name, x]) => [
    name,
    { dtype: 'F64', shape: [...x.shape], data: x.dataSync() },
  ])
  return Object.fromEntries(inputs)
}

test('the variables of a TensorFlow checkpoint are read: transposed, the distance features exchanged', async () => {
  const model = saving({ depth: 2 })
  const at = join(folder, 'tensorflow')
  await model.save(at)
  await writeSafetensors(join(at, 'model.safetensors'), asTensorFlow(model), { overwrite: true })
  const again = await CorefModel.fromPretrained(at, { dtype: 'f64' })
  const pairs = 'coref_score_ffnn.0.weight'
  for (const [name, x] of Object.entries(model.parameters)) {
    assert.equal(again.parameters[name]!.dataSync(), x.dataSync(), name)
  }
  for (const [name, x] of Object.entries(model.bert.parameters)) {
    assert.equal(again.bert.parameters[name]!.dataSync(), x.dataSync(), name)
  }
  assert.ok(again.parameters[pairs]!.shape[1]! > 81)
  assert.equal(await bits(again), await bits(model))
  dispose(Object.values(again.parameters))
})

test.run()
