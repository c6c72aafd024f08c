/** Which device computes. */
import { blasBackend } from './backends/blas/index.ts'
import { findBlas } from './backends/blas/library.ts'
import { refBackend } from './backends/ref/index.ts'
import { wasmBackend } from './backends/wasm/index.ts'
import { DeviceError, OptionError, unknownName } from './errors.ts'
import type { Backend } from './kernels.ts'

/** Names that `useDevice` knows. */
export const deviceNames = ['ref', 'wasm', 'blas', 'gpu'] as const
export type DeviceName = (typeof deviceNames)[number]

/** What `device()` tells: the name, and one line on what runs there. */
export interface DeviceInfo {
  readonly name: string
  readonly description: string
  /** on `gpu`: the kernels that ran so far, by name; `gpu.js:…` those that gpu.js compiled, `wgsl:…` the hand-written */
  readonly pipelines?: readonly string[]
  /** on `gpu`: whether a driver on the processor computes in a GPU's place, whose times are no figures */
  readonly isSoftware?: boolean
}

export interface DeviceOptions {
  /**
   * how many threads compute, this one among them; default: ANTECEDENT_THREADS in the environment, else the number of
   * cores. Results do not depend on it, bit for bit
   */
  threads?: number
}

/** How a device is made when it is first asked for. */
const makers: Partial<Record<string, () => Backend>> = { ref: () => refBackend, wasm: wasmBackend, blas: blasBackend }
/** Devices that take time to open. */
const openers: Partial<Record<string, () => Promise<Backend>>> = {
  gpu: async () => (await import('./backends/gpu/index.ts')).openGpu(),
}
const backends = new Map<string, Backend>()
let current: Backend | null = null

/** @internal Adds a device, so that its name works wherever one is given. */
export const registerBackend = (backend: Backend): void => void backends.set(backend.name, backend)

/** The device on which new tensors are made; at first `wasm`. */
export function device(): DeviceInfo {
  const { name, description, pipelines, isSoftware } = backendOf()
  return { name, description, ...(pipelines && { pipelines }), ...(isSoftware !== undefined && { isSoftware }) }
}

/** @internal The backend of a name, or the current one. */
export function backendOf(name?: string): Backend {
  if (name === undefined) {
    current ??= backendOf('wasm')
    return current
  }
  const known = backends.get(name) ?? makers[name]?.()
  if (!known) throw unavailable(name)
  backends.set(name, known)
  return known
}

/** @internal Opens a device, where that takes time and has not been done. */
export async function openDevice(name: string): Promise<Backend> {
  const known = backends.get(name)
  const open = openers[name]
  if (!open || (known && !known.isLost)) return backendOf(name)
  const backend = await open()
  registerBackend(backend)
  return backend
}

/**
 * Makes a device the one on which new tensors are made. `gpu` is opened when it is first asked for, and again after it
 * was lost.
 *
 * @throws {DeviceError} where the device can not run here; nothing else is chosen in its place
 */
export async function useDevice(name: DeviceName, { threads }: DeviceOptions = {}): Promise<DeviceInfo> {
  const backend = await openDevice(name)
  if (threads !== undefined) {
    if (!(Number.isInteger(threads) && threads > 0)) {
      throw new OptionError({ op: 'useDevice', expected: 'a positive number of threads', got: String(threads) })
    }
    backend.setThreads?.(threads)
  }
  current = backend
  return device()
}

/** @internal Runs `f` with another current device. */
export function withDevice<T>(name: DeviceName, f: () => T): T {
  const outer = current
  current = backendOf(name)
  try {
    return f()
  } finally {
    current = outer
  }
}

/** The fastest device that can run here: `blas` where a library is found, else `wasm`. */
export const fastestDevice = (): DeviceName => (findBlas().library ? 'blas' : 'wasm')

function unavailable(name: string): Error {
  if (!deviceNames.some((known) => known === name)) return unknownName('useDevice', 'a device', name, deviceNames)
  return new DeviceError({
    op: 'useDevice',
    expected: 'a device that is open',
    got: name,
    hint: `await useDevice('${name}') opens it`,
  })
}
