/** Training: learning, and runs that stop, break and go on. */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Bert, type BertConfig, parameterShapes, Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import {
  type CorefDocument,
  type DivergenceError,
  defaultConfig,
  developmentScores,
  disposeState,
  initialHead,
  parseTraining,
  readText,
  Trainer,
  withOffset,
  writeConll,
} from '@antecedent/coref'
import { CorefModel, readTrainingPlan, type TrainEvent, type TrainingRecord, train } from '@antecedent/coref/node'
import { fold, memoryInfo, normal, randomKey, useDevice } from '@antecedent/tensor'
import { openSafetensors } from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel, tinyPieces } from './tinyModel.ts'

await useDevice('wasm', { threads: 1 })

const test = suite('training')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-training-'))
test.after(() => rmSync(folder, { recursive: true }))

const words = 'the nurse called doctor because she he was kind late and it rain .'.split(' ')
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

const smallBert: BertConfig = {
  ...{ vocabSize: specials.length + words.length, hiddenSize: 32, numLayers: 2, numHeads: 4, intermediateSize: 64 },
  ...{ maxPositions: 64, typeVocabSize: 2, activation: 'gelu', layerNormEps: 1e-12, padTokenId: 0 },
  ...{ hiddenDropoutRate: 0, attentionDropoutRate: 0 },
}

/** A small random encoder as a folder. */
async function encoder(): Promise<string> {
  const path = join(folder, 'encoder')
  if (existsSync(path)) return path
  const parameters = Object.fromEntries(
    Object.entries(parameterShapes(smallBert)).map(([name, shape], i) => [
      name,
      normal(shape, fold(randomKey(5), i), { mean: name.endsWith('LayerNorm.weight') ? 1 : 0, std: 0.1 }),
    ]),
  )
  const tokenizer = new WordPieceTokenizer(new Vocabulary([...specials, ...words]))
  const bert = new Bert({ config: smallBert, parameters, tokenizer })
  const config = { ...defaultConfig, ffnnSize: 8 }
  const model = new CorefModel({ config, bert, parameters: initialHead(config, 32, randomKey(1)) })
  await model.save(path)
  model.dispose()
  return path
}

const named = (id: string, text: string, clusters: CorefDocument['clusters']): CorefDocument => ({
  ...readText(text),
  id,
  clusters,
})

/** Two documents whose links do not follow from words alone. */
const documents = [
  named('nw/one', 'the nurse called the doctor because she was late. he was kind and she called it.', [
    [
      [0, 2],
      [6, 7],
      [14, 15],
    ],
    [
      [3, 5],
      [10, 11],
    ],
  ]),
  named('bc/two', 'he called the nurse. it was late and the rain was kind. she called he because it was the rain.', [
    [
      [0, 1],
      [15, 16],
    ],
    [
      [2, 4],
      [13, 14],
    ],
    [
      [9, 11],
      [17, 18],
      [19, 21],
    ],
  ]),
]

const task = {
  ...{ max_segment_len: 32, max_span_width: 3, max_top_antecedents: 10 },
  ...{ ffnn_size: 32, feature_emb_size: 8 },
}

/** A plan's file. */
async function planFile(name: string, training: object, more: object = {}): Promise<string> {
  const data = join(folder, 'two.conll')
  writeFileSync(data, writeConll(documents))
  const json = {
    ...{ encoder: await encoder(), train: { two: data }, dev: { two: data } },
    ...{ coref: { ...task, dropout_rate: 0 }, training },
    ...more,
  }
  const file = join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(json))
  return file
}

const fast = { bert_learning_rate: 2e-3, task_learning_rate: 4e-3, adam_eps: 1e-6, keep_gold: true }

