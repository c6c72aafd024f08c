/** Models on disk. */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { FormatError, type TensorReader } from 'safetensors-ts'
import { openSafetensors } from 'safetensors-ts/node'
import { Bert as BrowserBert } from '../bert.ts'
import { parseConfig } from '../config.ts'
import { tokenizerOptions, Vocabulary, WordPieceTokenizer } from '../tokenizer/index.ts'
import { type LoadReport, loadParameters } from '../weights.ts'

export interface LoadOptions {
  /** element type of the parameters; half precision in the file is widened. Default `f32` */
  dtype?: 'f32' | 'f64'
  /** told which names of the file the encoder has no use for, and whether it has a pooler */
  onReport?: (report: LoadReport) => void
}

/** `Bert` with a constructor from a folder. */
export class Bert extends BrowserBert {
  /**
   * Loads a model folder in Hugging Face's form: `config.json`, `model.safetensors`, and `vocab.txt` with
   * `tokenizer_config.json` where the model is to read text.
   *
   * @throws {FormatError} where the folder or one of its files is missing, broken, or does not fit the others
   */
  static async fromPretrained(folder: string, { dtype = 'f32', onReport }: LoadOptions = {}): Promise<Bert> {
    requireFolder(folder)
    const config = parseConfig(readJson(join(folder, 'config.json')))
    const file = join(folder, 'model.safetensors')
    const weights = await openWeights(file)
    const { parameters, report } = await loadParameters(config, weights, { dtype, file }).finally(() => weights.close())
    onReport?.(report)
    const source = { name: basename(resolve(folder)), weightsHash: sha256Of(file) }
    return new Bert({ config, parameters, tokenizer: readTokenizer(folder), source })
  }
}

/** The file's tensors, read one by one when asked for. */
async function openWeights(file: string): Promise<TensorReader> {
  try {
    return await openSafetensors(file)
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code ? unreadable(file, cause) : cause
  }
}

/** sha256 of a file, hexadecimal. Synchronous, since streams take more than twice as long. */
export function sha256Of(file: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(2 ** 20)
  const descriptor = openSync(file, 'r')
  try {
    for (let n = readSync(descriptor, piece); n > 0; n = readSync(descriptor, piece)) hash.update(piece.subarray(0, n))
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}

function requireFolder(folder: string): void {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new FormatError({
      file: folder,
      expected: 'a model folder with config.json, model.safetensors and vocab.txt',
      got: existsSync(folder) ? 'a file' : 'nothing there',
      hint: 'give the path of a folder',
    })
  }
}

function readTokenizer(folder: string): WordPieceTokenizer | null {
  const file = join(folder, 'vocab.txt')
  if (!existsSync(file)) return null
  const settings = join(folder, 'tokenizer_config.json')
  const options = tokenizerOptions(existsSync(settings) ? readJson(settings) : undefined)
  return new WordPieceTokenizer(Vocabulary.fromText(read(file).toString('utf8'), { file }), options)
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

const unreadable = (file: string, cause: unknown): FormatError =>
  new FormatError({
    file,
    expected: 'a readable file',
    got: (cause as NodeJS.ErrnoException).code ?? String(cause),
    cause,
  })

function readJson(file: string): Record<string, unknown> {
  try {
    return JSON.parse(read(file).toString('utf8'))
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw new FormatError({ file, expected: 'JSON', got: (cause as Error).message, cause })
  }
}
