/** `antecedent train`: a coreference model from a configuration, its progress on stderr, its summary on stdout. */
import { existsSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { version } from '@antecedent/attribution'
import { readTrainingPlan, type TrainEvent, train as trainModel } from '@antecedent/coref/node'
import { device } from '@antecedent/tensor'
import { exitCodes, type ModelOptions, startDevice } from './options.ts'
import { clearProgress, notice, printJson } from './output.ts'

export interface TrainCommandOptions extends Omit<ModelOptions, 'model'> {
  output?: string
  resume?: boolean
  half?: boolean
  json?: boolean
}

/** Updates whose losses the progress line averages. */
const shownUpdates = 100
/** Seconds from one line of progress to the next where stderr is no terminal. */
const quietSeconds = 60

const minutes = (seconds: number): string =>
  seconds < 90 ? `${seconds.toFixed(0)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`

/** Tells events as they come. */
function narrator(options: TrainCommandOptions): (event: TrainEvent) => void {
  const losses: number[] = []
  let [first, last] = [null as { seconds: number; update: number; documents: number } | null, 0]
  let documents = 0
  return (event) => {
    if (options.quiet) return
    const { update, of, seconds } = event
    if (event.kind === 'checkpoint') return
    if (event.kind === 'evaluation') {
      clearProgress()
      const { plain, best } = event
      const sets = Object.entries(best.sets).map(([name, f1]) => `${name} ${(100 * f1).toFixed(2)}`)
      const at = `at offset ${best.offset}; ${(100 * plain.mean).toFixed(2)} without`
      notice(options, `update ${update}: CoNLL F1 ${sets.join(', ')}, mean ${(100 * best.mean).toFixed(2)} (${at})`)
      return
    }
    losses.push(...event.losses)
    documents += event.documents.length
    first ??= { seconds, update, documents }
    if (!process.stderr.isTTY && seconds - last < quietSeconds && update < of) return
    last = seconds
    const recent = losses.slice(-shownUpdates)
    const mean = recent.reduce((sum, loss) => sum + loss, 0) / recent.length
    const pace = (documents - first.documents) / (seconds - first.seconds)
    const left = ((of - update) * (seconds - first.seconds)) / (update - first.update)
    const figures = [
      `update ${update} of ${of}`,
      `loss ${mean.toFixed(2)}`,
      ...(pace > 0 ? [`${pace.toFixed(2)} documents/s`] : []),
      `${(event.bytes / 1e6).toFixed(0)} MB`,
      ...(Number.isFinite(left) ? [`${minutes(left)} left`] : []),
    ].join(', ')
    process.stderr.write(process.stderr.isTTY ? `\r${figures}\u001b[K` : `${figures}\n`)
  }
}

export async function train(file: string, options: TrainCommandOptions): Promise<void> {
  const plan = await readTrainingPlan(file)
  const folder = options.output ?? join('runs', basename(file, extname(file)))
  const { description } = await startDevice(options)
  notice(options, `training in ${folder} on ${description}`)
  const stop = new AbortController()
  const interrupt = () => {
    clearProgress()
    notice(options, 'stopping after this update, with a checkpoint; again to stop at once')
    stop.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const summary = await trainModel(plan, folder, {
    resume: options.resume === true,
    half: options.half === true,
    command: ['antecedent train', basename(file), ...(options.half ? ['--half'] : [])].join(' '),
    onEvent: narrator(options),
    signal: stop.signal,
  }).finally(() => process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt))
  clearProgress()
  const model = existsSync(join(folder, 'best')) ? join(folder, 'best') : null
  if (options.json) printJson({ ...summary, folder, model, device: device().description, version })
  else {
    const best = summary.best
      ? `best mean F1 ${(100 * summary.best.mean).toFixed(2)} at update ${summary.best.update}: ${model}`
      : 'not evaluated yet'
    const state = summary.finished ? 'finished' : 'stopped; --resume goes on'
    process.stdout.write(`${state} after ${summary.updates} updates, ${minutes(summary.seconds)}; ${best}\n`)
  }
  if (!summary.finished) process.exitCode = exitCodes.temporary
}