test('two documents are learnt to a CoNLL F1 of 100', async () => {
  const coref = { ...task, dropout_rate: 0, mention_loss_coef: 1, top_span_ratio: 0.6 }
  const training = { ...fast, num_epochs: 150, eval_frequency: 300, eval_top_antecedents: 7 }
  const plan = await readTrainingPlan(await planFile('overfit', training, { coref }))
  const events: TrainEvent[] = []
  const summary = await train(plan, join(folder, 'overfit'), {
    half: true,
    command: 'train two',
    onEvent: (event) => events.push(event),
  })
  assert.is(summary.best?.mean, 1)
  const losses = events.flatMap((event) => (event.kind === 'update' ? event.losses : []))
  assert.ok(losses.at(-1)! < 0.2 * losses[0]!, `${losses[0]} to ${losses.at(-1)}`)
  const text = readFileSync(join(folder, 'overfit', 'best', 'training.json'), 'utf8')
  const record: TrainingRecord = JSON.parse(text)
  assert.equal([record.updates, record.command, record.training.seed], [summary.updates, 'train two', 1])
  assert.is(record.losses.length, Math.ceil(record.updates / 100))
  assert.is(Math.max(...record.evaluations.map(({ mean }) => mean)), 1)
  assert.equal(parseTraining(record.training), plan.training)
  for (const { documents, sha256 } of Object.values({ ...record.train, ...record.dev })) {
    assert.is(documents, 2)
    assert.match(sha256, /^[0-9a-f]{64}$/)
  }
  assert.not.match(text, folder)
  const model = await CorefModel.fromPretrained(join(folder, 'overfit', 'best'))
  const header = readFileSync(join(folder, 'overfit', 'best', 'model.safetensors')).toString('latin1', 8, 300)
  assert.match(header, /"dtype":"F16"/)
  assert.is(model.config.maxTopAntecedents, 7)
  const { clusters } = await model.resolve(documents[0]!)
  assert.equal(
    clusters.map((mentions) => mentions.map((mention) => mention.words)),
    documents[0]!.clusters,
  )
  assert.match(readFileSync(join(folder, 'overfit', 'curve.svg'), 'utf8'), /^<svg .*CoNLL F1 on development documents/)
  model.dispose()
})

test('a model is trained further, with what its settings add; its record is in the new one', async () => {
  const coref = { ...task, dropout_rate: 0, mention_loss_coef: 1, top_span_ratio: 0.6, use_string_match: true }
  const start = join(folder, 'overfit', 'best')
  const file = await planFile('further', { ...fast, num_epochs: 5, eval_frequency: 10 }, { coref })
  const { encoder: _, ...json } = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...json, model: start }))
  const losses: number[] = []
  const summary = await train(await readTrainingPlan(file), join(folder, 'further'), {
    onEvent: (event) => event.kind === 'update' && losses.push(...event.losses),
  })
  const before: TrainingRecord = JSON.parse(readFileSync(join(start, 'training.json'), 'utf8'))
  const after: TrainingRecord = JSON.parse(readFileSync(join(folder, 'further', 'best', 'training.json'), 'utf8'))
  assert.ok(losses[0]! < 0.5 * before.losses[0]!, `${losses[0]} where the first training had ${before.losses[0]}`)
  assert.is(summary.best?.mean, 1)
  const sha256 = createHash('sha256')
    .update(readFileSync(join(start, 'model.safetensors')))
    .digest('hex')
  assert.equal(after.start, { kind: 'model', models: [{ sha256, training: before }] })
  assert.equal([before.start.kind, before.start.models[0]!.training], ['encoder', null])
  assert.equal(after.evaluations[0]!.update, 0)
  const model = await CorefModel.fromPretrained(join(folder, 'further', 'best'))
  assert.ok('emb_string_match.weight' in model.parameters)
  assert.is(model.config.useStringMatch, true)
  model.dispose()
  // the mean of both, without training
  const further = join(folder, 'further', 'best')
  const none = { ...json, training: { ...json.training, num_epochs: 0, keep_evaluated: true } }
  writeFileSync(file, JSON.stringify({ ...none, model: [further, start] }))
  const soup = await train(await readTrainingPlan(file), join(folder, 'soup'), { half: true })
  assert.equal([soup.updates, soup.finished, soup.best?.update], [0, true, 0])
  const inSoup = (name: string) => readFileSync(join(folder, 'soup', name))
  const record: TrainingRecord = JSON.parse(inSoup('best/training.json').toString())
  assert.is(record.start.models.length, 2)
  for (const name of ['model.safetensors', 'training.json']) {
    assert.ok(inSoup(`evaluated/0/${name}`).equals(inSoup(`best/${name}`)), name)
  }
  writeFileSync(file, JSON.stringify({ ...json, model: start, encoder: start }))
  await rejects(readTrainingPlan(file), /model.*either encoder or model, got both/)
  writeFileSync(file, JSON.stringify({ ...json, model: start, coref: { ...coref, max_span_width: 2 } }))
  await rejects(train(await readTrainingPlan(file), join(folder, 'smaller')), /emb_span_width.weight of at most/)
})

