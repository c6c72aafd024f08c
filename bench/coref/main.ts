/**
 * The coreference benchmarks: seconds and memory of a model of full size on an encoder, with scorers that have learnt
 * nothing, for whole documents (`coref`) and for updates of a training (`train`). Each device and number of threads runs
 * in a process of its own, document by document in turn with the peer.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bert } from '@antecedent/bert/node'
import { type CorefConfig, defaultConfig, initialHead, type Pieces, someSegments } from '@antecedent/coref'
import { CorefModel, documentFiles, readDocumentFile } from '@antecedent/coref/node'
import { type DeviceName, randomKey, useDevice } from '@antecedent/tensor'
import { findBlas } from '@antecedent/tensor/internal'
import { deviceLines, fairEnvironment, load, loadWarning, type Machine, machine, microHeader } from '../machine.ts'
import type { Options } from '../options.ts'
import { PythonPeer } from '../peers/python.ts'
import { relativeDifference } from '../statistics.ts'
import { align, threeDigits } from '../table.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

const corpora = ['ontogum', 'litbank'] as const
type Corpus = (typeof corpora)[number]

/** What a benchmark does with each document, and what is known of the reference implementation. */
interface Work {
  readonly split: 'dev' | 'train'
  readonly job: 'document' | 'update'
  /** whose values are compared with the peer's; before the first document, and then with the job where it is the same */
  readonly checked: 'document' | 'loss'
  readonly config: CorefConfig
  /** documents of a corpus where the options name no number */
  readonly most: number
  /**
   * The reference in float32 PyTorch, on another machine of two cores: seconds by threads, and megabytes. Given, not
   * measured here.
   */
  readonly given: Record<Corpus, { seconds: Record<number, number>; megabytes: number }>
}

/** As coref-hoi's figures were taken: a document cut to at most 6 segments of 128 pieces. */
const mostSegments = 6
const updates = { seconds: { 1: 5.04, 2: 2.95 }, megabytes: 2900 }

const works: Record<'coref' | 'train', Work> = {
  coref: {
    ...{ split: 'dev', job: 'document', checked: 'document', config: defaultConfig, most: Number.POSITIVE_INFINITY },
    given: {
      ontogum: { seconds: { 1: 2.69, 2: 2.02 }, megabytes: 2900 },
      litbank: { seconds: { 1: 8.13, 2: 4.73 }, megabytes: 6000 },
    },
  },
  train: {
    ...{ split: 'train', job: 'update', checked: 'loss', most: 10 },
    config: { ...defaultConfig, maxTrainingSegments: mostSegments },
    given: { ontogum: updates, litbank: updates },
  },
}

/** What one side took for the documents of a corpus. */
interface Figures {
  /** of each document */
  readonly seconds: number[]
  readonly peakBytes: number
}

export interface CorefRow {
  readonly corpus: Corpus
  readonly device: string
  readonly threads: number
  readonly documents: number
  readonly words: number
  readonly pieces: number
  readonly ours: Figures
  readonly peer: Figures | null
  /** largest difference from the peer's of sums of scores and counts of links, or of losses, as a share of the largest */
  readonly difference: number | null
}

export interface CorefResult {
  readonly benchmark: 'coref' | 'train'
  readonly date: string
  readonly machine: Machine
  /** what each device says of itself, with a warning where its times are no figures */
  readonly devices: readonly string[]
  readonly load: { readonly before: string; readonly after: string }
  readonly busy: string | null
  readonly rows: CorefRow[]
}

interface Document {
  readonly pieces: Pieces
  readonly words: number
}

/** Some documents of a corpus, spread evenly over it. */
async function documentsOf(
  model: CorefModel,
  folder: string,
  most: number,
  cut: (pieces: Pieces) => Pieces,
): Promise<Document[]> {
  const files = documentFiles([folder])
  const all = (await Promise.all(files.map((file) => readDocumentFile(file)))).flat()
  const count = Math.min(most, all.length)
  const chosen = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!)
  return chosen.map((document) => ({ pieces: cut(model.read(document).pieces), words: document.words.length }))
}

/** Ours first, the peer's beside it where there is one: each document once, after a first that is not counted. */
async function runSides(
  sides: readonly PythonPeer[],
  { job, checked }: Work,
  documents: readonly Document[],
  onDone: (n: number) => void,
) {
  const seconds: number[][] = sides.map(() => [])
  let difference = 0
  /** The answers of all sides. */
  const ask = async (job: string, { pieces }: Document) => {
    const answers: Record<string, unknown>[] = []
    for (const side of sides) answers.push(await side.request({ job, pieces }))
    return answers
  }
  const compare = ([own, peer]: readonly Record<string, unknown>[]) => {
    if (peer) difference = Math.max(difference, relativeDifference(own!.values as number[], peer.values as number[]))
  }
  compare(await ask(checked, documents[0]!))
  await ask(job, documents[0]!)
  for (const [i, document] of documents.entries()) {
    const answers = await ask(job, document)
    for (const [s, answer] of answers.entries()) seconds[s]!.push(answer.seconds as number)
    if (job === checked) compare(answers)
    onDone(i + 1)
  }
  const figures: Figures[] = []
  for (const [s, side] of sides.entries()) {
    figures.push({ seconds: seconds[s]!, peakBytes: (await side.request({ job: 'status' })).peakBytes as number })
  }
  return { ours: figures[0]!, peer: figures[1] ?? null, difference: sides.length > 1 ? difference : null }
}

