/** The engine under the kernels: module, memory, threads, and the plans that tell a kernel what to do. */
import { DeviceError } from '../../errors.ts'
import type { Buffer, View } from '../../kernels.ts'
import { compiled, type Exports } from './compiled.ts'
import { defaultThreads, hostWorkers } from './host.ts'
import { Heap, newMemory } from './memory.ts'
import { alone, aloneFused, shared, sharedFused } from './module.generated.ts'
import { type ForeignProgram, type Kernel, Threads } from './threads.ts'
import { areVectorsWide, hasFusedMultiplyAdd } from './vectors.ts'

const planWords = 1024
/** Every thread has so much at least. */
const leastScratch = 65536

/** Where a buffer of this device lies. */
export interface Block {
  readonly at: number
  readonly bytes: number
}

const blockOf = (buffer: Buffer): Block => buffer.data as Block

/** The bytes of an element. */
export const bytesOfView = (x: View): number => (x.buffer.dtype === 'bool' ? 1 : 4)

/** The address of a view's first element. */
export const addressOf = (x: View): number => blockOf(x.buffer).at + x.offset * bytesOfView(x)

const floatWord = new Float32Array(1)
const intWord = new Int32Array(floatWord.buffer)

/** A float as the word that a plan holds. */
export function floatBits(x: number): number {
  floatWord[0] = x
  return intWord[0]!
}

/** Kernels of another kind: made here by a function, in workers by the same function as text. */
export interface ForeignKernels extends ForeignProgram {
  make(memory: WebAssembly.Memory, exports: Exports): Readonly<Record<string, Kernel>>
}

export class Engine {
  readonly heap: Heap
  readonly threads: Threads
  /** why there is one thread only; null where there may be more */
  readonly #alone: string | null
  /** whether the kernels round a product and a sum once: other bits, and faster */
  readonly fused = hasFusedMultiplyAdd()
  /** whether V8 makes vectors of 256 bits of two of 128: the same bits, and faster */
  readonly wide = this.fused && areVectorsWide()
  readonly #numbers: ReadonlyMap<string, number>
  readonly #plan: Int32Array
  readonly #planAt: number
  /** each thread's bytes, and the bytes of all that were allocated */
  #scratch: { at: number; bytes: number; total: number }

  constructor(foreign: ForeignKernels | null = null) {
    const host = hostWorkers()
    const memory = newMemory(host.alone === null)
    const { module, exports } = compiled(this.#moduleFor(host.alone === null), memory)
    const names = Object.keys(exports)
      .filter((name) => typeof exports[name] === 'function')
      .sort()
    const others = foreign ? foreign.make(memory, exports) : {}
    this.#numbers = new Map([...names, ...Object.keys(others)].map((name, i) => [name, i]))
    this.heap = new Heap(memory, (exports.heapBase as WebAssembly.Global).value)
    this.#planAt = this.heap.allocate(planWords * 4)
    this.#plan = new Int32Array(memory.buffer, this.#planAt, planWords)
    const control = this.heap.allocate(Threads.controlBytes)
    const threads = defaultThreads(host)
    const total = leastScratch * threads
    this.#scratch = { at: this.heap.allocate(total), bytes: leastScratch, total }
    const kernels = [...names.map((name) => exports[name] as Kernel), ...Object.values(others)]
    const program = foreign && { program: foreign.program, data: foreign.data }
    this.threads = new Threads({ module, memory, kernels, foreign: program }, control, this.#scratch, threads)
    this.#alone = host.alone
  }

  #moduleFor(threads: boolean): string {
    if (threads) return this.fused ? sharedFused : shared
    return this.fused ? aloneFused : alone
  }

  get description(): string {
    const { count } = this.threads
    const why = this.#alone === null ? '' : `, for ${this.#alone}`
    const simd = `SIMD${this.wide ? ' of 256 bits' : ''}${this.fused ? ' with fused multiply-add' : ''}`
    return `wasm (${simd}, ${count} thread${count === 1 ? '' : 's'}${why})`
  }

  /** Another number of threads. @throws {DeviceError} where the host has but one */
  setThreads(count: number): void {
    if (count > 1 && this.#alone !== null) {
      const hint = 'leave threads out; a page is isolated by the headers COOP same-origin and COEP require-corp'
      throw new DeviceError({ op: 'useDevice', expected: `a host with ${count} threads`, got: this.#alone, hint })
    }
    this.threads.resize(count)
    this.#reserve(this.#scratch.bytes)
  }

  /**
   * Runs a kernel over [0, units). `chunk` units are one piece of work for a thread: so many that handing them over
   * costs little, and the same however many threads there are. `scratch` bytes are each thread's own.
   */
  run(name: string, plan: readonly number[], units: number, chunk: number, scratch = 0): void {
    if (units === 0) return
    if (scratch > this.#scratch.bytes) this.#reserve(scratch)
    const number = this.#numbers.get(name)
    if (number === undefined) throw new DeviceError({ op: 'wasm', expected: 'a compiled kernel', got: name })
    // views of memory that grew are new objects, except where it is shared; plans lie in the first pages
    const words = this.#plan.length > 0 ? this.#plan : new Int32Array(this.heap.buffer, this.#planAt, planWords)
    words.set(plan)
    this.threads.run(number, this.#planAt, units, Math.max(1, Math.floor(chunk)))
  }

  /** Scratch memory of at least so many bytes for every thread. */
  #reserve(bytes: number): void {
    const size = Math.max(leastScratch, 2 ** Math.ceil(Math.log2(bytes)))
    const total = size * this.threads.count
    this.heap.free(this.#scratch.at, this.#scratch.total)
    this.#scratch = { at: this.heap.allocate(total), bytes: size, total }
    this.threads.setScratch(this.#scratch.at, size)
  }

  /** Memory for the time of a call. */
  temporary<T>(bytes: number, body: (at: number) => T): T {
    const at = this.heap.allocate(bytes)
    try {
      return body(at)
    } finally {
      this.heap.free(at, bytes)
    }
  }
}
