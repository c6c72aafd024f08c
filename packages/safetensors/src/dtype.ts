import { FormatError } from './errors.ts'

/** The typed array that holds each dtype once loaded. F16 and BF16 are widened, exactly; BOOL holds 0 and 1. */
export interface DataOf {
  F64: Float64Array
  F32: Float32Array
  F16: Float32Array
  BF16: Float32Array
  I64: BigInt64Array
  I32: Int32Array
  I16: Int16Array
  I8: Int8Array
  U8: Uint8Array
  BOOL: Uint8Array
}

/** A dtype that this package reads and writes, by its name in the file. */
export type DTypeName = keyof DataOf

/** A tensor in memory, row-major. `dtype` is that of the file; `data` is the array that {@link DataOf} names. */
export type RawTensor<D extends DTypeName = DTypeName> = {
  [K in D]: { dtype: K; shape: number[]; data: DataOf[K] }
}[D]

/** Where a tensor lies: bytes `[begin, end)` of the file's data section. `[]` is the shape of a scalar. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: DTypeName
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

const table: { readonly [D in DTypeName]: { size: number; array: string } } = {
  F64: { size: 8, array: 'Float64Array' },
  F32: { size: 4, array: 'Float32Array' },
  F16: { size: 2, array: 'Float32Array' },
  BF16: { size: 2, array: 'Float32Array' },
  I64: { size: 8, array: 'BigInt64Array' },
  I32: { size: 4, array: 'Int32Array' },
  I16: { size: 2, array: 'Int16Array' },
  I8: { size: 1, array: 'Int8Array' },
  U8: { size: 1, array: 'Uint8Array' },
  BOOL: { size: 1, array: 'Uint8Array' },
}

/** Every dtype that is read and written. */
export const dtypeNames = Object.keys(table) as DTypeName[]

/** Dtypes that the format defines and this package refuses: JavaScript has no exact array for them, or nobody asked. */
const refused = /^(U16|U32|U64|C64|F4|F6_.*|F8_.*)$/

/** Whether `name` is a dtype that is read and written. */
export const isDType = (name: string): name is DTypeName => Object.hasOwn(table, name)

/** Bytes of one element in the file. */
export const elementSize = (dtype: DTypeName): number => table[dtype].size

/** Name of the typed array class that holds `dtype` in memory. */
export const arrayName = (dtype: DTypeName): string => table[dtype].array

/** Why `dtype` is not read, as the fields of a {@link FormatError}. */
export function unknownDType(dtype: string): { expected: string; got: string; hint?: string } {
  const expected = `a dtype among ${dtypeNames.join(', ')}`
  const hint = 'the format defines it, this package does not read it; convert the tensor first'
  return refused.test(dtype) ? { expected, got: dtype, hint } : { expected, got: JSON.stringify(dtype.slice(0, 40)) }
}

/**
 * Number of elements: the product of the extents, 1 for a scalar, 0 for an empty tensor.
 *
 * @returns `undefined` if the product, taken from the left, leaves the safe integers
 */
export function countElements(shape: readonly number[]): number | undefined {
  let count = 1
  for (const extent of shape) {
    count *= extent
    if (count > Number.MAX_SAFE_INTEGER) return undefined
  }
  return count
}

/** `[2, 3]`, or `[2, 3, 4, … 70 axes]` where there are many. */
export function showShape(shape: readonly number[]): string {
  return shape.length <= 12 ? `[${shape.join(', ')}]` : `[${shape.slice(0, 12).join(', ')}, … ${shape.length} axes]`
}

/** BOOL is one byte a value, 0 or 1: any other byte means that the data are something else. */
export function checkBooleans(
  bytes: Uint8Array,
  at: { file?: string | undefined; tensor: string; byte?: number },
): void {
  const wrong = bytes.findIndex((byte) => byte > 1)
  if (wrong < 0) return
  const byte = at.byte === undefined ? undefined : at.byte + wrong
  throw new FormatError({ ...at, byte, expected: 'BOOL values of 0 or 1', got: `${bytes[wrong]} as element ${wrong}` })
}
