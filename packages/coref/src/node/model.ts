/** Coreference models on disk. */
import { existsSync, statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import {
  Bert,
  configToJson,
  parseConfig,
  tokenizerOptions,
  tokenizerOptionsToJson,
  Vocabulary,
  WordPieceTokenizer,
} from '@antecedent/bert'
import { type LoadOptions, sha256Of } from '@antecedent/bert/node'
import { OptionError } from '@antecedent/tensor'
import { FormatError } from 'safetensors-ts'
import { openSafetensors, writeSafetensors } from 'safetensors-ts/node'
import { corefConfigToJson, parseCorefConfig } from '../model/config.ts'
import { loadCorefParameters } from '../model/load.ts'
import { CorefModel as BrowserCorefModel } from '../model/model.ts'
import { stored } from './stored.ts'

/** Whether a folder's model has task layers beside its encoder. @throws {FormatError} where `config.json` can not be read */
export async function isCorefModel(folder: string): Promise<boolean> {
  requireFolder(folder)
  return (await readJson(join(folder, 'config.json'))).coref !== undefined
}

/** `CorefModel` with a constructor from a folder, and `save`. */
export class CorefModel extends BrowserCorefModel {
  /**
   * Loads a model folder: `config.json` with the encoder's sizes and, under `coref`, the settings by coref-hoi's
   * names; `model.safetensors` with coref-hoi's state dict or the variables of a TensorFlow checkpoint; `vocab.txt` with
   * `tokenizer_config.json` where the model is to read text.
   *
   * @throws {FormatError} where a file is missing or broken, they do not fit each other, or the folder holds an encoder
   *   alone
   */
  static async fromPretrained(folder: string, { dtype = 'f32', onReport }: LoadOptions = {}): Promise<CorefModel> {
    requireFolder(folder)
    const configFile = join(folder, 'config.json')
    const json = await readJson(configFile)
    const bertConfig = parseConfig(json, configFile)
    if (json.coref === undefined) {
      throw new FormatError({
        file: configFile,
        key: 'coref',
        expected: 'the settings of a coreference model',
        got: 'an encoder alone',
        hint: 'name the folder of a coreference model with --model, or as the argument of fromPretrained',
      })
    }
    const config = parseCorefConfig(json.coref, configFile)
    const file = join(folder, 'model.safetensors')
    requireFile(file)
    const weights = await openSafetensors(file)
    const loaded = await loadCorefParameters(config, bertConfig, weights, { dtype, file }).finally(() =>
      weights.close(),
    )
    onReport?.(loaded.report)
    const bert = new Bert({
      config: bertConfig,
      parameters: loaded.encoder,
      tokenizer: await readTokenizer(folder),
      source: { name: basename(resolve(folder)), weightsHash: sha256Of(file) },
    })
    return new CorefModel({ config, bert, parameters: loaded.head })
  }

  /**
   * Writes the model as a folder that `fromPretrained` reads, and `Bert.fromPretrained` too: `config.json`,
   * `model.safetensors` in the model's precision, and the vocabulary where it has one.
   *
   * @param options.overwrite  replace a model that is there already; default false
   * @param options.half       round the weights to float16, which takes half the space; default false
   * @throws {OptionError} where one is, without `overwrite`
   */
  async save(folder: string, { overwrite = false, half = false } = {}): Promise<void> {
    if (!overwrite && existsSync(join(folder, 'config.json'))) {
      throw new OptionError({
        op: 'CorefModel.save',
        expected: 'a folder without a model',
        got: folder,
        hint: 'pass { overwrite: true } to replace it',
      })
    }
    await mkdir(folder, { recursive: true })
    const { bert, config } = this
    const encoder = Object.entries(bert.parameters).map(([name, x]) => [`bert.${name}`, stored(x, half)])
    const head = Object.entries(this.parameters).map(([name, x]) => [name, stored(x, half)])
    await writeSafetensors(join(folder, 'model.safetensors'), Object.fromEntries([...encoder, ...head]), { overwrite })
    if (bert.hasTokenizer) {
      const { vocabulary, options } = bert.tokenizer
      const pieces = Array.from({ length: vocabulary.size }, (_, id) => `${vocabulary.piece(id)}\n`)
      await writeFile(join(folder, 'vocab.txt'), pieces.join(''))
      await writeFile(join(folder, 'tokenizer_config.json'), toText(tokenizerOptionsToJson(options)))
    }
    // the file that makes it a model comes last
    const json = { ...configToJson(bert.config), coref: corefConfigToJson(config) }
    await writeFile(join(folder, 'config.json'), toText(json))
  }
}

const toText = (json: unknown): string => `${JSON.stringify(json, null, 2)}\n`

async function readTokenizer(folder: string): Promise<WordPieceTokenizer | null> {
  const file = join(folder, 'vocab.txt')
  if (!existsSync(file)) return null
  const settings = join(folder, 'tokenizer_config.json')
  const options = tokenizerOptions(existsSync(settings) ? await readJson(settings) : undefined)
  return new WordPieceTokenizer(Vocabulary.fromText(await readFile(file, 'utf8'), { file }), options)
}

function requireFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return
  throw new FormatError({
    file: folder,
    expected: 'a model folder with config.json, model.safetensors and vocab.txt',
    got: existsSync(folder) ? 'a file' : 'nothing there',
    hint: 'give the path of a folder',
  })
}

function requireFile(file: string): void {
  if (!existsSync(file)) throw new FormatError({ file, expected: 'a readable file', got: 'nothing there' })
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  requireFile(file)
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new FormatError({ file, expected: 'JSON', got: (cause as Error).message, cause })
  }
}
