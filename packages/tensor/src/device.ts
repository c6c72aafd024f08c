/** Which device computes. */
import { refBackend } from './backends/ref/index.ts'
import { DeviceError, unknownName } from './errors.ts'
import type { Backend } from './kernels.ts'

/** Names that `useDevice` knows. */
export const deviceNames = ['ref', 'wasm', 'blas', 'gpu'] as const
export type DeviceName = (typeof deviceNames)[number]

/** What `device()` tells: the name, and one line on what runs there. */
export interface DeviceInfo {
  readonly name: string
  readonly description: string
}

const backends = new Map<string, Backend>([[refBackend.name, refBackend]])
let current: Backend = refBackend

/** @internal Adds a device, so that its name works wherever one is given. */
export const registerBackend = (backend: Backend): void => void backends.set(backend.name, backend)

/** The device on which new tensors are made. */
export const device = (): DeviceInfo => ({ name: current.name, description: current.description })

/** @internal The backend of a name, or the current one. */
export function backendOf(name?: string): Backend {
  if (name === undefined) return current
  const backend = backends.get(name)
  if (backend) return backend
  throw unavailable(name)
}

/**
 * Makes a device the one on which new tensors are made.
 *
 * @throws {DeviceError} where the device can not run here; nothing else is chosen in its place
 */
export async function useDevice(name: DeviceName): Promise<DeviceInfo> {
  current = backendOf(name)
  return device()
}

function unavailable(name: string): Error {
  if (!deviceNames.some((known) => known === name)) return unknownName('useDevice', 'a device', name, deviceNames)
  return new DeviceError({
    op: 'useDevice',
    expected: 'a device of this version (ref)',
    got: name,
    hint: `${name} is planned and not built yet; use ref`,
  })
}
