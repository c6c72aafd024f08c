/** The tensor as a value: shape, dtype, device and elements. The mathematics is in `ops/`. */
import { type DType, dtypeOf, isFloat, type TypedArray } from './dtype.ts'
import { MemoryError, ShapeError, show } from './errors.ts'
import type { Backend, View } from './kernels.ts'
import { register } from './scope.ts'
import { type Shape, sizeOf, stridesOf } from './shape.ts'
import { registerHandle, releaseHandle, type Storage } from './storage.ts'
import type { Trace } from './trace.ts'

/** Strides and offset of a tensor within its storage, in elements. */
export interface Layout {
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
}

/** Elements as nested arrays: a number for a scalar. */
export type Nested = number | boolean | readonly Nested[]

/**
 * An immutable array of numbers. Made by `tensor`, `zeros`, … and by operations; never by `new`.
 *
 * A tensor holds a reference on its buffer until it is disposed, its scope ends, or it is garbage-collected.
 */
export class Tensor {
  readonly shape: Shape
  readonly dtype: DType
  /** set on a value that a derivative in progress follows */
  readonly trace: Trace | null
  readonly #storage: Storage | null
  readonly #layout: Layout | null
  #disposed = false

  private constructor(shape: Shape, dtype: DType, storage: Storage | null, layout: Layout | null, trace: Trace | null) {
    this.shape = shape
    this.dtype = dtype
    this.#storage = storage
    this.#layout = layout
    this.trace = trace
    if (storage) registerHandle(this, storage)
  }

  /** @internal Takes over one reference on the storage; the current scope will dispose the handle. */
  static own(storage: Storage, layout: Layout): Tensor {
    const handle = new Tensor(layout.shape, storage.buffer.dtype, storage, layout, null)
    register(handle)
    return handle
  }

  /** @internal A value under a derivative; owns nothing but `trace.primal`. */
  static traced(trace: Trace): Tensor {
    return new Tensor(trace.primal.shape, trace.primal.dtype, null, null, trace)
  }

  /** @internal A second handle on the same value that no scope disposes; whoever asks for it disposes it. */
  retain(): Tensor {
    return this.#again((storage, layout) => new Tensor(layout.shape, storage.buffer.dtype, storage, layout, null))
  }

  /** @internal A second handle on the same value, of the current scope. */
  alias(): Tensor {
    return this.#again(Tensor.own)
  }

  #again(make: (storage: Storage, layout: Layout) => Tensor): Tensor {
    if (this.trace) {
      const { primal, tangent } = this.trace
      return Tensor.traced({
        ...this.trace,
        primal: primal.#again(make),
        tangent: tangent === null ? null : tangent.#again(make),
      })
    }
    const { storage, layout } = this.concrete()
    return make(storage.retain(), layout)
  }

  /** @internal The storage and layout behind all traces. Throws `MemoryError` after disposal. */
  concrete(): { storage: Storage; layout: Layout } {
    if (this.trace) return this.trace.primal.concrete()
    if (this.#disposed) {
      throw new MemoryError({
        op: 'tensor',
        expected: 'a live tensor',
        got: `one of shape ${show(this.shape)} that was disposed`,
        hint: 'scope() and grad() dispose what is made inside them: return it, or keep() it',
      })
    }
    return { storage: this.#storage!, layout: this.#layout! }
  }

  /** @internal What a kernel reads. */
  view(): View {
    const { storage, layout } = this.concrete()
    return { buffer: storage.buffer, ...layout }
  }

  /** @internal */
  get backend(): Backend {
    return this.concrete().storage.backend
  }

  /** The name of the device that holds the elements. */
  get device(): string {
    return this.backend.name
  }

  /** The number of axes; 0 for a scalar. */
  get rank(): number {
    return this.shape.length
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  get disposed(): boolean {
    return this.trace ? this.trace.primal.disposed : this.#disposed
  }

  /** The elements in row-major order, as a copy. */
  async data(): Promise<TypedArray> {
    return this.backend.read(this.view())
  }

  /** The same at once, on the devices that can; a `DeviceError` elsewhere. */
  dataSync(): TypedArray {
    return this.backend.readSync(this.view())
  }

  /** @internal The elements, where they can be had at once; null on a device that must be waited for. */
  knownData(): TypedArray | null {
    const { backend } = this
    return backend.onHost ? backend.onHost(this.view()) : this.dataSync()
  }

  /** The one element of a tensor of size 1, at once. */
  item(): number {
    if (this.size !== 1) throw new ShapeError({ op: 'item', expected: 'one element', got: show(this.shape) })
    return this.dataSync()[0]!
  }

  /** The elements as nested arrays, at once; booleans for `bool`. */
  toArray(): Nested {
    return nest(this, this.dataSync())
  }

  /** The same on any device. */
  async nested(): Promise<Nested> {
    return nest(this, await this.data())
  }

  /** Gives the buffer back when no other handle shares it. Disposing twice is harmless; use afterwards is an error. */
  dispose(): void {
    if (this.trace) {
      this.trace.primal.dispose()
      this.trace.tangent?.dispose()
    } else if (!this.#disposed) {
      this.#disposed = true
      releaseHandle(this, this.#storage!)
    }
  }

  /** `Tensor f32 [2, 3] on ref`; reads nothing. */
  toString(): string {
    return `Tensor ${this.dtype} ${show(this.shape)}${this.disposed ? ' (disposed)' : ` on ${this.device}`}`
  }
}

function nest({ shape, dtype }: Tensor, data: TypedArray): Nested {
  const strides = stridesOf(shape)
  const build = (axis: number, at: number): Nested => {
    if (axis === shape.length) return dtype === 'bool' ? data[at] !== 0 : data[at]!
    return Array.from({ length: shape[axis]! }, (_, i) => build(axis + 1, at + i * strides[axis]!))
  }
  return build(0, 0)
}

/** True where a derivative can flow through the value. */
export const isDifferentiable = (x: Tensor): boolean => isFloat(x.dtype)

/** Throws a `ShapeError` unless nested arrays are rectangular; returns their shape. */
export function shapeOfNested(op: string, nested: unknown): number[] {
  if (!Array.isArray(nested))
    return dtypeOf(nested as ArrayLike<unknown>) ? [(nested as ArrayLike<unknown>).length] : []
  if (nested.length === 0) return [0]
  const [first, ...rest] = nested.map((part) => shapeOfNested(op, part))
  for (const shape of rest) {
    if (shape.join() !== first!.join()) {
      throw new ShapeError({
        op,
        expected: 'rectangular nested arrays',
        got: `rows of ${show(first!)} and ${show(shape)}`,
      })
    }
  }
  return [nested.length, ...first!]
}
