/** What the machine can do at most, on the same threads and in the same minutes. */
import type { Backend, wasmBackend } from '@antecedent/tensor/internal'

/** A device on WebAssembly's memory. */
export type Wasm = Backend & Pick<ReturnType<typeof wasmBackend>, 'engine'>

/** A job to compare with: its work in operations or bytes. */
export interface Limit {
  run: () => void
  work: number
  release: () => void
}

/** Units so many that threads end together, of some microseconds each. */
const [units, loops, operationsPerLoop] = [64, 4000, 96]
const [lineBytes, linesPerChunk] = [64, 1024]

/** The word of a plan that holds this float. */
const wordOf = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!

/** Sums and products in registers alone: SIMD of 128 bits without fused multiply-add, as V8 compiles it. */
export function arithmetic({ engine }: Wasm): Limit {
  const bytes = units * 16
  const at = engine.heap.allocate(bytes)
  return {
    // s = s/2 + 1 stays between 1 and 2: no infinities, nothing subnormal
    run: () => engine.run('peak', [at, loops, wordOf(0.5), wordOf(1)], units, 1),
    work: units * loops * operationsPerLoop,
    release: () => engine.heap.free(at, bytes),
  }
}

/** A plain copy that reads and writes so many bytes together. */
export function copying({ engine }: Wasm, bytes: number): Limit {
  const lines = Math.max(1, Math.ceil(bytes / 2 / lineBytes))
  const half = lines * lineBytes
  const [from, to] = [engine.heap.allocate(half), engine.heap.allocate(half)]
  // pages that were never written would all be the same one, and lie in the cache
  new Uint8Array(engine.heap.buffer, from, half).fill(1)
  return {
    run: () => engine.run('copyLines', [from, to], lines, linesPerChunk),
    work: 2 * half,
    release: () => {
      engine.heap.free(from, half)
      engine.heap.free(to, half)
    },
  }
}
