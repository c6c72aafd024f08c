import { countElements, elementSize, isDType, showShape, type TensorInfo, unknownDType } from './dtype.ts'
import { FormatError, quote } from './errors.ts'
import { JsonReader } from './json.ts'

/** Longest header allowed, in bytes; the bound of the reference implementation. */
export const maxHeaderBytes = 100_000_000

/** What the header of a file says. Byte `dataStart` of the file is byte 0 of its data section. */
export interface Header {
  readonly infos: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  readonly dataStart: number
}

/**
 * Reads the first eight bytes: the length of the header, u64 little-endian.
 *
 * @param bytes the first eight bytes of the file, or all of it
 * @param size  bytes of the whole file
 * @throws {FormatError} if the file is too short for it, or it is above {@link maxHeaderBytes}
 */
export function readHeaderLength(bytes: Uint8Array, size: number, file: string | undefined): number {
  const expected = 'a safetensors file: 8 bytes of header length, the header, the data'
  if (size < 8) throw new FormatError({ file, byte: size, expected, got: `a file of ${size} bytes` })
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  const got = `${length}`
  if (length > BigInt(maxHeaderBytes)) {
    const hint = 'is this a safetensors file?'
    throw new FormatError({ file, byte: 0, expected: `a header of at most ${maxHeaderBytes} bytes`, got, hint })
  }
  if (length > BigInt(size - 8)) {
    const hint = 'the file is cut short or is not safetensors'
    throw new FormatError({ file, byte: 0, expected: `a header of at most ${size - 8} bytes in this file`, got, hint })
  }
  return Number(length)
}

/**
 * Reads and checks the header.
 *
 * @param bytes the header alone, without the eight bytes before it
 * @param size  bytes of the whole file
 * @throws {FormatError} at the first broken rule
 */
export function readHeader(bytes: Uint8Array, size: number, file: string | undefined): Header {
  const json = new JsonReader(bytes, { file, firstByte: 8 })
  const infos = new Map<string, TensorInfo>()
  let metadata: Record<string, string> = {}
  if (!json.startsWith('{')) json.fail('"{" as the first byte of the header')
  json.object((name) => {
    if (name === '__metadata__') metadata = readMetadata(json)
    else infos.set(name, readEntry(json, name))
  })
  json.end()
  const dataStart = 8 + bytes.length
  checkCover([...infos.values()], dataStart, size, file)
  return { infos, metadata, dataStart }
}

function readMetadata(json: JsonReader): Record<string, string> {
  const entries: [string, string][] = []
  json.object((key) => {
    const at = json.at
    if (!json.startsWith('"')) json.fail(`a string as value of ${quote(key)} in __metadata__`, { at })
    entries.push([key, json.string()])
  })
  return Object.fromEntries(entries) // defines even "__proto__" as an ordinary key
}

/** Reads `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`. Further keys are read over, as by the reference. */
function readEntry(json: JsonReader, name: string): TensorInfo {
  json.tensor = name
  const at = json.at
  let dtype = ''
  let dtypeAt = at
  const shape: number[] = []
  const offsets: number[] = []
  let offsetsAt = at
  const keys = json.object((key) => {
    if (key === 'dtype') {
      dtypeAt = json.at
      dtype = json.string()
    } else if (key === 'shape') json.array(() => shape.push(json.integer()))
    else if (key === 'data_offsets') {
      offsetsAt = json.at
      json.array(() => offsets.push(json.integer()))
    } else json.skip()
  })
  const missing = ['dtype', 'shape', 'data_offsets'].filter((key) => !keys.has(key))
  if (missing.length > 0) json.fail('dtype, shape and data_offsets', { at, got: `no ${missing.join(', no ')}` })
  if (!isDType(dtype)) {
    const { expected, ...rest } = unknownDType(dtype)
    return json.fail(expected, { at: dtypeAt, ...rest })
  }
  const [begin, end] = offsets
  if (offsets.length !== 2 || begin! > end!) {
    json.fail('data_offsets [begin, end] with begin <= end', { at: offsetsAt, got: showShape(offsets) })
  }
  const count = countElements(shape)
  if (count === undefined || count * elementSize(dtype) !== end! - begin!) {
    const needed = count === undefined ? 'more than 2^53 elements' : `${count * elementSize(dtype)} bytes`
    const got = `data_offsets [${begin}, ${end}], which are ${end! - begin!} bytes`
    json.fail(`${needed} for ${dtype} ${showShape(shape)}`, { at: offsetsAt, got })
  }
  json.tensor = undefined
  return { name, dtype, shape, begin: begin!, end: end! }
}

/** In order of their offsets, the tensors must fill the data section: no overlap, no hole, nothing left over. */
function checkCover(infos: TensorInfo[], dataStart: number, size: number, file: string | undefined): void {
  const length = size - dataStart
  let filled = 0
  infos.sort((a, b) => a.begin - b.begin || a.end - b.end)
  for (const { name, begin, end } of infos) {
    const at = { file, tensor: name, byte: dataStart + begin }
    if (end > length) {
      const hint = 'the file is cut short'
      throw new FormatError({
        ...at,
        expected: `offsets within ${length} bytes of data`,
        got: `[${begin}, ${end}]`,
        hint,
      })
    }
    if (begin !== filled) {
      const got = begin < filled ? `an overlap from ${begin} to ${filled}` : `a hole from ${filled} to ${begin}`
      throw new FormatError({ ...at, expected: `data that begin at offset ${filled}, where the last ended`, got })
    }
    filled = end
  }
  if (filled === length) return
  const expected = `${filled} bytes of data, as the header says`
  throw new FormatError({ file, byte: dataStart + filled, expected, got: `${length}` })
}
