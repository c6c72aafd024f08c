/** Times sides in turn. */
import type { Errors } from './accuracy.ts'
import { type Job, type Side, sideOf } from './jobs/job.ts'
import { median, type Ratio, ratioOfMedians, relativeDifference } from './statistics.ts'

export interface SideResult {
  name: string
  /** seconds of one run, per round; each the mean of `repeat` runs */
  seconds: number[]
  median: number
  least: number
  most: number
  repeat: number
  note?: string
  gflops?: number
  /** peers alone: their median over ours, with its interval: above 1 we are faster */
  ratio?: Ratio
  bar?: number
  /** peers alone: the largest difference of our values from theirs, as a share of their largest */
  difference?: number
  /** against a finer rule, where the job has one */
  errors?: Errors
}

export interface JobResult {
  name: string
  /** ours first */
  sides: SideResult[]
  /** what is wrong with the values, where a peer's differ by more than rounding */
  warnings: string[]
}

export interface MeasureOptions {
  pairs: number
  /** least time that a side runs before it is timed, in milliseconds; twice in any case */
  warmUp: number
  /** least time of one measurement, in milliseconds: a short job is repeated */
  least: number
  /** rest between sides, in milliseconds: threads of the one before stop spinning */
  rest: number
  onRound?: (done: number) => void
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Warms up a side that has run once, and gives how often it runs in one measurement. */
async function warm(side: Side, { warmUp, least }: MeasureOptions): Promise<number> {
  let last = await side.run(1)
  let spent = last.seconds
  while (spent * 1000 < warmUp) {
    const repeat = repeats(last.seconds, least)
    last = await side.run(repeat)
    spent += last.seconds * repeat
  }
  return repeats(last.seconds, least)
}

const repeats = (seconds: number, least: number) => Math.min(100, Math.max(1, Math.ceil(least / 1000 / seconds)))

/** Runs a job on all sides in turn, A B A B …, and compares each peer with the first side, ours. */
export async function measure(job: Job, options: MeasureOptions): Promise<JobResult> {
  const sides = [sideOf('antecedent', job.ours), ...job.peers]
  const values: number[][] = []
  for (const side of sides) values.push(await side.values())
  const judge = await job.errors?.()
  const series = sides.map(() => [] as number[])
  const repeat: number[] = []
  const notes: (string | undefined)[] = []
  for (const side of sides) repeat.push(await warm(side, options))
  for (let round = 0; round < options.pairs; round++) {
    for (const [i, side] of sides.entries()) {
      await sleep(options.rest)
      const { seconds, note } = await side.run(repeat[i]!)
      series[i]!.push(seconds)
      notes[i] = note
    }
    options.onRound?.(round + 1)
  }
  const results = sides.map((side, i): SideResult => {
    const seconds = series[i]!
    const { bar, name } = side
    return {
      ...{ name, seconds, median: median(seconds), least: Math.min(...seconds), most: Math.max(...seconds) },
      repeat: repeat[i]!,
      ...(notes[i] !== undefined && { note: notes[i] }),
      ...(job.flop !== undefined && { gflops: job.flop / median(seconds) / 1e9 }),
      ...(bar !== undefined && { bar }),
      ...(judge && !side.estimated && { errors: judge(values[i]!) }),
      ...(i > 0 && {
        ratio: ratioOfMedians(seconds, series[0]!),
        ...(!side.estimated && { difference: relativeDifference(values[0]!, values[i]!) }),
      }),
    }
  })
  const { tolerance = 1e-3 } = job
  const off = results.filter(({ difference }) => difference !== undefined && !(difference <= tolerance))
  const warnings = off.map(
    ({ name, difference }) => `${job.name}: values differ from those of ${name} by ${difference!.toExponential(1)}`,
  )
  return { name: job.name, sides: results, warnings }
}
