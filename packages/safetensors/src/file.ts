import { Catalog } from './catalog.ts'
import { decode } from './decode.ts'
import type { RawTensor } from './dtype.ts'
import { type Header, readHeader, readHeaderLength } from './header.ts'
import { planSlice, type Ranges } from './slice.ts'

/** A whole file in memory. Iterating gives `[name, tensor]`, so `Object.fromEntries(file)` can be written again. */
export class SafetensorsFile extends Catalog {
  readonly #data: Uint8Array
  readonly #dataStart: number

  /** Made by {@link parseSafetensors}. */
  constructor(bytes: Uint8Array, header: Header, file: string | undefined) {
    super(file, header.infos, header.metadata)
    this.#data = bytes.subarray(header.dataStart)
    this.#dataStart = header.dataStart
  }

  /**
   * A tensor. Its data share the memory of the file where dtype and alignment allow it, else they are a copy.
   *
   * @throws {FormatError} if there is none of this name, or a BOOL is neither 0 nor 1
   */
  get(name: string): RawTensor {
    const info = this.info(name)
    const bytes = this.#data.subarray(info.begin, info.end)
    return decode(bytes, { ...info, file: this.file, byte: this.#dataStart + info.begin })
  }

  /**
   * Part of a tensor, always a copy: `slice('w', [[0, 2], null])` is its first two rows.
   *
   * @throws {FormatError} as `get`
   * @throws {RangeError} if a range does not fit
   */
  slice(name: string, ranges: Ranges): RawTensor {
    const info = this.info(name)
    const plan = planSlice(info, ranges)
    const bytes = new Uint8Array(plan.byteLength)
    let filled = 0
    for (const { begin, end } of plan.runs()) {
      bytes.set(this.#data.subarray(begin, end), filled)
      filled += end - begin
    }
    return decode(bytes, { name, dtype: info.dtype, shape: plan.shape, file: this.file })
  }

  *[Symbol.iterator](): Generator<[name: string, tensor: RawTensor]> {
    for (const name of this.names) yield [name, this.get(name)]
  }
}

/**
 * Opens a file that is in memory. The header is checked at once and in full, the values when they are asked for.
 *
 * @param bytes all bytes of the file; kept, not copied
 * @param options.file name of the file, for errors
 * @throws {FormatError} at the first broken rule of the format
 */
export function parseSafetensors(bytes: Uint8Array, options: { file?: string } = {}): SafetensorsFile {
  const { file } = options
  const length = readHeaderLength(bytes, bytes.length, file)
  return new SafetensorsFile(bytes, readHeader(bytes.subarray(8, 8 + length), bytes.length, file), file)
}
