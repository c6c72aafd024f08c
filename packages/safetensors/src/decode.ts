import { checkBooleans, type DataOf, type DTypeName, elementSize, type RawTensor } from './dtype.ts'
import { widenBF16, widenF16 } from './half.ts'

/** Files are little-endian and typed arrays have the machine's order. All machines that run Node or a browser today agree. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

type ArrayType<A> = {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, offset: number, length: number): A
}

/** The elements of `bytes` where they lie if they are aligned there, else in a copy. */
function view<A>(type: ArrayType<A>, bytes: Uint8Array): A {
  const size = type.BYTES_PER_ELEMENT
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes)
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / size)
}

const decoders: { readonly [D in DTypeName]: (bytes: Uint8Array) => DataOf[D] } = {
  F64: (bytes) => view(Float64Array, bytes),
  F32: (bytes) => view(Float32Array, bytes),
  F16: (bytes) => widenF16(view(Uint16Array, bytes)),
  BF16: (bytes) => widenBF16(view(Uint16Array, bytes)),
  I64: (bytes) => view(BigInt64Array, bytes),
  I32: (bytes) => view(Int32Array, bytes),
  I16: (bytes) => view(Int16Array, bytes),
  I8: (bytes) => view(Int8Array, bytes),
  U8: (bytes) => view(Uint8Array, bytes),
  BOOL: (bytes) => view(Uint8Array, bytes),
}

/** What the bytes of a tensor belong to, and where they lie, for errors. */
export interface Stored {
  readonly name: string
  readonly dtype: DTypeName
  readonly shape: readonly number[]
  readonly file: string | undefined
  /** Place of the bytes in the file, where they are one piece of it. */
  readonly byte?: number
}

/** Turns bytes, as many as `shape` needs, into a tensor. The result shares their memory where it can. */
export function decode(bytes: Uint8Array, { name, dtype, shape, file, byte }: Stored): RawTensor {
  if (!littleEndian && elementSize(dtype) > 1) throw new Error('safetensors: big-endian machines are not supported')
  if (dtype === 'BOOL') checkBooleans(bytes, byte === undefined ? { file, tensor: name } : { file, tensor: name, byte })
  return { dtype, shape: [...shape], data: decoders[dtype](bytes) } as RawTensor
}