/** A full-size model on an encoder, as a folder that both sides read. */
async function writeModel(encoder: string, config: CorefConfig, folder: string): Promise<CorefModel> {
  await useDevice('wasm')
  const bert = await Bert.fromPretrained(encoder)
  const parameters = initialHead(config, bert.config.hiddenSize, randomKey(1))
  const model = new CorefModel({ config, bert, parameters })
  await model.save(folder)
  return model
}

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length
const total = (numbers: readonly number[]): number => mean(numbers) * numbers.length

function tableOf(rows: readonly CorefRow[], { job, given }: Work): string[] {
  const titles = ['corpus', 'device', 'threads', `s/${job}`, 'pieces/s', 'peak MB', 'PyTorch s', 'ratio', 'PyTorch MB']
  const cells = rows.map(({ corpus, device, threads, pieces, ours, peer }) => {
    const own = mean(ours.seconds)
    const theirs = peer && mean(peer.seconds)
    return [
      ...[corpus, device, String(threads), threeDigits(own), (pieces / total(ours.seconds)).toFixed(0)],
      (ours.peakBytes / 1e6).toFixed(0),
      ...(theirs
        ? [threeDigits(theirs), threeDigits(theirs / own), (peer.peakBytes / 1e6).toFixed(0)]
        : ['–', '–', '–']),
      ...[threeDigits(given[corpus].seconds[threads] ?? Number.NaN), String(given[corpus].megabytes)],
    ]
  })
  const all = [[...titles, 'given s*', 'given MB*'], ...cells]
  return align(
    all,
    all[0]!.map((_, c) => c > 1),
  )
}

/**
 * Runs the benchmark and prints its table.
 *
 * @param print  takes lines for stdout
 * @param tell   takes progress, for stderr
 * @throws {Error} where the corpora are not there
 */
export async function coref(
  benchmark: 'coref' | 'train',
  options: Options,
  print: (line: string) => void,
  tell: (text: string) => void,
): Promise<CorefResult> {
  const work = works[benchmark]
  const { split, config } = work
  const { python, filter = '', documents: most = work.most } = options
  const data = options.data ?? path('../../../shared/data')
  const chosen = corpora.filter((corpus) => corpus.includes(filter) && existsSync(join(data, corpus, split)))
  if (chosen.length === 0)
    throw new Error(`--data: expected ontogum/${split} or litbank/${split} in ${data}, got neither`)
  // of a training, the first segments of a long document
  const cut = (pieces: Pieces) => (split === 'train' ? someSegments(pieces, 0, mostSegments) : pieces)
  const devices = options.device !== undefined ? [options.device] : ['wasm', ...(findBlas().library ? ['blas'] : [])]
  const [before, busy] = [load(), loadWarning()]
  const folder = mkdtempSync(join(tmpdir(), 'antecedent-bench-'))
  const rows: CorefRow[] = []
  const described: string[] = []
  try {
    const model = await writeModel(
      options.model ?? path('../../models/antecedent-small'),
      config,
      join(folder, 'model'),
    )
    for (const device of devices) described.push(...deviceLines(await useDevice(device as DeviceName)))
    await useDevice('wasm') // which reads the documents
    for (const line of microHeader(machine(), described, [])) print(line)
    if (busy !== null) tell(`${busy}\n`)
    for (const corpus of chosen) {
      const documents = await documentsOf(model, join(data, corpus, split), most, cut)
      for (const device of devices) {
        const counts = device === 'gpu' ? [1] : [1, 2]
        for (const threads of options.threads === undefined ? counts : [options.threads]) {
          const progress = (n: number) =>
            tell(
              `\r${corpus}, ${device}, threads: ${threads}: ${n} of ${documents.length}${n === documents.length ? '\n' : ''}`,
            )
          const sides = await startSides(join(folder, 'model'), device, threads, python)
          const figures = await runSides(sides, work, documents, progress).finally(() =>
            Promise.all(sides.map((side) => side.stop())),
          )
          const sum = (of: (document: Document) => number) => documents.reduce((n, document) => n + of(document), 0)
          const sizes = {
            documents: documents.length,
            words: sum((d) => d.words),
            pieces: sum((d) => d.pieces.sentenceMap.length),
          }
          rows.push({ corpus, device, threads, ...sizes, ...figures })
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  for (const line of ['', ...tableOf(rows, work), '']) print(line)
  print('* of the reference implementation on another machine of two cores; given, not measured here')
  const odd = Math.max(0, ...rows.map(({ difference }) => difference ?? 0))
  if (python !== undefined)
    print(
      `${work.job === 'update' ? 'losses' : 'scores and links'} differ from PyTorch's by at most ${odd.toExponential(1)}`,
    )
  return {
    ...{ benchmark, date: new Date().toISOString(), machine: machine(), devices: described, busy },
    ...{ load: { before, after: load() }, rows },
  }
}

/** Starts ours and the peer. @throws {Error} where one does not start, after the other has ended */
async function startSides(
  model: string,
  device: string,
  threads: number,
  python: string | undefined,
): Promise<PythonPeer[]> {
  const { env } = fairEnvironment(process.env, threads)
  const flags = ['-C', '@antecedent/source', '--import', import.meta.resolve('tsx')]
  const own = { interpreter: process.execPath, program: path('side.ts'), flags, more: [device, String(threads)] }
  const peer = python === undefined ? [] : [{ interpreter: python, program: path('../peers/torch_coref.py') }]
  const started = await Promise.allSettled(
    [own, ...peer].map((options) => PythonPeer.start({ ...options, model, env })),
  )
  const sides = started.flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []))
  const failed = started.find((side) => side.status === 'rejected')
  if (!failed) return sides
  for (const side of sides) await side.stop()
  throw failed.reason
}
