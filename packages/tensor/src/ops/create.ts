/** Tensors from numbers. */
import { backendOf } from '../device.ts'
import { type DType, dtypeOf, newArray, type TypedArray } from '../dtype.ts'
import { ShapeError, show } from '../errors.ts'
import { empty } from '../op.ts'
import { checkShape, type Shape, sizeOf } from '../shape.ts'
import { type Nested, shapeOfNested, type Tensor } from '../tensor.ts'

/** Where and as what to make a tensor. A tensor fits too, and stands for its own dtype and device. */
export interface CreateOptions {
  /** default `f32`; `tensor` takes it from a typed array, and `bool` from booleans */
  dtype?: DType
  /** default: the current device */
  device?: string
}

/**
 * A tensor of nested arrays, a number, or a typed array with a shape.
 *
 * @example tensor([[1, 2], [3, 4]])          // f32 [2, 2]
 * @example tensor(new Float64Array(6), [2, 3], { device: 'ref' })
 * @throws {ShapeError} where rows differ in length, or the shape does not hold the elements
 */
export function tensor(values: Nested | TypedArray, shape?: Shape | null, options: CreateOptions = {}): Tensor {
  const own = shapeOfNested('tensor', values)
  const target = shape ?? own
  checkShape('tensor', target)
  const flat = flatten(values)
  if (sizeOf(target) !== flat.length) {
    throw new ShapeError({
      op: 'tensor',
      expected: `${sizeOf(target)} elements for ${show(target)}`,
      got: `${flat.length}`,
    })
  }
  const dtype = options.dtype ?? dtypeOf(flat) ?? (typeof flat[0] === 'boolean' ? 'bool' : 'f32')
  const result = empty(backendOf(options.device), dtype, target)
  result.backend.upload(convert(flat, dtype), result.view().buffer)
  return result
}

function flatten(values: Nested | TypedArray): TypedArray | (number | boolean)[] {
  if (ArrayBuffer.isView(values)) return values as TypedArray
  if (!Array.isArray(values)) return [values as number | boolean]
  return values.flat(Number.POSITIVE_INFINITY) as (number | boolean)[]
}

function convert(flat: TypedArray | (number | boolean)[], dtype: DType): TypedArray {
  if (dtypeOf(flat) === dtype) return flat as TypedArray
  const array = newArray(dtype, flat.length)
  for (let i = 0; i < array.length; i++) array[i] = dtype === 'bool' ? Number(Number(flat[i]) !== 0) : Number(flat[i])
  return array
}

/** A tensor that holds `value` everywhere. */
export function full(shape: Shape, value: number, options: CreateOptions = {}): Tensor {
  checkShape('full', shape)
  const result = empty(backendOf(options.device), options.dtype ?? 'f32', shape)
  result.backend.kernels.fill(value, result.view())
  return result
}

/** Zeros; `zeros(shape, x)` in the dtype and on the device of x. */
export const zeros = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 0, options)

/** Ones; `ones(shape, x)` in the dtype and on the device of x. */
export const ones = (shape: Shape, options: CreateOptions = {}): Tensor => full(shape, 1, options)

/** The identity matrix `[n, n]`. */
export function eye(n: number, options: CreateOptions = {}): Tensor {
  checkShape('eye', [n, n])
  const array = newArray(options.dtype ?? 'f32', n * n)
  for (let i = 0; i < n; i++) array[i * n + i] = 1
  return tensor(array, [n, n], options)
}

/** `start, start + step, …`, `stop` excluded; `[⌈(stop − start) / step⌉]` elements, none where that is negative. */
export function arange(start: number, stop: number, step = 1, options: CreateOptions = { dtype: 'i32' }): Tensor {
  if (step === 0) throw new ShapeError({ op: 'arange', expected: 'a step other than 0', got: '0' })
  const array = newArray(options.dtype ?? 'i32', Math.max(0, Math.ceil((stop - start) / step)))
  for (let i = 0; i < array.length; i++) array[i] = start + i * step
  return tensor(array, null, options)
}
