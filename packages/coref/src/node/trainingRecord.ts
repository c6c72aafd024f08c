/** How a model came about, as plain data beside its weights. */
import { arch, cpus, platform } from 'node:os'
import { device } from '@antecedent/tensor'
import { corefConfigToJson } from '../model/config.ts'
import { trainingToJson } from '../training/settings.ts'
import { documentFiles } from './files.ts'
import type { TrainEvent } from './metrics.ts'
import { type PlanDocuments, sha256, type TrainingPlan } from './trainingPlan.ts'

/** Updates whose losses are one number of the record. */
const lossesTogether = 100

/** A set of documents, without the places where it lay. */
interface SetRecord {
  readonly documents: number
  /** of the sha256 of its files, hexadecimal, in the order of their names, one after the other */
  readonly sha256: string
}

/** The record of a training that has ended. Everything but times and the machine follows from the plan. */
export interface TrainingRecord {
  readonly schema: 1
  /** what makes this training again; null where it was not told */
  readonly command: string | null
  /** under the names of the configuration file */
  readonly coref: Readonly<Record<string, unknown>>
  readonly training: Readonly<Record<string, unknown>>
  /** what it started from, the mean where there are several: weights, and, of a model, the record that lay beside them */
  readonly start: {
    readonly kind: TrainingPlan['start']['kind']
    readonly models: readonly { readonly sha256: string; readonly training: TrainingRecord | null }[]
  }
  readonly train: Readonly<Record<string, SetRecord>>
  readonly dev: Readonly<Record<string, SetRecord>>
  readonly updates: number
  /** of all runs together */
  readonly seconds: number
  readonly hardware: { readonly cpu: string; readonly cores: number; readonly system: string; readonly node: string }
  /** on which the last run computed */
  readonly device: string
  /** means of a hundred updates each, the last one of what is left */
  readonly losses: readonly number[]
  /** CoNLL F1 in [0, 1] at the best offset, and without one */
  readonly evaluations: readonly {
    readonly update: number
    readonly offset: number
    readonly sets: Readonly<Record<string, number>>
    readonly mean: number
    readonly meanWithoutOffset: number
  }[]
}

const round = (x: number, digits: number): number => Number(x.toFixed(digits))

export function trainingRecord(ended: {
  plan: TrainingPlan
  documents: PlanDocuments
  events: readonly TrainEvent[]
  seconds: number
  command: string | null
  start: TrainingRecord['start']
}): TrainingRecord {
  const { plan, documents, events, seconds, command, start } = ended
  const losses = events.flatMap((event) => (event.kind === 'update' ? event.losses : []))
  const means: number[] = []
  for (let i = 0; i < losses.length; i += lossesTogether) {
    const own = losses.slice(i, i + lossesTogether)
    means.push(round(own.reduce((sum, loss) => sum + loss, 0) / own.length, 2))
  }
  const sets = (kind: 'train' | 'dev') =>
    Object.fromEntries(
      Object.entries(plan[kind]).map(([name, path]): [string, SetRecord] => {
        const hashes = documentFiles([path]).map((file) => documents.hashes[file]!)
        return [name, { documents: documents[kind][name]!.length, sha256: sha256(hashes.join('')) }]
      }),
    )
  return {
    schema: 1,
    command,
    coref: corefConfigToJson(plan.coref),
    training: trainingToJson(plan.training),
    start,
    train: sets('train'),
    dev: sets('dev'),
    updates: events.filter(({ kind }) => kind === 'update').length,
    seconds: Math.round(seconds),
    hardware: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      system: `${platform()} ${arch()}`,
      node: process.version,
    },
    device: device().description,
    losses: means,
    evaluations: events.flatMap((event) => {
      if (event.kind !== 'evaluation') return []
      const { best, plain, update } = event
      const scores = Object.fromEntries(Object.entries(best.sets).map(([name, f1]) => [name, round(f1, 6)]))
      const mean = { mean: round(best.mean, 6), meanWithoutOffset: round(plain.mean, 6) }
      return [{ update, offset: best.offset, sets: scores, ...mean }]
    }),
  }
}
