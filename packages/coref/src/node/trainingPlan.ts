/** The configuration file of a training: model, documents and settings. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FormatError } from 'safetensors-ts'
import { type CorefDocument, withoutSingletons } from '../documents/document.ts'
import { type CorefConfig, parseCorefConfig } from '../model/config.ts'
import type { DocumentSets } from '../training/development.ts'
import { parseTraining, type TrainingSettings } from '../training/settings.ts'
import { documentFiles, readDocumentFile, readTextFile } from './files.ts'

/** What to train, on what, and how. Paths are absolute. */
export interface TrainingPlan {
  /** what training starts from: the folder of an encoder, under new task layers, or those of coreference models, whose
   * weights' mean it is */
  readonly start: { readonly kind: 'encoder' | 'model'; readonly folders: readonly string[] }
  readonly train: Readonly<Record<string, string>>
  readonly dev: Readonly<Record<string, string>>
  readonly coref: CorefConfig
  readonly training: TrainingSettings
}

/** Documents of a plan, with the sha256 of each file. */
export interface PlanDocuments {
  readonly train: DocumentSets
  readonly dev: DocumentSets
  /** by path, as the plan's file gives it and below */
  readonly hashes: Readonly<Record<string, string>>
}

const keys = ['encoder', 'model', 'train', 'dev', 'coref', 'training'] as const

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads a plan:
 *
 * ```json
 * {
 *   "encoder": "models/encoder",
 *   "train": { "ontogum": "data/ontogum/train" },
 *   "dev": { "ontogum": "data/ontogum/dev" },
 *   "coref": { "ffnn_size": 1000 },
 *   "training": { "num_epochs": 20 }
 * }
 * ```
 *
 * `model` in the place of `encoder` is a coreference model to go on with, or a list of them, whose mean it goes on with.
 * Paths are those of files or folders, from the folder of the plan's file. `coref` has coref-hoi's names, `training` those
 * of `parseTraining`; what is missing is as in the defaults.
 *
 * @throws {FormatError} with the key, for what is missing, unknown or not allowed
 */
export async function readTrainingPlan(file: string): Promise<TrainingPlan> {
  const text = await readTextFile(file)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new FormatError({ file, expected: 'JSON', got: (cause as Error).message, cause })
  }
  if (!isObject(json)) throw new FormatError({ file, expected: 'an object', got: JSON.stringify(json) })
  const unknown = Object.keys(json).find((key) => !keys.some((known) => known === key))
  if (unknown !== undefined) {
    throw new FormatError({ file, key: unknown, expected: `one of ${keys.join(', ')}`, got: unknown })
  }
  const part = (key: 'coref' | 'training'): Record<string, unknown> => {
    const value = json[key] ?? {}
    if (isObject(value)) return value
    throw new FormatError({ file, key, expected: 'an object of settings', got: JSON.stringify(value) })
  }
  const path = (relative: string): string => resolve(dirname(file), relative)
  const paths = (key: 'train' | 'dev'): Record<string, string> => {
    const value = json[key]
    const fits = isObject(value) && Object.values(value).every((p) => typeof p === 'string')
    if (fits && Object.keys(value).length > 0) {
      return Object.fromEntries(Object.entries(value).map(([name, p]) => [name, path(p as string)]))
    }
    throw new FormatError({ file, key, expected: 'paths by name', got: JSON.stringify(value) ?? 'nothing' })
  }
  if (json.encoder !== undefined && json.model !== undefined) {
    throw new FormatError({ file, key: 'model', expected: 'either encoder or model', got: 'both' })
  }
  const kind = json.model === undefined ? 'encoder' : 'model'
  const given = json[kind]
  const folders: unknown[] = kind === 'model' && Array.isArray(given) ? given : [given]
  if (folders.length === 0 || !folders.every((folder) => typeof folder === 'string')) {
    const expected = kind === 'model' ? 'a folder, or a list of folders' : 'a folder'
    throw new FormatError({ file, key: kind, expected, got: JSON.stringify(given) ?? 'nothing' })
  }
  return {
    start: { kind, folders: folders.map(path) },
    train: paths('train'),
    dev: paths('dev'),
    coref: parseCorefConfig(part('coref'), file),
    training: parseTraining(part('training'), file),
  }
}

/**
 * What a checkpoint belongs to: settings, names of sets, and what the documents' files hold. Not where things lie: a
 * training may go on in another place.
 */
export function identityOf({ train, dev, coref, training }: TrainingPlan, { hashes }: PlanDocuments): string {
  const names = [train, dev].map((sets) => Object.keys(sets))
  return sha256(JSON.stringify({ names, coref, training, documents: Object.values(hashes) }))
}

/** sha256 of bytes or a text, hexadecimal. */
export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/**
 * Reads the documents of a plan, without entities of one mention.
 *
 * @throws {FormatError} where a path is not there, or a file breaks its format
 */
export async function readPlanDocuments(plan: Pick<TrainingPlan, 'train' | 'dev'>): Promise<PlanDocuments> {
  const hashes: Record<string, string> = {}
  const read = async (sets: Readonly<Record<string, string>>): Promise<DocumentSets> => {
    const found: Record<string, CorefDocument[]> = {}
    for (const [name, path] of Object.entries(sets)) {
      const documents: CorefDocument[] = []
      for (const file of documentFiles([path])) {
        documents.push(...(await readDocumentFile(file)).map(withoutSingletons))
        hashes[file] = sha256(await readFile(file))
      }
      found[name] = documents
    }
    return found
  }
  return { train: await read(plan.train), dev: await read(plan.dev), hashes }
}
