import { randomUUID } from 'node:crypto'
import { access, link, open, realpath, rename, rm } from 'node:fs/promises'
import { type LazyTensorInput, streamSafetensors } from '../write.ts'

/** A file that is there already was not to be overwritten. */
export class FileExistsError extends Error {
  override readonly name = 'FileExistsError'
  readonly code = 'EEXIST'
  readonly path: string

  constructor(path: string) {
    super(`writeSafetensors: expected a new file, got ${path}, which exists (pass { overwrite: true } to replace it)`)
    this.path = path
  }
}

/** Options of {@link writeSafetensors}. */
export interface WriteOptions {
  /** Strings to store beside the tensors; none by default. */
  metadata?: Record<string, string>
  /** Whether a file of this name may be replaced; default false. */
  overwrite?: boolean
}

/**
 * Writes a file. The bytes go to a temporary file in the same folder, reach the disk, and only then take the name:
 * whatever fails, an existing file stays whole and no half-written one appears. A symbolic link is followed.
 *
 * @param tensors as for `serializeSafetensors`; data may be functions, called one after the other
 * @throws {FileExistsError} if `path` exists and `overwrite` is not set
 * @throws {FormatError} if a tensor can not be written
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, LazyTensorInput>>,
  { metadata = {}, overwrite = false }: WriteOptions = {},
): Promise<void> {
  if (!overwrite) await refuseExisting(path)
  const target = await realpath(path).catch(() => path)
  const temporary = `${target}.${randomUUID()}.tmp`
  const handle = await open(temporary, 'wx')
  try {
    try {
      for await (const chunk of streamSafetensors(tensors, metadata)) await handle.writeFile(chunk)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (overwrite) await rename(temporary, target)
    else await renameToNew(temporary, target)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (exists) throw new FileExistsError(path)
}

/** A rename would replace a file that another process has made meanwhile; a hard link fails then. */
async function renameToNew(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new FileExistsError(target)
    await refuseExisting(target) // a file system without hard links
    await rename(temporary, target)
  }
}
