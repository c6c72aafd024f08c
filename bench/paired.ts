/** Benchmarks of pairs: our side and peers in turn, in one run, with the same threads. */
import { fileURLToPath } from 'node:url'
import { Bert } from '@antecedent/bert/node'
import { type DeviceName, useDevice } from '@antecedent/tensor'
import { encoderJobs } from './jobs/encoder.ts'
import type { Jobs } from './jobs/job.ts'
import { ligJobs } from './jobs/lig.ts'
import { matmulJobs } from './jobs/matmul.ts'
import { header, load, loadWarning, type Machine, machine, softwareWarning } from './machine.ts'
import { type JobResult, type MeasureOptions, measure } from './measure.ts'
import type { Options } from './options.ts'
import { type PythonInfo, PythonPeer } from './peers/python.ts'
import { table } from './table.ts'

const tables: Record<string, Jobs> = { encoder: encoderJobs, lig: ligJobs, matmul: matmulJobs }

export interface PairedResult {
  benchmark: string
  date: string
  device: string
  threads: number
  pairs: number
  machine: Machine
  /** variables of OpenBLAS that were set, and taken out */
  unset: readonly string[]
  /** 1, 5 and 15 minutes, before and after */
  load: { before: string; after: string }
  python: PythonInfo | null
  /** what was left out, and why */
  notes: string[]
  /** peak resident memory of each process, in bytes, over the whole run */
  peakBytes: { antecedent: number; python: number | null }
  /** what says that others used the machine when the run began; null where it was quiet */
  busy: string | null
  /** what says that a software driver stood in for a GPU; null elsewhere */
  software: string | null
  jobs: JobResult[]
}

const embedded = fileURLToPath(new URL('../models/antecedent-small', import.meta.url))

const timing: Omit<MeasureOptions, 'pairs'> = { warmUp: 500, least: 50, rest: 20 }

/**
 * Runs a benchmark, and prints the header at once and the table at the end.
 *
 * @param unset  variables that were taken out of the environment
 * @param print  takes lines for stdout
 * @param tell   takes progress and notes, for stderr
 */
export async function paired(
  options: Options,
  unset: readonly string[],
  print: (line: string) => void,
  tell: (text: string) => void,
): Promise<PairedResult> {
  const { benchmark, threads = 1, pairs, filter = '', device: name = 'wasm' } = options
  const device = await useDevice(name as DeviceName)
  const notes: string[] = []
  const note = (text: string) => {
    notes.push(text)
    tell(`left out: ${text}\n`)
  }
  const model = options.model ?? embedded
  const bert = await Bert.fromPretrained(model)
  if (options.python === undefined) note('PyTorch and Captum (--python PATH)')
  const python =
    options.python === undefined
      ? null
      : await PythonPeer.start({ interpreter: options.python, model, env: process.env })
  try {
    const before = load()
    const peers = python ? [describe(python.info, threads)] : []
    for (const line of header({ machine: machine(), device, threads, pairs, unset, peers })) print(line)
    const busy = loadWarning()
    if (busy !== null) tell(`${busy}\n`)
    const jobs = (await tables[benchmark]!({ bert, python, threads, device: name, note })).filter(({ name }) =>
      name.includes(filter),
    )
    if (jobs.length === 0) throw new Error(`--filter: no job's name holds '${filter}'`)
    const results: JobResult[] = []
    for (const job of jobs) {
      const onRound = (done: number) => tell(`\r${job.name}: ${done} of ${pairs}${done === pairs ? '\n' : ''}`)
      results.push(await measure(job, { ...timing, pairs, onRound }))
    }
    const peak = python ? ((await python.request({ job: 'status' })).peakBytes as number) : null
    const result: PairedResult = {
      ...{ benchmark, date: new Date().toISOString(), device: device.description, threads, pairs },
      ...{ machine: machine(), unset, software: softwareWarning(device) },
      load: { before, after: load() },
      python: python?.info ?? null,
      ...{ notes, busy },
      peakBytes: { antecedent: process.resourceUsage().maxRSS * 1024, python: peak },
      jobs: results,
    }
    for (const line of footer(result)) print(line)
    return result
  } finally {
    await python?.stop()
  }
}

function describe({ versions, threads: taken, capability, mkl, startSeconds }: PythonInfo, threads: number): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const off = taken === threads ? '' : `; takes ${taken} threads`
  return `peer      ${list.join(', ')}; ${capability}${mkl ? ', MKL' : ''}; ready after ${startSeconds.toFixed(1)} s${off}`
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`

function footer({ jobs, busy, software, load: { after }, peakBytes }: PairedResult): string[] {
  const python = peakBytes.python === null ? '' : `, Python ${megabytes(peakBytes.python)}`
  return [
    '',
    ...table(jobs),
    '',
    `load ${after} at the end; peak memory of the processes: antecedent ${megabytes(peakBytes.antecedent)}${python}`,
    ...[busy, software].filter((line) => line !== null),
    ...jobs.flatMap(({ warnings }) => warnings).map((text) => `warning: ${text}`),
  ]
}
