/** The command line of the benchmarks. */
import { parseArgs } from 'node:util'

export const benchmarks = ['micro', 'encoder', 'lig', 'matmul', 'coref', 'train'] as const
export type Benchmark = (typeof benchmarks)[number]

export const microParts = ['kernels', 'operations'] as const
export type MicroPart = (typeof microParts)[number]

export const usage = `usage: npm run bench -- ${benchmarks.join('|')} [options]
  micro                 every kernel beside the machine's limit; every operation, forward and pullback
  encoder               MiniLM: forward, and forward + backward to the embeddings
  lig                   Layer Integrated Gradients of the paper's sentence
  matmul                matrix products alone
  coref                 the development documents of OntoGUM and LitBank, by a full-size model that has learnt nothing
  train                 updates of a full-size model, each by a document of at most 6 segments of 128 pieces
  --device D            default wasm; for f64 ref; kernels, coref and train: all that are there, but gpu
  --threads N           default 1; for micro, coref and train 1 and 2
  --filter PART         kernels, operations or jobs whose name holds PART
  --json FILE           writes the figures
  --overwrite           replaces an existing FILE
 micro:
  --precision f32|f64   default f32; kernels in f32 alone
  --only PART           kernels or operations; default both
  --time MS             least time for each figure; default 100
 the others, with peers in turn:
  --python PATH         interpreter with torch, captum, transformers, safetensors and numpy; default: no such peer
  --pairs N             default 20; not for coref and train
  --model FOLDER        default models/antecedent-small
  --svg FILE            writes a chart of the ratios; not for coref and train
 coref and train:
  --documents N         of each corpus at most, spread over it; default all, for train 10
  --data FOLDER         with dev and train documents in ontogum and litbank; default ../shared/data`

export interface Options {
  help: boolean
  benchmark: Benchmark
  /** absent where none was given to `micro`, `coref` or `train`, which then have more than one */
  device?: string
  only?: MicroPart
  precision: 'f32' | 'f64'
  /** milliseconds */
  time: number
  /** absent where none was given to `micro` or `coref` */
  threads?: number
  pairs: number
  model?: string
  python?: string
  filter?: string
  json?: string
  svg?: string
  overwrite: boolean
  /** absent for all */
  documents?: number
  data?: string
}

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const
const micro = ['precision', 'time', 'only'] as const
const coref = ['documents', 'data'] as const
/** options that a benchmark does not take */
const foreign: Record<Benchmark, readonly string[]> = {
  micro: ['python', 'pairs', 'model', 'svg', ...coref],
  coref: ['pairs', 'svg', ...micro],
  train: ['pairs', 'svg', ...micro],
  encoder: [...micro, ...coref],
  lig: [...micro, ...coref],
  matmul: [...micro, ...coref],
}

/**
 * Reads the arguments.
 *
 * @throws {Error} for what is unknown, out of range, or of another benchmark
 */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...{ device: string, filter: string, json: string, overwrite: boolean, help: boolean },
      ...{ precision: string, time: string, only: string },
      ...{ documents: string, data: string },
      ...{ python: string, threads: string, pairs: string, model: string, svg: string },
    },
  })
  const { help = false, overwrite = false, precision = 'f32' } = values
  const [benchmark = '', ...more] = positionals
  if (!help && (!isBenchmark(benchmark) || more.length > 0))
    throw new Error(`expected a benchmark (${benchmarks.join(', ')}), got '${positionals.join(' ')}'`)
  const given = new Set(Object.keys(values))
  const stray = help ? undefined : foreign[benchmark as Benchmark].find((name) => given.has(name))
  if (stray) throw new Error(`--${stray}: ${benchmark} has no such option`)
  if (precision !== 'f32' && precision !== 'f64') throw new Error(`--precision: expected f32 or f64, got ${precision}`)
  const time = Number(values.time ?? 100)
  if (!(time > 0)) throw new Error(`--time: expected milliseconds, got ${values.time}`)
  const { python, filter, json, svg, model, only } = values
  if (only !== undefined && !isPart(only)) throw new Error(`--only: expected ${microParts.join(' or ')}, got ${only}`)
  const several = ['micro', 'coref', 'train'].includes(benchmark)
  const device = values.device ?? (several ? undefined : 'wasm')
  const threads = several && values.threads === undefined ? undefined : count('threads', values.threads, 1)
  return {
    ...{ help, overwrite, precision, time, benchmark: benchmark as Benchmark },
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
    ...(only !== undefined && { only }),
    pairs: count('pairs', values.pairs, 20),
    ...(model !== undefined && { model }),
    ...(python !== undefined && { python }),
    ...(filter !== undefined && { filter }),
    ...(json !== undefined && { json }),
    ...(svg !== undefined && { svg }),
    ...(values.documents !== undefined && { documents: count('documents', values.documents, 1) }),
    ...(values.data !== undefined && { data: values.data }),
  }
}

const isPart = (name: string): name is MicroPart => microParts.some((known) => known === name)

const isBenchmark = (name: string): name is Benchmark => benchmarks.some((known) => known === name)

function count(name: string, given: string | undefined, fallback: number): number {
  const value = given === undefined ? fallback : Number(given)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name}: expected a whole number of at least 1, got ${given}`)
}