test('the model that is kept has its best offset within', async () => {
  const best = await CorefModel.fromPretrained(join(folder, 'overfit', 'best'))
  const records = await Promise.all(documents.map((document) => best.score(document)))
  const linked = records.flatMap(({ links, antecedents, scores }) =>
    links.flatMap((j, i) => (j < 0 ? [] : [scores[i]![1 + antecedents[i]!.indexOf(j)]!])),
  )
  const shifted = withOffset(best, -Math.min(...linked) - 0.5) // the weakest link is lost, and a small offset finds it
  await new CorefModel(shifted).save(join(folder, 'shifted'))
  const file = await planFile('kept', { num_epochs: 0 }, { encoder: undefined, model: join(folder, 'shifted') })
  const plan = await readTrainingPlan(file)
  await train({ ...plan, coref: best.config }, join(folder, 'kept'))
  const kept = await CorefModel.fromPretrained(join(folder, 'kept', 'best'))
  const plainOf = async (model: Parameters<typeof developmentScores>[0]) =>
    (await developmentScores(model, { two: documents })).plain.mean
  assert.equal([(await plainOf(shifted)) < 1, await plainOf(kept)], [true, 1])
  for (const model of [best, kept]) model.dispose()
})

/** Everything that a checkpoint knows of the training, but for the clock. */
async function stateIn(path: string): Promise<Record<string, string>> {
  const opened = await openSafetensors(join(path, 'checkpoint.safetensors'))
  const found: Record<string, string> = { updates: opened.metadata.updates! }
  for (const name of opened.names) {
    const { data } = await opened.get(name)
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    found[name] = createHash('sha256').update(bytes).digest('hex')
  }
  await opened.close()
  return found
}

const lively = {
  ...{ num_epochs: 8, gradient_accumulation_steps: 2, average_decay: 0.9, average_frequency: 2, genre_dropout: 0.5 },
  ...{ eval_frequency: 4, save_frequency: 3, bert_learning_rate: 1e-3, task_learning_rate: 1e-3 },
}
const dropping = { coref: { ...task, dropout_rate: 0.3, max_training_sentences: 1, mention_loss_coef: 0.2 } }
const steady = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ...JSON.parse(line), seconds: 0, bytes: 0 }))

test('a run that stopped, or lost what came after its checkpoint, ends with the same bits, on any number of threads', async () => {
  const plan = await readTrainingPlan(await planFile('resume', lively, dropping))
  const straight = join(folder, 'straight')
  const whole = await train(plan, straight)
  assert.is(whole.finished, true)
  const expected = await stateIn(straight)
  for (const stopAfter of [1, 4, 7]) {
    const broken = join(folder, `broken${stopAfter}`)
    const stop = new AbortController()
    const first = await train(plan, broken, {
      signal: stop.signal,
      onEvent: ({ kind, update }) => kind === 'update' && update === stopAfter && stop.abort(),
    })
    assert.equal([first.updates, first.finished], [stopAfter, false])
    // as a kill leaves it: lines of updates that no checkpoint has seen, the last one cut off
    const file = join(broken, 'metrics.jsonl')
    const line = { ...JSON.parse(readFileSync(file, 'utf8').split('\n')[0]!), update: stopAfter + 1 }
    writeFileSync(file, `${readFileSync(file, 'utf8')}${JSON.stringify(line)}\n{"kind":"upd`)
    await useDevice('wasm', { threads: 2 })
    const second = await train(plan, broken, { resume: true })
    await useDevice('wasm', { threads: 1 })
    assert.equal(second.best, whole.best)
    assert.equal(await stateIn(broken), expected)
    assert.equal(steady(file), steady(join(straight, 'metrics.jsonl')))
  }
})

