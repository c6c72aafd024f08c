/** Tensors from numbers. */
import { backendOf } from '../device.ts'
import { type DType, dtypeOf, newArray, type TypedArray } from '../dtype.ts'
import { ShapeError, show } from '../errors.ts'
import { widened } from '../float16.ts'
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

/**
 * A float32 tensor of IEEE binary16 numbers, given by their bits, as files store weights. Exact; NaN stay NaN. Half the
 * bytes of `tensor` go to the device, which widens them where it can.
 *
 * @throws {ShapeError} where the shape does not hold the elements
 */
export function fromFloat16(halves: Uint16Array, shape: Shape, { device }: Pick<CreateOptions, 'device'> = {}): Tensor {
  checkShape('fromFloat16', shape)
  if (sizeOf(shape) !== halves.length) {
    const expected = `${sizeOf(shape)} elements for ${show(shape)}`
    throw new ShapeError({ op: 'fromFloat16', expected, got: `${halves.length}` })
  }
  const result = empty(backendOf(device), 'f32', shape)
  const { backend } = result
  const { buffer } = result.view()
  if (backend.uploadFloat16) backend.uploadFloat16(halves, buffer)
  else backend.upload(widened(halves), buffer)
  return result
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

/** Ones on the main diagonal of zeros, `[rows, columns]`; square by default. */
export function eye(rows: number, columns = rows, options: CreateOptions = {}): Tensor {
  checkShape('eye', [rows, columns])
  const array = newArray(options.dtype ?? 'f32', rows * columns)
  for (let i = 0; i < Math.min(rows, columns); i++) array[i * columns + i] = 1
  return tensor(array, [rows, columns], options)
}

/** `start, start + step, …`, `stop` excluded; `[⌈(stop − start) / step⌉]` elements, none where that is negative. */
export function arange(start: number, stop: number, step = 1, options: CreateOptions = { dtype: 'i32' }): Tensor {
  if (step === 0) throw new ShapeError({ op: 'arange', expected: 'a step other than 0', got: '0' })
  const array = newArray(options.dtype ?? 'i32', Math.max(0, Math.ceil((stop - start) / step)))
  for (let i = 0; i < array.length; i++) array[i] = start + i * step
  return tensor(array, null, options)
}

/** `count` numbers at equal distances from `start` to `stop`, both included; `f32` by default. */
export function linspace(start: number, stop: number, count: number, options: CreateOptions = {}): Tensor {
  checkShape('linspace', [count])
  const array = newArray(options.dtype ?? 'f32', count)
  // each half counts from its own end, so that both ends are exact and the middle is symmetric
  const by = (stop - start) / (count - 1)
  for (let i = 0; i < count; i++) array[i] = i < count / 2 ? start + i * by : stop - (count - 1 - i) * by
  if (count === 1) array[0] = start
  return tensor(array, null, options)
}
