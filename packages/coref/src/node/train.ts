/** A training from its plan to a model on disk, which a killed run goes on with. */
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Bert, sha256Of } from '@antecedent/bert/node'
import { OptionError } from '@antecedent/tensor'
import { FormatError } from 'safetensors-ts'
import { CorefModel as BrowserCorefModel } from '../model/model.ts'
import { initialHead, withIdentity, withValuesOf } from '../model/weights.ts'
import { Course } from '../training/course.ts'
import { trainingCurve } from '../training/curve.ts'
import { developmentScores, offsetParameter, withOffset } from '../training/development.ts'
import { keyFor } from '../training/keys.ts'
import { meanOfModels } from '../training/mean.ts'
import { namesOf } from '../training/names.ts'
import { disposeState, type Example, Trainer } from '../training/trainer.ts'
import { type Progress, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { keepLines, type Moment, pointsOf, readMetrics, type TrainEvent } from './metrics.ts'
import { CorefModel } from './model.ts'
import { identityOf, type PlanDocuments, readPlanDocuments, type TrainingPlan } from './trainingPlan.ts'
import { type TrainingRecord, trainingRecord } from './trainingRecord.ts'

export interface TrainOptions {
  /** go on from the folder's checkpoint, where it has one; default false */
  readonly resume?: boolean
  /** store the best model in float16; default false */
  readonly half?: boolean
  /** what makes this training again, for its record; default none */
  readonly command?: string
  readonly onEvent?: (event: TrainEvent) => void
  /** ends the run after the update in progress, with a checkpoint */
  readonly signal?: AbortSignal
}

export interface TrainSummary {
  readonly updates: number
  /** whether all updates were done */
  readonly finished: boolean
  readonly best: Progress['best']
  readonly seconds: number
  readonly hashes: PlanDocuments['hashes']
}

/** Names within the folder of a training. */
const trainingFiles = {
  checkpoint: 'checkpoint.safetensors',
  metrics: 'metrics.jsonl',
  curve: 'curve.svg',
  best: 'best',
  evaluated: 'evaluated',
} as const

/**
 * Trains a model. The folder gets `metrics.jsonl` (a line for each update and evaluation), `checkpoint.safetensors`,
 * `curve.svg`, and in `best/` the model of the evaluation with the best mean score on the development sets, its best
 * offset of the dummy taken up, with `training.json`, how it came about, once the training has ended; in `evaluated/` that
 * of every evaluation, by its update, where the settings ask for it. A run that was
 * killed goes on from its last checkpoint with the same bits, on any number of threads. A training that starts from a
 * model evaluates it first, so that `best/` is never worse; without epochs that is all.
 *
 * @throws {OptionError} where the folder holds a training and `resume` is not set, or there is too little to train on
 * @throws {FormatError} where a file is missing or broken, or the checkpoint is of another plan or of other documents
 * @throws {DivergenceError} where a loss or gradient is NaN or infinite; the last checkpoint stays
 */
export async function train(plan: TrainingPlan, folder: string, options: TrainOptions = {}): Promise<TrainSummary> {
  const path = (name: keyof typeof trainingFiles): string => join(folder, trainingFiles[name])
  const isBegun = existsSync(path('metrics'))
  if (isBegun && !options.resume) {
    throw new OptionError({
      op: 'train',
      expected: 'a folder without a training',
      got: folder,
      hint: 'go on with it by resume, or name another folder',
    })
  }
  const documents = await readPlanDocuments(plan)
  const model = await initialModel(plan)
  const all = Object.values(documents.train).flat()
  const lessons = all.map((document) => model.read(document))
  const course = new Course(
    lessons.map(({ pieces }) => pieces),
    plan.training,
    {
      mostSegments: plan.coref.maxTrainingSegments,
      mask: model.bert.tokenizer.specialTokens.mask,
      names: namesOf(lessons),
    },
  )
  const of = course.updates
  if (of === 0 && plan.start.kind === 'encoder') {
    throw new OptionError({ op: 'train', expected: 'documents for at least one update', got: `${all.length}` })
  }
  await mkdir(folder, { recursive: true })
  const trainer = new Trainer(model, plan.training, of)
  let state = trainer.initial()
  let progress: Progress = { training: identityOf(plan, documents), seconds: 0, best: null }
  if (options.resume && existsSync(path('checkpoint'))) {
    const found = await readCheckpoint(path('checkpoint'), state, progress.training)
    disposeState(state)
    ;({ state, progress } = found)
  }
  await keepLines(path('metrics'), state.updates)
  const { gradientAccumulation, evaluateFrequency, saveFrequency } = plan.training
  const before = progress.seconds - performance.now() / 1000
  const moment = (): Moment => ({
    update: state.updates,
    of,
    seconds: before + performance.now() / 1000,
    bytes: process.memoryUsage.rss(),
  })
  const tell = async (event: TrainEvent): Promise<void> => {
    if (event.kind !== 'checkpoint') await appendFile(path('metrics'), `${JSON.stringify(event)}\n`)
    options.onEvent?.(event)
  }
  const evaluate = async (): Promise<void> => {
    const trained = trainer.modelOf(state)
    const { plain, best } = await developmentScores(trained, documents.dev)
    await tell({ kind: 'evaluation', plain, best, ...moment() })
    const { keepEvaluated } = plan.training
    if (keepEvaluated)
      await saveWithOffset(trained, best.offset, join(path('evaluated'), `${state.updates}`), options.half)
    if (progress.best === null || best.mean > progress.best.mean) {
      progress = { ...progress, best: { mean: best.mean, update: state.updates } }
      await saveWithOffset(trained, best.offset, path('best'), options.half)
    }
    await writeFile(path('curve'), trainingCurve(pointsOf(await readMetrics(path('metrics')))))
  }
  if (state.updates === 0 && plan.start.kind === 'model') await evaluate()
  while (state.updates < of && !options.signal?.aborted) {
    const examples = Array.from({ length: gradientAccumulation }, (_, i): Example => {
      const lesson = course.lesson(state.updates * gradientAccumulation + i)
      return { pieces: lesson.pieces, dropout: lesson.dropout, name: all[lesson.document]!.id }
    })
    const { state: next, report } = await trainer.update(state, examples)
    disposeState(state, next)
    state = next
    await tell({ kind: 'update', documents: examples.map(({ name }) => name), ...moment(), ...report })
    const isLast = state.updates === of
    if (state.updates % evaluateFrequency === 0 || isLast) await evaluate()
    if (state.updates % saveFrequency === 0 || isLast || options.signal?.aborted) {
      progress = { ...progress, seconds: moment().seconds }
      await writeCheckpoint(path('checkpoint'), state, progress)
      await tell({ kind: 'checkpoint', ...moment() })
    }
  }
  const { updates } = state
  const { seconds } = moment()
  if (updates === of && existsSync(path('best'))) {
    const events = await readMetrics(path('metrics'))
    const start = await startOf(plan.start)
    const record = trainingRecord({ plan, documents, events, seconds, command: options.command ?? null, start })
    const evaluated = existsSync(path('evaluated')) ? await readdir(path('evaluated')) : []
    for (const folder of [path('best'), ...evaluated.map((update) => join(path('evaluated'), update))]) {
      await writeFile(join(folder, 'training.json'), `${JSON.stringify(record, null, 1)}\n`)
    }
  }
  disposeState(state)
  model.dispose()
  return { updates, finished: updates === of, best: progress.best, seconds, hashes: documents.hashes }
}

/** The encoder of a plan with new task layers, or its models with theirs as far as they have them, or their mean. */
async function initialModel({ start, coref, training }: TrainingPlan): Promise<BrowserCorefModel> {
  const { bilinearIdentity } = training
  const newLayers = (bert: Bert) => {
    const parameters = initialHead(coref, bert.config.hiddenSize, keyFor(training.seed, 'head'))
    return bilinearIdentity > 0 ? withIdentity(parameters, bilinearIdentity) : parameters
  }
  const models = start.folders.map(async (folder) => {
    const before = start.kind === 'model' ? await CorefModel.fromPretrained(folder) : null
    const bert = before?.bert ?? (await Bert.fromPretrained(folder))
    requireVectors(bert, folder)
    if (!before) return new BrowserCorefModel({ config: coref, bert, parameters: newLayers(bert) })
    const parameters = withValuesOf(newLayers(bert), before.parameters)
    for (const x of Object.values(before.parameters)) x.dispose()
    return new BrowserCorefModel({ config: coref, bert, parameters })
  })
  const [first, ...others] = await Promise.all(models)
  if (others.length === 0) return first!
  const mean = meanOfModels([first!, ...others])
  for (const model of [first!, ...others]) model.dispose()
  return mean
}

/** @throws {FormatError} where the vocabulary has pieces that the encoder has no vectors for */
function requireVectors({ tokenizer, config }: Bert, folder: string): void {
  const { size } = tokenizer.vocabulary
  if (size <= config.vocabSize) return
  const expected = `a vocabulary of at most ${config.vocabSize} pieces, which the encoder has vectors for`
  throw new FormatError({ file: join(folder, 'vocab.txt'), expected, got: `${size}` })
}

/** What a training started from, for its record. */
async function startOf({ kind, folders }: TrainingPlan['start']): Promise<TrainingRecord['start']> {
  const models = folders.map(async (folder) => {
    const file = join(folder, 'training.json')
    const training = kind === 'model' && existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : null
    return { sha256: sha256Of(join(folder, 'model.safetensors')), training }
  })
  return { kind, models: await Promise.all(models) }
}

/** Writes a model whose pairs score `offset` more. */
async function saveWithOffset(
  model: ReturnType<Trainer['modelOf']>,
  offset: number,
  folder: string,
  half = false,
): Promise<void> {
  const shifted = withOffset(model, offset)
  await new CorefModel(shifted).save(folder, { overwrite: true, half })
  if (shifted !== model) shifted.parameters[offsetParameter(model.config)]!.dispose()
}
