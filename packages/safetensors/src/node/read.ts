import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FormatError, ReadError } from '../errors.ts'
import { parseSafetensors, type SafetensorsFile } from '../file.ts'
import { openSource, type TensorReader } from '../reader.ts'
import { openSharded } from '../sharded.ts'
import type { ByteSource } from '../source.ts'

/** Most bytes in one call to the system, which takes less than 2 GiB. */
const pieceBytes = 2 ** 30

const singleName = 'model.safetensors'
const indexName = 'model.safetensors.index.json'

/** A file that is open for reading. Close it. */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path)
  try {
    const size = regularSize(path, await handle.stat())
    return { size, file: path, read: (begin, end) => readPieces(path, handle, begin, end), close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readPieces(path: string, handle: FileHandle, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin)
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(pieceBytes, bytes.length - done)
    const { bytesRead } = await handle.read(bytes, done, length, begin + done)
    if (bytesRead === 0) throw cutShort(path, begin + done)
    done += bytesRead
  }
  return bytes
}

function regularSize(path: string, stats: Stats): number {
  if (!stats.isFile()) throw new ReadError(path, 'expected a file, got a folder or a device')
  return stats.size
}

const cutShort = (path: string, byte: number) => new ReadError(path, `the file ended at byte ${byte} while it was read`)

/**
 * Opens a model without reading its tensors. Close it, or let `await using` do so.
 *
 *     await using model = await openSafetensors('model.safetensors')
 *     const rows = await model.slice('embeddings.word_embeddings.weight', [[100, 110]])
 *
 * @param path a safetensors file, an index (`….json`) with its shards beside it, or a folder that holds
 *   `model.safetensors` or else `model.safetensors.index.json`
 * @throws {FormatError} if a file breaks its format, or the folder holds neither
 * @throws the system's error if a file can not be opened
 */
export async function openSafetensors(path: string): Promise<TensorReader & AsyncDisposable> {
  const file = (await stat(path)).isDirectory() ? await modelFile(path) : path
  const openFile = async (path: string) => openSource(await fileSource(path))
  const reader = file.endsWith('.json')
    ? await openSharded(await readFile(file), (name) => openFile(join(dirname(file), name)), { file })
    : await openFile(file)
  return Object.assign(reader, { [Symbol.asyncDispose]: () => reader.close() })
}

async function modelFile(folder: string): Promise<string> {
  for (const name of [singleName, indexName]) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found) return join(folder, name)
  }
  throw new FormatError({ file: folder, expected: `${singleName} or ${indexName}`, got: 'a folder with neither' })
}

/**
 * Reads a whole file into memory.
 *
 * @throws {FormatError} at the first broken rule of the format
 * @throws the system's error if the file can not be opened
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const source = await fileSource(path)
  try {
    return parseSafetensors(await source.read(0, source.size), { file: path })
  } finally {
    await source.close?.()
  }
}

/** {@link readSafetensors}, synchronous. */
export function readSafetensorsSync(path: string): SafetensorsFile {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(regularSize(path, fstatSync(descriptor)))
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(descriptor, bytes, done, Math.min(pieceBytes, bytes.length - done), done)
      if (read === 0) throw cutShort(path, done)
      done += read
    }
    return parseSafetensors(bytes, { file: path })
  } finally {
    closeSync(descriptor)
  }
}
