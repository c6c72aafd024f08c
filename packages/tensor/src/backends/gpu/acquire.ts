/** From a host to a device of WebGPU: the browser's, or Dawn's in Node. */
import { DeviceError } from '../../errors.ts'
import { noAdapter, noWebGpu } from './errors.ts'

export interface GpuOptions {
  /** WebGPU's entry point; default: the browser's `navigator.gpu`, in Node that of the package `webgpu` */
  gpu?: GPU
  /** which of several GPUs; default: the fast one */
  powerPreference?: GPUPowerPreference
  /** the module gpu.js, where it cannot be imported by that name (a page without an import map) */
  gpujs?: unknown
}

export interface Acquired {
  readonly device: GPUDevice
  /** for people: vendor, architecture and driver, as the adapter tells them */
  readonly adapter: string
  /** a driver that computes on the processor */
  readonly isSoftware: boolean
}

/** Kept, since the process dies when Dawn's is collected while a device of it lives. */
let dawn: GPU | null = null

async function entryPoint(): Promise<GPU> {
  const inPage = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (inPage) return inPage
  if ((globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === undefined)
    throw noWebGpu()
  if (dawn) return dawn
  const name = 'webgpu' // an optional peer, which bundlers must not look for
  const { create } = (await import(name).catch((cause: unknown) => {
    throw noWebGpu(cause)
  })) as { create(options: string[]): GPU }
  dawn = create([])
  return dawn
}

/** Limits above the standard ones that are worth asking for. */
const raised = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const

/**
 * Opens the host's GPU.
 *
 * @throws {DeviceError} where there is no WebGPU or no adapter, saying what to install
 */
export async function acquire({ gpu, powerPreference = 'high-performance' }: GpuOptions): Promise<Acquired> {
  const adapter = await (gpu ?? (await entryPoint())).requestAdapter({ powerPreference })
  if (!adapter) throw noAdapter()
  const requiredLimits = Object.fromEntries(raised.map((limit) => [limit, adapter.limits[limit]]))
  const device = await adapter.requestDevice({ requiredLimits }).catch((cause: unknown) => {
    throw new DeviceError(
      { op: 'useDevice', expected: 'a device from the WebGPU adapter', got: String(cause) },
      { cause },
    )
  })
  const { vendor, architecture, device: model, description, isFallbackAdapter } = adapter.info
  const named = [vendor, architecture, model || description, model ? description : ''].filter((part) => part !== '')
  return {
    device,
    adapter: named.join(' / ') || 'an adapter that does not tell its name',
    isSoftware: isFallbackAdapter,
  }
}
