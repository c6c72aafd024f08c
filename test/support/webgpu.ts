/**
 * A WebGPU device for tests, in Node, through Dawn. Without an adapter such tests are skipped and counted; where
 * `REQUIRE_WEBGPU=1` its absence is a failure. A software driver (lavapipe) will do: it proves results, never speed.
 */
import type { Test } from 'uvu'

export interface WebGpu {
  device: GPUDevice
  /** vendor, architecture and driver, as the adapter tells them */
  adapter: string
}

/** Asks for an adapter and a device, and installs WebGPU's constants; null where there is none. */
async function openWebGpu(): Promise<WebGpu | null> {
  const { create, globals } = await import('webgpu').catch(() => ({ create: null, globals: null }))
  if (globals) Object.assign(globalThis, globals)
  // gpu.js looks at navigator.gpu, which Node lacks; without an adapter it still compiles
  const gpu = create ? create([]) : { requestAdapter: async () => null }
  const owner = (globalThis.navigator ?? {}) as object
  Object.defineProperty(owner, 'gpu', { value: gpu, configurable: true })
  Object.defineProperty(globalThis, 'navigator', { value: owner, configurable: true })
  const adapter = await gpu.requestAdapter()
  if (!adapter) return null
  const { vendor, architecture, description } = adapter.info
  return { device: await adapter.requestDevice(), adapter: [vendor, architecture, description].join(' / ') }
}

export const webGpu = await openWebGpu()

/** `test`, or its `skip` where there is no adapter and need not be. */
export function needsWebGpu<T>(test: Test<T>): Test<T> | Test<T>['skip'] {
  if (!webGpu && process.env.REQUIRE_WEBGPU === '1') throw new Error('REQUIRE_WEBGPU=1, but there is no WebGPU adapter')
  return webGpu ? test : test.skip
}
