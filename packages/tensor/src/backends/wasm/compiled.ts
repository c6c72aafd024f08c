/** Compiling the kernels, which travel as base64. */
import { DeviceError } from '../../errors.ts'
import type { Kernel } from './threads.ts'

/** Kernels by name: the compiled exports. */
export interface Exports {
  readonly [name: string]: Kernel | WebAssembly.Memory | WebAssembly.Global
}

/**
 * A module of kernels on a memory.
 *
 * @throws {DeviceError} where the host can not compile it
 */
export function compiled(base64: string, memory: WebAssembly.Memory): { module: WebAssembly.Module; exports: Exports } {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  const abort = () => {
    throw new Error('abort')
  }
  try {
    const module = new WebAssembly.Module(bytes)
    return { module, exports: new WebAssembly.Instance(module, { env: { memory, abort } }).exports as Exports }
  } catch (cause) {
    throw new DeviceError(
      {
        op: 'useDevice',
        expected: 'WebAssembly with SIMD for the device wasm',
        got: String(cause),
        hint: 'a newer browser, or the device ref',
      },
      { cause },
    )
  }
}
