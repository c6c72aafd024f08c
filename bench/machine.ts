/** What a figure depends on, besides the code: the machine, what else it does, versions and variables. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import type { DeviceInfo } from '@antecedent/tensor'

export interface Machine {
  cpu: string
  /** family, model and stepping, where the system tells: names of virtual processors say little */
  cpuKind: string
  cores: number
  platform: string
  node: string
  v8: string
}

/** Variables that choose OpenBLAS's kernels: unset for all, as their default is what users have. */
const removed = ['OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE']

/** Variables that say how many threads a library takes. */
const counts = [
  'OMP_NUM_THREADS',
  'MKL_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'VECLIB_MAXIMUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'ANTECEDENT_THREADS',
]

/** An environment in which every side takes `threads` threads, and the names of the variables taken out. */
export function fairEnvironment(env: NodeJS.ProcessEnv, threads: number): { env: NodeJS.ProcessEnv; unset: string[] } {
  const unset = removed.filter((name) => env[name] !== undefined)
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !removed.includes(name)))
  const fixed = Object.fromEntries(counts.map((name) => [name, String(threads)]))
  return { env: { ...kept, ...fixed, HF_HUB_OFFLINE: '1' }, unset }
}

/** Makes the environment of this process such a one. To be called before a backend loads. */
export function applyEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
}

export function machine(): Machine {
  const { platform, arch, version, versions } = process
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuKind: cpuKind(),
    cores: cpus().length,
    platform: `${platform} ${arch}`,
    node: version,
    v8: versions.v8,
  }
}

function cpuKind(): string {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '?'
    const flags = field('flags').split(' ')
    const vectors = ['avx2', 'fma', 'avx512f'].filter((flag) => flags.includes(flag))
    return `family ${field('cpu family')}, model ${field('model')}, ${vectors.join(' ') || 'no AVX2'}`
  } catch {
    return 'kind unknown'
  }
}

/** Processes that wanted to run, averaged over 1, 5 and 15 minutes. */
export const load = (): string =>
  loadavg()
    .map((x) => x.toFixed(2))
    .join(' ')

/** Above this share of the cores, others use the machine. */
const quiet = 0.25

/** A sentence where the load of the last minute says that others use the machine; null where it is quiet. */
export function loadWarning(minute = loadavg()[0]!, cores = cpus().length): string | null {
  if (minute <= quiet * cores) return null
  return `warning: load ${minute.toFixed(2)} on ${cores} cores before the run: take these figures again on a quiet machine`
}

const unsetLine = (unset: readonly string[]): string => {
  const were = unset.length > 0 ? ` (${unset.join(' and ')} had been set)` : ''
  return `${removed.join(' and ')} unset for all${were}`
}

const machineLine = ({ cpu, cpuKind, cores, platform }: Machine): string =>
  `cpu       ${cpu}, ${cpuKind}, ${cores} cores; ${platform}`

const loadLine = () => `load      ${load()} (1, 5, 15 minutes)`

/** That times say nothing, where the device is a GPU that a processor stands in for; null elsewhere. */
export const softwareWarning = ({ isSoftware }: DeviceInfo): string | null =>
  isSoftware
    ? 'warning: a software driver stands in for a GPU: these times show that it runs, and are no figures'
    : null

const warned = (device: DeviceInfo): string[] => [softwareWarning(device)].filter((line) => line !== null)

/** What a device says of itself. */
export const deviceLines = (device: DeviceInfo): string[] => [`device    ${device.description}`, ...warned(device)]

/** The lines above a table of pairs. */
export function header(parts: {
  machine: Machine
  device: DeviceInfo
  threads: number
  pairs: number
  unset: readonly string[]
  peers: readonly string[]
}): string[] {
  const { machine: m, device, threads, pairs, unset, peers } = parts
  return [
    machineLine(m),
    `antecedent on ${device.description}; node ${m.node}, V8 ${m.v8}`,
    ...warned(device),
    ...peers,
    `threads   ${threads} for every side; ${unsetLine(unset)}`,
    loadLine(),
    `pairs     ${pairs}, one side after the other, all warm${pairs < 20 ? '; fewer than 20: a trial, not a figure' : ''}`,
  ]
}

/** The lines above the micro-benchmarks; `devices` are lines of their own. */
export const microHeader = (m: Machine, devices: readonly string[], unset: readonly string[]): string[] => [
  machineLine(m),
  `node      ${m.node}, V8 ${m.v8}; ${unsetLine(unset)}`,
  ...devices,
  loadLine(),
]
