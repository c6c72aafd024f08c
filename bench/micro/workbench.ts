/** Operands for kernels, in the memory of one device. */
import { type Backend, type Buffer, bytesOf, type DType, stridesOf, type View } from '@antecedent/tensor/internal'
import { generator } from '../statistics.ts'

type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** Makes views with the same numbers in every run, and gives their memory back. */
export class Workbench {
  readonly #backend: Backend
  readonly #buffers: Buffer[] = []
  readonly #random = generator(7)

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Numbers spread evenly between two bounds, dense. */
  floats(shape: Shape, [low, high] = [-2, 2]): View {
    const numbers = Float32Array.from({ length: sizeOf(shape) }, () => low! + (high! - low!) * this.#random())
    return this.#upload('f32', shape, numbers)
  }

  /** Whole numbers from 0 to below a bound. */
  indices(shape: Shape, below: number): View {
    const numbers = Int32Array.from({ length: sizeOf(shape) }, () => Math.floor(below * this.#random()))
    return this.#upload('i32', shape, numbers)
  }

  /** True and false, one as often as the other. */
  bools(shape: Shape): View {
    return this.#upload(
      'bool',
      shape,
      Uint8Array.from({ length: sizeOf(shape) }, () => Number(this.#random() < 0.5)),
    )
  }

  /** Room for a result. */
  result(shape: Shape, dtype: DType = 'f32'): View {
    const buffer = this.#backend.allocate(dtype, sizeOf(shape))
    this.#buffers.push(buffer)
    return { buffer, shape, strides: stridesOf(shape), offset: 0 }
  }

  release(): void {
    for (const buffer of this.#buffers.splice(0)) {
      this.#backend.forget?.(buffer)
      this.#backend.free(buffer)
    }
  }

  #upload(dtype: DType, shape: Shape, numbers: Float32Array | Int32Array | Uint8Array): View {
    const view = this.result(shape, dtype)
    this.#backend.upload(numbers, view.buffer)
    return view
  }
}

/** The same elements with their axes in another order. */
export const permuted = (x: View, order: readonly number[]): View => ({
  ...x,
  shape: order.map((axis) => x.shape[axis]!),
  strides: order.map((axis) => x.strides[axis]!),
})

/** The same elements with one more axis of a size in front, along which they repeat. */
export const repeated = (x: View, size: number): View => ({
  ...x,
  shape: [size, ...x.shape],
  strides: [0, ...x.strides],
})

/** Bytes that must cross the memory at least: every operand's distinct elements once. */
export const bytesTouched = (operands: readonly View[]): number =>
  operands.reduce((sum, { buffer, shape, strides }) => {
    const distinct = shape.filter((_, axis) => strides[axis] !== 0)
    return sum + sizeOf(distinct) * bytesOf(buffer.dtype)
  }, 0)