const command = (...args: string[]) => [
  ...['-C', '@antecedent/source', '--import', 'tsx'],
  join(import.meta.dirname, '../../packages/cli/src/main.ts'),
  ...args,
]

test('a process that is killed goes on where its checkpoint was', async () => {
  const file = await planFile(
    'killed',
    { ...lively, num_epochs: 40, save_frequency: 5, eval_frequency: 1000 },
    dropping,
  )
  const output = join(folder, 'killed')
  const args = ['train', file, '--output', output, '--device', 'wasm', '--threads', '1', '--quiet']
  const child = spawn(process.execPath, command(...args))
  while (!existsSync(join(output, 'checkpoint.safetensors'))) await new Promise((wait) => setTimeout(wait, 5))
  child.kill('SIGKILL')
  await new Promise((ended) => child.once('exit', ended))
  const done = Number((await stateIn(output)).updates)
  assert.ok(done > 0 && done < 40, `killed after ${done} updates`)
  await rejects(promisify(execFile)(process.execPath, command(...args)), /holds|folder without a training/)
  const { stdout } = await promisify(execFile)(process.execPath, command(...args, '--resume', '--json'))
  const summary = JSON.parse(stdout)
  assert.equal([summary.updates, summary.finished], [40, true])
  const undisturbed = args.map((word) => (word === output ? join(folder, 'unkilled') : word))
  await promisify(execFile)(process.execPath, command(...undisturbed))
  assert.equal(await stateIn(output), await stateIn(join(folder, 'unkilled')))
})

/** Fails unless a promise rejects with a message like this. */
async function rejects(promise: Promise<unknown>, message: RegExp): Promise<Error> {
  const error = await promise.then(() => null).catch((reason: Error) => reason)
  assert.ok(error, 'nothing was thrown')
  assert.match(`${error.message} ${(error as { stderr?: string }).stderr ?? ''}`, message)
  return error
}

test('a loss or gradient that is no number stops the run, and the checkpoint stays', async () => {
  const wild = { ...lively, save_frequency: 1, task_learning_rate: 1e38, max_grad_norm: 0 }
  const output = join(folder, 'diverge')
  const error = await rejects(
    train(await readTrainingPlan(await planFile('diverge', wild, dropping)), output),
    /train: expected a finite (loss|gradient of the (encoder|task layers) \((bert|task)\)) at update \d+ on (nw|bc)\/\w+, got (NaN|-?Infinity)/,
  )
  assert.is(error.name, 'DivergenceError')
  const { update, document, part } = error as DivergenceError
  assert.ok(update >= 1 && /one|two/.test(document) && [null, 'bert', 'task'].includes(part))
  assert.is((await stateIn(output)).updates, String(update))
})

test('a disk that takes no more leaves the checkpoint as it was', async () => {
  const file = await planFile('full', { ...lively, save_frequency: 2 }, dropping)
  const output = join(folder, 'full')
  const plan = await readTrainingPlan(file)
  const stop = new AbortController()
  await train(plan, output, { signal: stop.signal, onEvent: ({ update }) => update === 2 && stop.abort() })
  const before = readFileSync(join(output, 'checkpoint.safetensors'))
  // no file may grow beyond 100 KiB: the shell's limit stands in for a full disk
  const args = ['train', file, '--output', output, '--device', 'wasm', '--threads', '1', '--quiet', '--resume']
  const quoted = [process.execPath, ...command(...args)].map((word) => `'${word}'`).join(' ')
  await rejects(promisify(execFile)('bash', ['-c', `ulimit -f 100; ${quoted}`]), /EFBIG|ENOSPC|too large/)
  assert.ok(before.equals(readFileSync(join(output, 'checkpoint.safetensors'))))
  assert.is((await train(plan, output, { resume: true })).finished, true)
})

