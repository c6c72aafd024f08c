/** Memory for the time of a call. Work runs in the order of the calls, so it can be used anew as soon as one returns. */
import type { DType } from '../../dtype.ts'
import type { View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import type { Engine } from './engine.ts'
import { type Block, bytesPerElement, usage } from './memory.ts'

/** What lies unused beyond this is given back. */
const keptBytes = 2 ** 28

export class Scratch {
  readonly #engine: Engine
  readonly #free = new Map<number, GPUBuffer[]>()
  #bytes = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Calls `body` with a dense view full of garbage. */
  use<T>(dtype: DType, shape: readonly number[], body: (x: View) => T): T {
    // powers of two, so that few sizes come up
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(sizeOf(shape) * bytesPerElement)))
    const known = this.#free.get(size)?.pop()
    if (known) this.#bytes -= size
    const { device } = this.#engine
    const gpu = known ?? device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyTarget })
    const data: Block = { gpu, host: null }
    try {
      const buffer = { dtype, capacity: size / bytesPerElement, data }
      return body({ buffer, shape, strides: stridesOf(shape), offset: 0 })
    } finally {
      this.#release(gpu, size)
    }
  }

  #release(gpu: GPUBuffer, size: number): void {
    if (this.#bytes + size > keptBytes) {
      this.#engine.flush() // what is collected may still use it
      gpu.destroy()
      return
    }
    this.#bytes += size
    const same = this.#free.get(size)
    if (same) same.push(gpu)
    else this.#free.set(size, [gpu])
  }
}
