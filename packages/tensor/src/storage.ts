/**
 * Memory: buffers counted by reference, a pool per device, and the figures of `memoryInfo`. A tensor is a handle on a
 * storage; views share one storage, and the last handle gives its buffer back to the pool.
 */
import { bytesOf, type DType } from './dtype.ts'
import { AntecedentError, internal, MemoryError } from './errors.ts'
import type { Backend, Buffer } from './kernels.ts'

/** What `memoryInfo` tells; bytes count whole buffers, which are a little larger than what they hold. */
export interface MemoryInfo {
  /** handles not yet disposed */
  tensors: number
  /** buffers in use by those handles */
  buffers: number
  liveBytes: number
  /** bytes kept for reuse */
  pooledBytes: number
  /** the most that `liveBytes` has been since the start or the last `resetPeak` */
  peakBytes: number
}

const info: MemoryInfo = { tensors: 0, buffers: 0, liveBytes: 0, pooledBytes: 0, peakBytes: 0 }

/** Live tensors, live and pooled bytes, and the peak, over all devices. */
export const memoryInfo = (): MemoryInfo => ({ ...info })

/** Starts `peakBytes` anew from what is live now. */
export function resetPeak(): void {
  info.peakBytes = info.liveBytes
}

/** More bytes than this are given back to a device, if it names no limit of its own, rather than kept for reuse. */
const poolLimit = 512 * 2 ** 20

/** Buffers by dtype and size, and their bytes. */
interface Pool {
  readonly buffers: Map<string, Buffer[]>
  bytes: number
}

const pools = new WeakMap<Backend, Pool>()

const poolOf = (backend: Backend): Pool => {
  const pool = pools.get(backend) ?? { buffers: new Map(), bytes: 0 }
  pools.set(backend, pool)
  return pool
}

/** Sizes are rounded up to one of four steps per power of two, so that buffers fit again at most 25 % too large. */
function roundUp(length: number): number {
  if (length <= 16) return 16
  const step = 2 ** (Math.floor(Math.log2(length)) - 2)
  return Math.ceil(length / step) * step
}

const count = (pool: Pool, bytes: number): void => {
  pool.bytes += bytes
  info.pooledBytes += bytes
}

/** Gives every pooled buffer of a device back. */
export function emptyPool(backend: Backend): void {
  const pool = poolOf(backend)
  for (const buffer of [...pool.buffers.values()].flat()) backend.free(buffer)
  pool.buffers.clear()
  count(pool, -pool.bytes)
}

export class Storage {
  readonly backend: Backend
  readonly buffer: Buffer
  #references = 1

  constructor(backend: Backend, buffer: Buffer) {
    this.backend = backend
    this.buffer = buffer
  }

  get references(): number {
    return this.#references
  }

  retain(): this {
    this.#references++
    return this
  }

  release(): void {
    if (this.#references <= 0) throw internal('a storage was released more often than retained')
    this.#references--
    if (this.#references === 0) recycle(this.backend, this.buffer)
  }
}

/** A storage for `length` elements with one reference; its content is garbage. */
export function allocate(backend: Backend, dtype: DType, length: number): Storage {
  const capacity = roundUp(length)
  const pool = poolOf(backend)
  const buffer = pool.buffers.get(`${dtype} ${capacity}`)?.pop() ?? null
  const bytes = capacity * bytesOf(dtype)
  if (buffer) count(pool, -bytes)
  const storage = new Storage(backend, buffer ?? newBuffer(backend, dtype, capacity))
  info.buffers++
  info.liveBytes += bytes
  info.peakBytes = Math.max(info.peakBytes, info.liveBytes)
  return storage
}

/** Asks the device; on refusal empties the pool and asks once more. */
function newBuffer(backend: Backend, dtype: DType, capacity: number): Buffer {
  try {
    return backend.allocate(dtype, capacity)
  } catch {
    emptyPool(backend)
  }
  try {
    return backend.allocate(dtype, capacity)
  } catch (cause) {
    if (cause instanceof AntecedentError && !(cause instanceof MemoryError)) throw cause
    throw new MemoryError(
      {
        op: 'allocate',
        expected: `room for ${capacity * bytesOf(dtype)} bytes on ${backend.name}`,
        got: `out of memory with ${info.liveBytes} bytes live`,
        hint: 'dispose tensors, use scope(), or work in smaller chunks',
      },
      { cause },
    )
  }
}

function recycle(backend: Backend, buffer: Buffer): void {
  backend.forget?.(buffer)
  const bytes = buffer.capacity * bytesOf(buffer.dtype)
  info.buffers--
  info.liveBytes -= bytes
  const pool = poolOf(backend)
  if (pool.bytes + bytes > (backend.poolLimit ?? poolLimit)) {
    backend.free(buffer)
    return
  }
  const key = `${buffer.dtype} ${buffer.capacity}`
  const same = pool.buffers.get(key)
  if (same) same.push(buffer)
  else pool.buffers.set(key, [buffer])
  count(pool, bytes)
}

/** The net under scopes and disposal: a handle that was collected gives its reference back. */
const finalizer = new FinalizationRegistry<Storage>((storage) => {
  info.tensors--
  storage.release()
})

/** Takes note of a new handle on a storage. */
export function registerHandle(handle: WeakKey, storage: Storage): void {
  info.tensors++
  finalizer.register(handle, storage, handle)
}

/** A handle gives up its reference. */
export function releaseHandle(handle: WeakKey, storage: Storage): void {
  info.tensors--
  finalizer.unregister(handle)
  storage.release()
}