test('many updates hold no more memory than one', async () => {
  const model = tinyModel({ dropoutRate: 0.3 }, 3, 'f32')
  const settings = parseTraining({ average_decay: 0.9, average_frequency: 2 })
  const trainer = new Trainer(model, settings, 100)
  let state = trainer.initial()
  const held: number[] = []
  for (let n = 0; n < 30; n++) {
    const pieces = tinyPieces([8 + (n % 5), 9], n + 1)
    const { state: next } = await trainer.update(state, [{ pieces, name: `${n}`, dropout: randomKey(n) }])
    disposeState(state, next)
    state = next
    held.push(memoryInfo().tensors)
  }
  assert.equal(new Set(held.slice(2)).size, 1)
  disposeState(state)
  model.dispose()
})

test('configurations that can not be are told, with the key', async () => {
  const broken = async (more: object, message: RegExp) => {
    const file = await planFile('broken', {}, more)
    await rejects(
      readTrainingPlan(file).then((plan) => train(plan, join(folder, 'never'))),
      message,
    )
    assert.is(existsSync(join(folder, 'never')), false)
  }
  await broken({ learning_rate: 1 }, /learning_rate.*encoder, model, train, dev, coref, training/)
  await broken({ training: { num_epoch: 1 } }, /num_epoch.*num_epochs/)
  await broken({ training: { num_epochs: -1 } }, /num_epochs.*whole number of at least 0, got -1/)
  await broken({ training: { num_epochs: 0 } }, /documents for at least one update/)
  await broken({ encoder: undefined, model: [] }, /model.*a folder, or a list of folders, got \[\]/)
  await broken({ training: { recipe: 'adam' } }, /recipe.*hoi, tf.*"adam"/)
  await broken({ training: { warmup_ratio: 1 } }, /warmup_ratio.*\[0, 1\)/)
  await broken({ coref: { ffnn_size: 'big' } }, /ffnn_size/)
  await broken({ train: {} }, /train.*paths by name/)
  await broken({ dev: [1] }, /dev.*paths by name/)
  await broken({ encoder: 7 }, /encoder.*a folder, got 7/)
  await broken({ encoder: join(folder, 'nowhere') }, /nowhere.*nothing there/)
  await broken({ train: { two: join(folder, 'missing.conll') } }, /missing\.conll.*nothing there/)
  const bare = join(folder, 'bare')
  cpSync(await encoder(), bare, { recursive: true })
  rmSync(join(bare, 'vocab.txt'))
  await broken({ encoder: bare }, /a model with a vocabulary/)
  writeFileSync(join(bare, 'vocab.txt'), [...specials, ...words, 'more', 'pieces'].join('\n'))
  await broken({ encoder: bare }, /vocab/)
  writeFileSync(join(folder, 'nojson.json'), '{"encoder":')
  await rejects(readTrainingPlan(join(folder, 'nojson.json')), /nojson\.json.*JSON/)
  const plan = await readTrainingPlan(await planFile('other', { ...lively, seed: 9 }, dropping))
  await rejects(
    train(plan, join(folder, 'straight'), { resume: true }),
    /checkpoint of this configuration and these documents, got one of others/,
  )
  await rejects(train(plan, join(folder, 'straight')), /folder without a training/)
  const same = await readTrainingPlan(await planFile('resume', lively, dropping))
  writeFileSync(join(folder, 'two.conll'), writeConll(documents.slice(1)))
  await rejects(train(same, join(folder, 'straight'), { resume: true }), /and these documents, got one of others/)
})

test.run()
