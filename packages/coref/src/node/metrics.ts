/** What a training tells on its way, and the file of lines that keeps it. */
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { CurvePoints } from '../training/curve.ts'
import type { DevelopmentScores } from '../training/development.ts'
import type { UpdateReport } from '../training/trainer.ts'

/** What a training tells on its way. */
export type TrainEvent =
  | ({ readonly kind: 'update'; readonly documents: readonly string[] } & Moment & UpdateReport)
  | ({ readonly kind: 'evaluation'; readonly plain: DevelopmentScores; readonly best: DevelopmentScores } & Moment)
  | ({ readonly kind: 'checkpoint' } & Moment)

/** How far a training is. */
export interface Moment {
  /** updates done */
  readonly update: number
  /** updates in all */
  readonly of: number
  /** of training so far, over all runs */
  readonly seconds: number
  /** resident memory of the process */
  readonly bytes: number
}

/** The lines of a training so far. */
export async function readMetrics(file: string): Promise<TrainEvent[]> {
  if (!existsSync(file)) return []
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}')) // the last may be cut off
  return lines.map((line) => JSON.parse(line) as TrainEvent)
}

/** What the curve shows of the lines. */
export function pointsOf(events: readonly TrainEvent[]): CurvePoints {
  const losses = events.flatMap((event) =>
    event.kind === 'update' ? event.losses.map((loss) => ({ update: event.update, loss })) : [],
  )
  const scores = events.flatMap((event) =>
    event.kind === 'evaluation' ? [{ update: event.update, sets: event.best.sets }] : [],
  )
  return { losses, scores }
}

/** Takes back what came after a checkpoint: it is done again. */
export async function keepLines(file: string, updates: number): Promise<void> {
  const kept = (await readMetrics(file)).filter(({ update }) => update <= updates)
  const partial = `${file}.tmp` // a kill in between must not lose the lines
  await writeFile(partial, kept.map((event) => `${JSON.stringify(event)}\n`).join(''))
  await rename(partial, file)
}
