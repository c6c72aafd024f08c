/** What a benchmark of pairs is made of. */
import type { Bert } from '@antecedent/bert'
import type { Errors } from '../accuracy.ts'
import type { PythonPeer } from '../peers/python.ts'

/** One way of doing a job. */
export interface Side {
  /** `antecedent`, or the peer's name */
  name: string
  /** does the job `repeat` times; gives the mean seconds of one, and what is known of how it ran */
  run: (repeat: number) => Promise<{ seconds: number; note?: string }>
  /** true where a part was timed: its values are not the job's and are not compared */
  estimated?: boolean
  /** the job's numbers, to be compared with the other sides' */
  values: () => Promise<number[]>
  /** the least that this peer's time over ours should be: drawn as a mark, judged by the reader */
  bar?: number
}

/** A row of a table of jobs. To add one is to add such an object. */
export interface Job {
  name: string
  /** floating-point operations of one run, where they are the same for all sides */
  flop?: number
  /** one run of ours, to numbers that every peer gives in the same order */
  ours: () => Promise<number[]>
  /** peers at hand, in the order in which they run; empty where none is installed */
  peers: Side[]
  /** the largest difference of values, as a share of the largest, that is rounding; default 1e-3 */
  tolerance?: number
  /** how exact the values of a side are; asked once, before anything is timed */
  errors?: () => Promise<(values: readonly number[]) => Errors>
}

/** What tables of jobs are made from. */
export interface Context {
  /** the embedded encoder on the device that is timed */
  bert: Bert
  /** PyTorch, where an interpreter was given */
  python: PythonPeer | null
  threads: number
  /** name of our device */
  device: string
  /** told what is left out, and why */
  note: (text: string) => void
}

export type Jobs = (context: Context) => Promise<Job[]>

/** The side of a function that does one run. */
export function sideOf(name: string, values: () => Promise<number[]>): Side {
  return {
    name,
    values,
    run: async (repeat) => {
      const start = performance.now()
      for (let i = 0; i < repeat; i++) await values()
      return { seconds: (performance.now() - start) / 1000 / repeat }
    },
  }
}

/** A job of PyTorch's process. */
export interface PythonSide {
  name: string
  job: string
  arguments: Record<string, unknown>
  bar?: number
  /** where a run is a part of the job: how many such parts it has, and that its time is an estimate */
  parts?: number
}

/** A peer of PyTorch's process, as a list: empty where no interpreter was given. */
export function pythonSides({ python }: Context, sides: readonly PythonSide[]): Side[] {
  if (!python) return []
  return sides.map(({ name, job, arguments: given, bar, parts = 1 }) => ({
    name,
    ...(parts > 1 && { estimated: true }),
    ...(bar !== undefined && { bar }),
    run: async (repeat) => {
      const { seconds, attention } = await python.request({ ...given, job, repeat })
      const estimate = parts > 1 ? `estimated: ${parts} times one call; ` : ''
      return {
        seconds: parts * (seconds as number),
        ...(attention !== null && { note: `${estimate}${attention} attention` }),
      }
    },
    values: async () => (await python.request({ ...given, job, values: true })).values as number[],
  }))
}
