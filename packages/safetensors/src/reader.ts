import { Catalog } from './catalog.ts'
import { decode } from './decode.ts'
import type { RawTensor, TensorInfo } from './dtype.ts'
import { ReadError } from './errors.ts'
import { type Header, readHeader, readHeaderLength } from './header.ts'
import { planSlice, type Ranges, type SlicePlan } from './slice.ts'
import type { ByteSource } from './source.ts'

/** Most bytes that one read of a slice fetches, unless a single run of wanted bytes is longer. */
const blockBytes = 8 * 2 ** 20

/** Tensors that are read when asked for. One file ({@link openSource}) and a set of shards look alike. */
export abstract class TensorReader extends Catalog {
  /**
   * Reads one tensor.
   *
   * @throws {FormatError} if there is none of this name, or a BOOL is neither 0 nor 1
   * @throws {ReadError} if the bytes can not be had
   */
  abstract get(name: string): Promise<RawTensor>

  /**
   * Reads the bytes of one tensor as they lie in the file, little-endian: nothing is widened, nothing checked.
   *
   * @throws as `get`
   */
  abstract bytes(name: string): Promise<Uint8Array>

  /**
   * Reads part of a tensor: `slice('w', [[0, 2], null])` is its first two rows. Only the bytes of the slice are read,
   * and gaps between them that are cheaper to read over than to skip ({@link ByteSource.gap}).
   *
   * @throws {RangeError} if a range does not fit; else as `get`
   */
  abstract slice(name: string, ranges: Ranges): Promise<RawTensor>

  /** Closes the files. Nothing can be read afterwards. */
  abstract close(): Promise<void>

  /** Reads all tensors, one after the other. */
  async *[Symbol.asyncIterator](): AsyncGenerator<[name: string, tensor: RawTensor]> {
    for (const name of this.names) yield [name, await this.get(name)]
  }
}

class SourceReader extends TensorReader {
  readonly #source: ByteSource
  readonly #dataStart: number

  constructor(source: ByteSource, header: Header) {
    super(source.file, header.infos, header.metadata)
    this.#source = source
    this.#dataStart = header.dataStart
  }

  override async get(name: string): Promise<RawTensor> {
    const info = this.info(name)
    return decode(await this.bytes(name), { ...info, file: this.file, byte: this.#dataStart + info.begin })
  }

  override async bytes(name: string): Promise<Uint8Array> {
    const { begin, end } = this.info(name)
    return readExactly(this.#source, this.#dataStart + begin, this.#dataStart + end)
  }

  override async slice(name: string, ranges: Ranges): Promise<RawTensor> {
    const info: TensorInfo = this.info(name)
    const plan = planSlice(info, ranges)
    const bytes = await this.#gather(plan)
    return decode(bytes, { name, dtype: info.dtype, shape: plan.shape, file: this.file })
  }

  override async close(): Promise<void> {
    await this.#source.close?.()
  }

  /** Reads the runs of a slice, neighbours in one block where the gap between them is small. */
  async #gather({ byteLength, runs }: SlicePlan): Promise<Uint8Array> {
    const gap = this.#source.gap ?? 4096
    const out = new Uint8Array(byteLength)
    let filled = 0
    let block: { begin: number; end: number }[] = []
    const flush = async () => {
      if (block.length === 0) return
      const begin = block[0]!.begin
      const bytes = await readExactly(this.#source, this.#dataStart + begin, this.#dataStart + block.at(-1)!.end)
      for (const run of block) {
        out.set(bytes.subarray(run.begin - begin, run.end - begin), filled)
        filled += run.end - run.begin
      }
      block = []
    }
    for (const run of runs()) {
      const joins = block.length > 0 && run.begin - block.at(-1)!.end <= gap && run.end - block[0]!.begin <= blockBytes
      if (!joins) await flush()
      block.push(run)
    }
    await flush()
    return out
  }
}

async function readExactly(source: ByteSource, begin: number, end: number): Promise<Uint8Array> {
  if (begin === end) return new Uint8Array(0)
  const bytes = await source.read(begin, end)
  if (bytes.length === end - begin) return bytes
  throw new ReadError(source.file ?? 'source', `expected ${end - begin} bytes from ${begin}, got ${bytes.length}`)
}

/**
 * Opens a file that lies behind a {@link ByteSource}: reads and checks the header, and no tensor.
 *
 * @throws {FormatError} at the first broken rule of the format; the source is closed then
 * @throws {ReadError} if the bytes can not be had
 */
export async function openSource(source: ByteSource): Promise<TensorReader> {
  try {
    const start = await readExactly(source, 0, Math.min(8, source.size))
    const length = readHeaderLength(start, source.size, source.file)
    const header = readHeader(await readExactly(source, 8, 8 + length), source.size, source.file)
    return new SourceReader(source, header)
  } catch (error) {
    await source.close?.()
    throw error
  }
}
