/** Files of documents. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FormatError } from 'safetensors-ts'
import type { CorefDocument } from '../documents/document.ts'
import { type DocumentFormat, isDocumentFile, readDocuments } from '../documents/formats.ts'

/**
 * The files that paths name: each file itself, and of each folder those with an ending of documents, by name. Folders
 * within a folder are passed over.
 *
 * @throws {FormatError} where a path is not there, or a folder holds none
 */
export function documentFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!existsSync(path)) throw new FormatError({ file: path, expected: 'a file or folder', got: 'nothing there' })
    if (!statSync(path).isDirectory()) return [path]
    const names = readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && isDocumentFile(entry.name))
      .map(({ name }) => name)
      .sort()
    if (names.length > 0) return names.map((name) => join(path, name))
    throw new FormatError({
      file: path,
      expected: 'files of documents (.conll, .conllu, .jsonl, .jsonlines, .tsv, .txt)',
      got: 'none in this folder',
    })
  })
}

/** The text of a file in UTF-8. @throws {FormatError} where it can not be read, or is in another encoding */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw new FormatError({ file: path, expected: 'a readable file', got: (cause as Error).message, cause })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new FormatError({ file: path, expected: 'text in UTF-8', got: 'other bytes', cause })
  }
}

/**
 * The documents of a file. A raw text has the file's name, without its folder and ending, as id.
 *
 * @param options.format  default: by the file's content and ending
 * @throws {FormatError} with file and line where the file breaks its format
 */
export async function readDocumentFile(
  path: string,
  options: { format?: DocumentFormat } = {},
): Promise<CorefDocument[]> {
  const documents = readDocuments(await readTextFile(path), { ...options, file: path })
  return documents.map((document) => (document.id === path ? { ...document, id: nameOf(path) } : document))
}

const nameOf = (path: string): string => basename(path).replace(/(?!^)\.[^.]*$/, '')
