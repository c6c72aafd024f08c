/** `antecedent resolve`: entities and links of documents, one after the other. */
import { readFileSync } from 'node:fs'
import { version } from '@antecedent/attribution'
import {
  type CorefDocument,
  type CorefModel,
  type DocumentFormat,
  documentOfSegmented,
  formatOf,
  type Pieces,
  piecesOfSegmented,
  type Resolution,
  readDocuments,
  readJsonlines,
  readText,
  resolutionOf,
  type ScoreRecord,
  type SegmentedDocument,
  segmentedDocument,
  writeConll,
  writeJsonlines,
} from '@antecedent/coref'
import { documentFiles, readTextFile } from '@antecedent/coref/node'
import { device, OptionError } from '@antecedent/tensor'
import { exitCodes, loadCorefModel, type ModelOptions } from './options.ts'
import {
  clearProgress,
  notice,
  outputWidth,
  printJson,
  progress,
  requireAllWritable,
  useColor,
  writeWhole,
} from './output.ts'
import { resolutionPage } from './resolutionPage.ts'
import { renderResolutionText } from './resolutionText.ts'

export interface ResolveOptions extends ModelOptions {
  text?: string
  format?: DocumentFormat
  json?: boolean
  stages?: boolean
  to?: 'conll' | 'jsonlines'
  html?: string
  overwrite?: boolean
  color: boolean
}

/** A document to resolve; of a jsonlines file, cut into pieces already. */
interface Task {
  readonly document: CorefDocument
  readonly line: SegmentedDocument | null
}

/** What a model found in a document. */
export interface Resolved {
  readonly document: CorefDocument
  readonly resolution: Resolution
}

/** The documents of a text. A raw text is called by its file's name. */
function tasksOf(text: string, file: string, format: DocumentFormat = formatOf(text, { file })): Task[] {
  if (format === 'jsonlines')
    return readJsonlines(text, { file }).map((line) => ({ document: documentOfSegmented(line), line }))
  return readDocuments(text, { file, format }).map((document) => ({ document, line: null }))
}

/** All documents that the arguments name, and the files that could not be read. */
async function readAll(
  files: readonly string[],
  { text, format }: ResolveOptions,
): Promise<{ tasks: Task[]; failures: Error[] }> {
  if (text !== undefined) {
    if (files.length === 0) return { tasks: [{ document: readText(text), line: null }], failures: [] }
    throw new OptionError({ op: 'resolve', expected: '--text or files', got: 'both' })
  }
  if (files.length === 0) {
    throw new OptionError({ op: 'resolve', expected: 'files, folders, - or --text', got: 'none of them' })
  }
  const tasks: Task[] = []
  const failures: Error[] = []
  for (const file of files.flatMap((path) => (path === '-' ? ['-'] : documentFiles([path])))) {
    try {
      const content = file === '-' ? readFileSync(0, 'utf8') : await readTextFile(file)
      tasks.push(...tasksOf(content, file === '-' ? 'standard input' : file, format))
    } catch (error) {
      failures.push(error as Error)
    }
  }
  return { tasks, failures }
}

/** Pieces, record and resolution of a document. */
async function resolveOne(model: CorefModel, { document, line }: Task) {
  const pieces: Pieces = line
    ? piecesOfSegmented(line, model.bert.tokenizer, model.config)
    : model.read(document).pieces
  const record = await model.score(pieces, { document, entities: false })
  return { record, resolution: resolutionOf(record, document) }
}

/** One document as a line of JSON. The structure of the record serves programs, and is left out. */
function printRecord(model: CorefModel, document: CorefDocument, found: Found, { stages }: ResolveOptions): void {
  const { clusters, links } = found.resolution
  const { structure, ...rest } = found.record
  const { name, weightsHash } = model.bert.source
  const { description, pipelines } = device()
  printJson({
    schema: 1,
    document: document.id,
    part: document.part,
    text: document.text ?? null,
    words: document.words,
    clusters,
    links,
    ...(stages && { stages: rest }),
    provenance: { model: name, weightsHash, device: description, ...(pipelines && { pipelines }), version },
  })
}

type Found = { record: ScoreRecord; resolution: Resolution }

/** The document with the clusters that were found, as a file of CoNLL has it. */
const conllOf = (document: CorefDocument, { clusters }: Resolution): string => {
  const { clusterNames, ...rest } = document
  const found = clusters.map((mentions) => mentions.map(({ words }) => words))
  return writeConll([{ ...rest, id: document.id.replace(/\s+/g, '_'), clusters: found }])
}

/** The document's line with the pieces' clusters that were found. */
function lineOf(model: CorefModel, { document, line }: Task, { clusters, spans }: ScoreRecord): string {
  const own = line ?? segmentedDocument(document, model.bert.tokenizer, model.config)
  return writeJsonlines([
    { ...own, predictedClusters: clusters.map((ranks) => ranks.map((rank) => spans.pieces[rank]!)) },
  ])
}

export async function resolve(files: string[], options: ResolveOptions): Promise<void> {
  requireAllWritable(options, 1)
  const { tasks, failures } = await readAll(files, options)
  const model = await loadCorefModel(options)
  const showProgress = progress(options, 'documents')
  const pageParts: Resolved[] = []
  const failed = failures.map((error) => error.message)
  let stopped = false
  const stop = () => {
    stopped = true
  }
  process.once('SIGINT', stop)
  let done = 0
  for (const [i, task] of tasks.entries()) {
    if (stopped) break
    const { document } = task
    try {
      const found = await resolveOne(model, task)
      clearProgress()
      print(model, task, found, options, tasks.length > 1)
      if (options.html) pageParts.push({ document, resolution: found.resolution })
      done++
    } catch (error) {
      if (!(error instanceof Error) || error.message.startsWith('internal:')) throw error
      failed.push(`${document.id}: ${error.message}`)
    }
    showProgress(i + 1, tasks.length)
  }
  process.removeListener('SIGINT', stop)
  if (options.html && pageParts.length > 0) {
    writeWhole(options.html, resolutionPage(pageParts, { model: model.bert.source.name, version }))
    notice(options, `page: ${options.html}`)
  }
  for (const message of failed) process.stderr.write(`antecedent: ${message}\n`)
  if (stopped) process.stderr.write(`antecedent: stopped after ${done} of ${tasks.length} documents\n`)
  if (failed.length > 0) process.exitCode = done > 0 ? exitCodes.someFailed : exitCodes.failure
  else if (stopped) process.exitCode = exitCodes.failure
}

function print(model: CorefModel, task: Task, found: Found, options: ResolveOptions, titled: boolean): void {
  const { document } = task
  if (options.to === 'conll') process.stdout.write(conllOf(document, found.resolution))
  else if (options.to === 'jsonlines') process.stdout.write(lineOf(model, task, found.record))
  else if (options.json) printRecord(model, document, found, options)
  else {
    const style = { color: useColor(options), width: outputWidth(), title: titled }
    process.stdout.write(`${renderResolutionText({ document, resolution: found.resolution }, style)}\n\n`)
  }
}
