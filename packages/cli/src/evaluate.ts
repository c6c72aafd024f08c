/** `antecedent evaluate`: a model on annotated documents, on WinoBias and on GAP. */
import { version } from '@antecedent/attribution'
import {
  type Convention,
  type CorefDocument,
  type DocumentFormat,
  evaluate as evaluateModel,
  evaluationTable,
  evaluationToJson,
  formatOf,
  type GapExample,
  readDocuments,
  readGap,
  type WinoBiasSet,
  winoBiasSetOf,
  withoutSingletons,
} from '@antecedent/coref'
import { documentFiles, readTextFile } from '@antecedent/coref/node'
import { device, OptionError } from '@antecedent/tensor'
import { FormatError } from 'safetensors-ts'
import { exitCodes, loadCorefModel, type ModelOptions } from './options.ts'
import { clearProgress, notice, printJson, progress } from './output.ts'

export interface EvaluateOptions extends ModelOptions {
  format?: DocumentFormat
  convention: Convention
  dropSingletons?: boolean
  resamples?: number
  seed?: number
  json?: boolean
  color: boolean
}

/** What files hold, and which could not be read. */
interface Data {
  readonly documents: CorefDocument[]
  readonly winoBias: { set: WinoBiasSet; documents: CorefDocument[] }[]
  readonly gap: GapExample[]
  readonly failures: Error[]
  /** texts of a folder that have no annotation */
  readonly passedOver: string[]
}

/** Adds a file to what is there already. @throws {FormatError} where it has no annotation, or is broken */
async function addFile(data: Data, file: string, isNamed: boolean, asked?: DocumentFormat): Promise<void> {
  const text = await readTextFile(file)
  const format = asked ?? formatOf(text, { file })
  if (format === 'gap') {
    data.gap.push(...readGap(text, { file }))
    return
  }
  if (format === 'text') {
    if (isNamed) throw new FormatError({ file, expected: 'annotated documents', got: 'a text' })
    data.passedOver.push(file)
    return
  }
  const documents = readDocuments(text, { file, format })
  const set = winoBiasSetOf(file)
  if (set) data.winoBias.push({ set, documents })
  else data.documents.push(...documents)
}

/** Reads the files and folders that the arguments name. */
async function readAll(paths: readonly string[], format?: DocumentFormat): Promise<Data> {
  const data: Data = { documents: [], winoBias: [], gap: [], failures: [], passedOver: [] }
  for (const path of paths) {
    for (const file of documentFiles([path])) {
      try {
        await addFile(data, file, file === path, format)
      } catch (error) {
        data.failures.push(error as Error)
      }
    }
  }
  return data
}

export async function evaluate(paths: string[], options: EvaluateOptions): Promise<void> {
  const { convention, resamples, seed } = options
  const { failures, passedOver, ...data } = await readAll(paths, options.format)
  for (const error of failures) process.stderr.write(`antecedent: ${error.message}\n`)
  if (passedOver.length > 0) notice(options, `passed over, since not annotated: ${passedOver.join(', ')}`)
  if (Object.values(data).every((list) => list.length === 0)) {
    if (failures.length === 0)
      throw new OptionError({ op: 'evaluate', expected: 'annotated documents', got: 'none in these files' })
    process.exitCode = exitCodes.failure
    return
  }
  const model = await loadCorefModel(options)
  const documents = options.dropSingletons ? data.documents.map(withoutSingletons) : data.documents
  const evaluation = await evaluateModel(
    model,
    { ...data, documents },
    {
      convention,
      onProgress: progress(options, 'documents'),
      ...(resamples !== undefined && { resamples }),
      ...(seed !== undefined && { seed }),
    },
  )
  clearProgress()
  const { name, weightsHash } = model.bert.source
  const { description, pipelines } = device()
  const provenance = {
    model: name,
    weightsHash,
    device: description,
    ...(pipelines && { pipelines }),
    version,
    convention,
    ...(options.dropSingletons && { dropSingletons: true }),
  }
  if (options.json) printJson({ ...evaluationToJson(evaluation), provenance })
  else process.stdout.write(evaluationTable(evaluation))
  for (const { document, error } of evaluation.failed)
    process.stderr.write(`antecedent: ${document}: ${error.message}\n`)
  if (failures.length > 0 || evaluation.failed.length > 0) process.exitCode = exitCodes.someFailed
}
