import {
  arrayName,
  checkBooleans,
  countElements,
  type DataOf,
  type DTypeName,
  elementSize,
  isDType,
  showShape,
  unknownDType,
} from './dtype.ts'
import { FormatError } from './errors.ts'
import { narrowBF16, narrowF16 } from './half.ts'
import { maxHeaderBytes } from './header.ts'

/** A tensor to be written. F16 and BF16 are given as Float32Array and rounded to nearest, ties to even. */
export type TensorInput = {
  [D in DTypeName]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: DataOf[D] }
}[DTypeName]

/** A tensor whose data are made when their turn comes, so that not all need be in memory at once. */
export type LazyTensorInput = {
  [D in DTypeName]: {
    readonly dtype: D
    readonly shape: readonly number[]
    readonly data: DataOf[D] | (() => DataOf[D] | Promise<DataOf[D]>)
  }
}[DTypeName]

/** Tensors by name, to be written. `['__proto__']` is a name like any other, if it is an own key. */
export type TensorInputs = Readonly<Record<string, TensorInput>>

/** Longest piece that is handed on at once, in bytes in memory. */
const chunkBytes = 2 ** 24

interface Planned<T> {
  readonly name: string
  readonly tensor: T
  readonly count: number
}

interface Plan<T> {
  /** The eight bytes of length and the header. */
  readonly header: Uint8Array
  /** The tensors in the order of their data. */
  readonly order: readonly Planned<T>[]
  /** Bytes of the whole file. */
  readonly size: number
}

/** Checks names, dtypes and shapes, and lays out the file: by decreasing element size, then by name. */
function plan<T extends LazyTensorInput>(
  tensors: Readonly<Record<string, T>>,
  metadata: Record<string, string>,
): Plan<T> {
  const order = Object.entries(tensors).map(([name, tensor]) => ({ name, tensor, count: checkTensor(name, tensor) }))
  order.sort((a, b) => elementSize(b.tensor.dtype) - elementSize(a.tensor.dtype) || (a.name < b.name ? -1 : 1))
  const entries: string[] = []
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":{${metadataText(metadata)}}`)
  let end = 0
  for (const { name, tensor, count } of order) {
    const begin = end
    end += count * elementSize(tensor.dtype)
    const fields = `"dtype":"${tensor.dtype}","shape":[${tensor.shape}],"data_offsets":[${begin},${end}]`
    entries.push(`${JSON.stringify(name)}:{${fields}}`)
  }
  const text = new TextEncoder().encode(`{${entries.join(',')}}`)
  const length = Math.ceil(text.length / 8) * 8
  if (length > maxHeaderBytes) {
    throw new FormatError({ expected: `a header of at most ${maxHeaderBytes} bytes`, got: `one of ${length}` })
  }
  const header = new Uint8Array(8 + length).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(text, 8)
  return { header, order, size: header.length + end }
}

/** Returns the number of elements. */
function checkTensor(name: string, { dtype, shape }: LazyTensorInput): number {
  if (name === '__metadata__') {
    const expected = 'a name other than "__metadata__", which the format reserves'
    throw new FormatError({ tensor: name, expected, got: 'it' })
  }
  checkText(name, 'a tensor')
  if (!isDType(dtype)) throw new FormatError({ tensor: name, ...unknownDType(String(dtype)) })
  const count = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) ? countElements(shape) : undefined
  if (count !== undefined) return count
  const expected = 'extents that are integers >= 0 with a product below 2^53'
  throw new FormatError({ tensor: name, expected, got: showShape(shape) })
}

function metadataText(metadata: Record<string, string>): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  return pairs
    .map(([key, value]) => {
      checkText(key, 'a key of the metadata')
      if (typeof value !== 'string') throw new FormatError({ key, expected: 'a string', got: typeof value })
      checkText(value, `the value of ${JSON.stringify(key)} in the metadata`)
      return `${JSON.stringify(key)}:${JSON.stringify(value)}`
    })
    .join(',')
}

function checkText(text: string, what: string): void {
  if (!/\p{Surrogate}/u.test(text)) return
  throw new FormatError({ key: text, expected: `${what} in well-formed Unicode`, got: 'a lone surrogate' })
}

/** The bytes of one tensor in pieces: views of `data` where the file holds the same bits. */
function* encode(name: string, dtype: DTypeName, shape: readonly number[], count: number, data: DataOf[DTypeName]) {
  const got = `${Object.prototype.toString.call(data).slice(8, -1)} of ${data?.length}`
  if (got !== `${arrayName(dtype)} of ${count}`) {
    const expected = `${arrayName(dtype)} of ${count} as data of ${dtype} ${showShape(shape)}`
    throw new FormatError({ tensor: name, expected, got })
  }
  const step = chunkBytes / data.BYTES_PER_ELEMENT
  for (let start = 0; start < data.length; start += step) {
    let piece: ArrayBufferView = data.subarray(start, start + step)
    if (dtype === 'F16') piece = narrowF16(piece as Float32Array)
    if (dtype === 'BF16') piece = narrowBF16(piece as Float32Array)
    const bytes = new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
    if (dtype === 'BOOL') checkBooleans(bytes, { tensor: name })
    yield bytes
  }
}

/**
 * The bytes of a file in pieces of at most 16 MiB, the header first. Pieces may share memory with the data: use each
 * before changing those. The order, and so every byte, depends on names and values only.
 *
 * @param metadata strings by key, written in the order of the keys; none by default
 * @throws {FormatError} naming the tensor, if dtype, shape and data disagree, a BOOL is neither 0 nor 1, or a name is
 *   not well-formed
 */
export function safetensorsChunks(tensors: TensorInputs, metadata: Record<string, string> = {}): Generator<Uint8Array> {
  return chunks(plan(tensors, metadata))
}

function* chunks({ header, order }: Plan<TensorInput>): Generator<Uint8Array> {
  yield header
  for (const { name, tensor, count } of order) yield* encode(name, tensor.dtype, tensor.shape, count, tensor.data)
}

/** Like {@link safetensorsChunks}, with data that may be functions, called one after the other in the file's order. */
export async function* streamSafetensors(
  tensors: Readonly<Record<string, LazyTensorInput>>,
  metadata: Record<string, string> = {},
): AsyncGenerator<Uint8Array> {
  const { header, order } = plan(tensors, metadata)
  yield header
  for (const { name, tensor, count } of order) {
    const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data
    yield* encode(name, tensor.dtype, tensor.shape, count, data)
  }
}

/**
 * A whole file in memory.
 *
 *     serializeSafetensors({ w: { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) } })
 *
 * @throws {FormatError} as {@link safetensorsChunks}
 */
export function serializeSafetensors(tensors: TensorInputs, metadata: Record<string, string> = {}): Uint8Array {
  const layout = plan(tensors, metadata)
  const bytes = new Uint8Array(layout.size)
  let filled = 0
  for (const chunk of chunks(layout)) {
    bytes.set(chunk, filled)
    filled += chunk.length
  }
  return bytes
}
