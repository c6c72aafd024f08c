/** What the commands share: options that mean the same everywhere, the model, input texts, exit codes. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadReport } from '@antecedent/bert'
import { Bert } from '@antecedent/bert/node'
import { CorefModel, isCorefModel } from '@antecedent/coref/node'
import { type DeviceInfo, type DeviceName, fastestDevice, OptionError, useDevice } from '@antecedent/tensor'
import { type Command, InvalidArgumentError } from 'commander'

export const exitCodes = { done: 0, failure: 1, usage: 2, someFailed: 3, temporary: 75 } as const

export interface CommonOptions {
  model?: string
  device: string
  threads?: number
  json?: boolean
  html?: string
  svg?: string
  overwrite?: boolean
  quiet?: boolean
  color: boolean
  input?: string
}

/** Reads a positive whole number. */
export function count(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n > 0) return n
  throw new InvalidArgumentError('Expected a positive whole number.')
}

/** Reads a whole number that is not negative. */
export function whole(text: string): number {
  const n = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(n)) return n
  throw new InvalidArgumentError('Expected a whole number.')
}

/** Reads a positive number. */
export function positive(text: string): number {
  const x = Number(text)
  if (text.trim() !== '' && x > 0 && x < Infinity) return x
  throw new InvalidArgumentError('Expected a positive number.')
}

/** Adds the options that choose where a command computes. */
export const withDeviceOptions = (command: Command): Command =>
  command
    .option('--device <name>', 'auto (blas where a library is found, else wasm), wasm, blas, gpu or ref', 'auto')
    .option('--threads <count>', 'threads that compute (default: all cores)', count)

/** Adds the options that choose a model and where it runs. */
export const withModelOptions = (command: Command): Command =>
  withDeviceOptions(
    command.option('-m, --model <folder>', 'a model folder (in the repository: models/antecedent-small)'),
  )

/** Adds the options that every command on a text has. */
export const withCommonOptions = (command: Command): Command =>
  withModelOptions(command)
    .argument('[text...]', 'the text; - reads standard input')
    .option('--input <file>', 'read the text from a file; - is standard input')
    .option('--json', 'data as JSON on standard output')
    .option('--quiet', 'no progress, no notices')
    .option('--no-color', 'no colours')

/** Adds the options of the commands that draw. */
export const withFigureOptions = (command: Command): Command =>
  withCommonOptions(command)
    .option('--html <file>', 'write a self-contained HTML report')
    .option('--svg <file>', 'write a figure; one file a target, numbered from the second on')
    .option('--overwrite', 'replace a file that exists')

/** The folder of the embedded model, where the command runs in the repository. */
function embeddedModel(): string | null {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '../../../models/antecedent-small')
  return existsSync(join(folder, 'config.json')) ? folder : null
}

/** What choosing and loading a model takes of a command's options. */
export type ModelOptions = Pick<CommonOptions, 'model' | 'device' | 'threads' | 'quiet'>

/** The folder of `--model`, or the embedded one. */
function modelFolder({ model }: ModelOptions): string {
  const folder = model ?? embeddedModel()
  if (folder !== null) return folder
  throw new OptionError({
    op: 'antecedent',
    expected: '--model FOLDER, since this installation holds no model',
    got: 'none',
    hint: 'a folder with config.json, model.safetensors and vocab.txt',
  })
}

/** Makes the device of the options the one that computes. */
export function startDevice({ device, threads }: Pick<ModelOptions, 'device' | 'threads'>): Promise<DeviceInfo> {
  const name = device === 'auto' ? fastestDevice() : (device as DeviceName) // useDevice checks it
  return useDevice(name, threads === undefined ? {} : { threads })
}

/** Chooses the device and loads a model, saying so on stderr. */
async function load<M>(
  options: ModelOptions,
  from: (folder: string, onReport: (report: LoadReport) => void) => Promise<M>,
  nameOf: (model: M) => string,
): Promise<M> {
  const folder = modelFolder(options)
  const { quiet } = options
  const device = await startDevice(options)
  const model = await from(folder, ({ unexpected }) => {
    if (unexpected.length > 0 && !quiet) process.stderr.write(`not used of the weights: ${unexpected.join(', ')}\n`)
  })
  if (!quiet) process.stderr.write(`model ${nameOf(model)} on ${device.description}\n`)
  return model
}

/** The encoder that the options name. */
export const loadModel = (options: ModelOptions): Promise<Bert> =>
  load(
    options,
    (folder, onReport) => Bert.fromPretrained(folder, { onReport }),
    ({ source }) => source.name,
  )

/** The coreference model that the options name. */
export const loadCorefModel = (options: ModelOptions): Promise<CorefModel> =>
  load(
    options,
    (folder, onReport) => CorefModel.fromPretrained(folder, { onReport }),
    ({ bert }) => bert.source.name,
  )

/** The model that the options name: a coreference model where it has task layers, else an encoder. */
export const loadAnyModel = async (options: ModelOptions): Promise<Bert | CorefModel> =>
  (await isCorefModel(modelFolder(options))) ? loadCorefModel(options) : loadModel(options)

/** The text of the arguments, of `--input`, or of standard input; a `fallback` where there is none. */
export function readText(words: readonly string[], options: CommonOptions, fallback?: string): string {
  const file = options.input ?? (words.length === 1 && words[0] === '-' ? '-' : null)
  const text = file === null ? words.join(' ') : readFileSync(file === '-' ? 0 : file, 'utf8').trim()
  if (text !== '') return text
  if (fallback !== undefined && file === null && words.length === 0) return fallback
  throw new OptionError({
    op: 'antecedent',
    expected: 'a text',
    got: 'an empty one',
    hint: 'give words, --input FILE, or -',
  })
}
