/** Element types and the one rule by which they meet. */
import { DTypeError, MemoryError, unknownName } from './errors.ts'

/** `f32` and `f64` are floats; `i32` holds indices and counts; `bool` is stored as one byte, 0 or 1. */
export type DType = 'bool' | 'i32' | 'f32' | 'f64'

export type TypedArray = Uint8Array | Int32Array | Float32Array | Float64Array

/** From the least to the most general: a pair of types meets at the higher one. */
export const dtypes = ['bool', 'i32', 'f32', 'f64'] as const satisfies readonly DType[]

const arrays = { bool: Uint8Array, i32: Int32Array, f32: Float32Array, f64: Float64Array }

/** Throws unless `dtype` is one of ours. */
export function checkDType(op: string, dtype: DType): void {
  if (!dtypes.includes(dtype)) throw unknownName(op, 'a dtype', String(dtype), dtypes)
}

export const bytesOf = (dtype: DType): number => arrays[dtype].BYTES_PER_ELEMENT

/** Zeros on the host. Throws `MemoryError` where there is no room. */
export function newArray<D extends DType>(dtype: D, length: number): InstanceType<(typeof arrays)[D]> {
  try {
    return new arrays[dtype](length) as InstanceType<(typeof arrays)[D]>
  } catch (cause) {
    throw new MemoryError(
      {
        op: 'allocate',
        expected: `room for ${length * bytesOf(dtype)} bytes on the host`,
        got: 'out of memory',
        hint: 'dispose tensors, use scope(), or work in smaller chunks',
      },
      { cause },
    )
  }
}

export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f64'

/** The dtype in which two operands meet: the higher of `bool < i32 < f32 < f64`. */
export const promote = (a: DType, b: DType): DType => (dtypes.indexOf(a) >= dtypes.indexOf(b) ? a : b)

/** The float type in which an operand of a transcendental function is computed: integers become `f32`. */
export const asFloat = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'f32')

/** The dtype of a typed array; numbers that are not one of ours (64-bit integers, say) are an error. */
export function dtypeOf(array: ArrayLike<unknown>): DType | null {
  if (array instanceof Float32Array) return 'f32'
  if (array instanceof Float64Array) return 'f64'
  if (array instanceof Int32Array) return 'i32'
  if (array instanceof Uint8Array) return 'bool'
  if (ArrayBuffer.isView(array)) {
    throw new DTypeError({
      op: 'tensor',
      expected: 'a Float32Array, Float64Array, Int32Array or Uint8Array',
      got: array.constructor.name,
      hint: 'convert it first, as in Float32Array.from(array)',
    })
  }
  return null
}
