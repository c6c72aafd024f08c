/** The linear memory of the `wasm` device: one block that grows, and which parts of it are free. */
import { MemoryError } from '../../errors.ts'

const page = 65536
/** 4 GiB, all that 32-bit addresses reach; less where the host refuses to reserve so much. */
const mostPages = [65536, 32768, 16384]
/** Blocks begin on lines of the cache. */
const line = 64

interface FreeBlock {
  at: number
  size: number
}

/** Memory that threads share where they can: SharedArrayBuffer needs an isolated page in browsers. */
export function newMemory(shared: boolean): WebAssembly.Memory {
  let refused: unknown
  for (const maximum of mostPages) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared })
    } catch (cause) {
      refused = cause
    }
  }
  const expected = `room to reserve ${(mostPages.at(-1)! * page) / 2 ** 30} GiB of addresses`
  throw new MemoryError({ op: 'useDevice', expected, got: 'a refusal' }, { cause: refused })
}

/** First fit over free blocks in order of their addresses; neighbours are joined. The pool above it makes calls rare. */
export class Heap {
  readonly memory: WebAssembly.Memory
  readonly #free: FreeBlock[] = []
  #end: number
  #buffer: ArrayBufferLike

  constructor(memory: WebAssembly.Memory, base: number) {
    this.memory = memory
    this.#end = Math.ceil(base / line) * line
    this.#buffer = memory.buffer
  }

  /** What views are made on; another object after the memory grew. */
  get buffer(): ArrayBufferLike {
    return this.#buffer
  }

  /** The address of `bytes` free bytes. @throws {MemoryError} where memory can not grow so far */
  allocate(bytes: number): number {
    const size = Math.max(line, Math.ceil(bytes / line) * line)
    const fit = this.#free.findIndex((block) => block.size >= size)
    if (fit >= 0) {
      const block = this.#free[fit]!
      const { at } = block
      block.at += size
      block.size -= size
      if (block.size === 0) this.#free.splice(fit, 1)
      return at
    }
    const last = this.#free.at(-1)
    const at = last && last.at + last.size === this.#end ? last.at : this.#end
    this.#grow(at + size)
    if (at !== this.#end) this.#free.pop()
    this.#end = at + size
    return at
  }

  free(at: number, bytes: number): void {
    const size = Math.max(line, Math.ceil(bytes / line) * line)
    let low = 0
    let high = this.#free.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#free[middle]!.at < at) low = middle + 1
      else high = middle
    }
    this.#free.splice(low, 0, { at, size })
    this.#join(low)
    this.#join(low - 1)
  }

  /** Joins a block with the next one, where they touch. */
  #join(i: number): void {
    const [block, next] = [this.#free[i], this.#free[i + 1]]
    if (!block || !next || block.at + block.size !== next.at) return
    block.size += next.size
    this.#free.splice(i + 1, 1)
  }

  #grow(end: number): void {
    const have = this.#buffer.byteLength
    if (end <= have) return
    const pages = Math.ceil((end - have) / page)
    try {
      this.memory.grow(pages)
    } catch (cause) {
      const expected = `${end - have} more bytes of memory`
      throw new MemoryError({ op: 'wasm', expected, got: `a limit after ${have} bytes` }, { cause })
    }
    this.#buffer = this.memory.buffer
  }
}
