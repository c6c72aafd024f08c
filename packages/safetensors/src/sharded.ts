import type { RawTensor, TensorInfo } from './dtype.ts'
import { FormatError, quote } from './errors.ts'
import { maxHeaderBytes } from './header.ts'
import { JsonReader } from './json.ts'
import { TensorReader } from './reader.ts'
import type { Ranges } from './slice.ts'

/** What `model.safetensors.index.json` says. */
export interface ShardIndex {
  /** The file that holds each tensor, beside the index. */
  readonly weightMap: ReadonlyMap<string, string>
  /** `metadata` of the index; values that are not strings (such as `total_size`) as their JSON text. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Reads `model.safetensors.index.json`. Keys other than `weight_map` and `metadata` are read over.
 *
 * @throws {FormatError} if it is not JSON, has no `weight_map`, or names a shard by anything but a plain file name:
 *   a path could lead out of the model's folder
 */
export function parseShardIndex(bytes: Uint8Array, { file }: { file?: string | undefined } = {}): ShardIndex {
  if (bytes.length > maxHeaderBytes) {
    throw new FormatError({ file, expected: `an index of at most ${maxHeaderBytes} bytes`, got: `${bytes.length}` })
  }
  const json = new JsonReader(bytes, { file })
  const weightMap = new Map<string, string>()
  const metadata: [string, string][] = []
  const keys = json.object((key) => {
    if (key === 'weight_map') {
      json.object((name) => {
        const at = json.at
        json.tensor = name
        const shard = json.string()
        if (!isPlainName(shard)) json.fail('the plain name of a file beside the index', { at, got: quote(shard) })
        weightMap.set(name, shard)
        json.tensor = undefined
      })
    } else if (key === 'metadata') {
      json.object((name) => {
        const text = json.skip()
        metadata.push([name, text.startsWith('"') ? (JSON.parse(text) as string) : text])
      })
    } else json.skip()
  })
  json.end()
  if (!keys.has('weight_map')) {
    throw new FormatError({ file, key: 'weight_map', expected: 'an object from tensor to file', got: 'none' })
  }
  return { weightMap, metadata: Object.fromEntries(metadata) }
}

/** No separators, no drive, no `..`: a name that stays in its folder on every system. */
function isPlainName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return name !== '' && name !== '.' && name !== '..' && !/[/\\:\u0000-\u001f]/.test(name)
}

class ShardedReader extends TensorReader {
  readonly #shards: ReadonlyMap<string, TensorReader>
  readonly #weightMap: ReadonlyMap<string, string>

  constructor(file: string | undefined, index: ShardIndex, shards: ReadonlyMap<string, TensorReader>) {
    super(file, collectInfos(file, index, shards), index.metadata)
    this.#shards = shards
    this.#weightMap = index.weightMap
  }

  override async get(name: string): Promise<RawTensor> {
    return this.#shardOf(name).get(name)
  }

  override async bytes(name: string): Promise<Uint8Array> {
    return this.#shardOf(name).bytes(name)
  }

  override async slice(name: string, ranges: Ranges): Promise<RawTensor> {
    return this.#shardOf(name).slice(name, ranges)
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((shard) => shard.close()))
  }

  #shardOf(name: string): TensorReader {
    this.info(name)
    return this.#shards.get(this.#weightMap.get(name)!)!
  }
}

function collectInfos(
  file: string | undefined,
  { weightMap }: ShardIndex,
  shards: ReadonlyMap<string, TensorReader>,
): Map<string, TensorInfo> {
  const infos = new Map<string, TensorInfo>()
  for (const [name, shard] of weightMap) {
    const reader = shards.get(shard)!
    if (!reader.has(name)) {
      const got = `a shard of ${reader.names.length} tensors without it`
      throw new FormatError({ file, tensor: name, expected: `it in ${quote(shard)}, as weight_map says`, got })
    }
    infos.set(name, reader.info(name))
  }
  return infos
}

/**
 * Opens a model that is split over several files. Only the tensors that the index names are seen; `info` gives their
 * place within their shard. The headers of all shards are read at once.
 *
 * @param index   all bytes of `model.safetensors.index.json`
 * @param open    opens a shard, given its plain file name: from a folder, a base URL, a list of chosen files
 * @param options.file name of the index, for errors
 * @throws {FormatError} if the index is broken, a shard can not be opened (the reason is the `cause`), or a tensor is
 *   not in the shard that the index names. What was opened is closed then
 */
export async function openSharded(
  index: Uint8Array,
  open: (fileName: string) => Promise<TensorReader>,
  options: { file?: string | undefined } = {},
): Promise<TensorReader> {
  const { file } = options
  const parsed = parseShardIndex(index, { file })
  const names = [...new Set(parsed.weightMap.values())]
  const shards = new Map<string, TensorReader>()
  const openOne = async (name: string) => {
    try {
      shards.set(name, await open(name))
    } catch (cause) {
      if (cause instanceof FormatError) throw cause
      const got = cause instanceof Error ? cause.message : String(cause)
      throw new FormatError({ file, expected: `the shard ${quote(name)} of weight_map`, got, cause })
    }
  }
  try {
    const results = await Promise.allSettled(names.map(openOne))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return new ShardedReader(file, parsed, shards)
  } catch (error) {
    await Promise.all([...shards.values()].map((shard) => shard.close()))
    throw error
  }
}
