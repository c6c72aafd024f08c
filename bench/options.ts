/** The command line of the benchmarks. */
import { parseArgs } from 'node:util'

export const benchmarks = ['micro', 'encoder', 'lig', 'matmul'] as const
export type Benchmark = (typeof benchmarks)[number]

export const usage = `usage: npm run bench -- ${benchmarks.join('|')} [options]
  micro                 every operation, forward and pullback
  encoder               MiniLM: forward, and forward + backward to the embeddings
  lig                   Layer Integrated Gradients of the paper's sentence
  matmul                matrix products alone
  --device D            default wasm, for f64 ref
  --filter PART         operations or jobs whose name holds PART
  --json FILE           writes the figures
  --overwrite           replaces an existing FILE
 micro:
  --precision f32|f64   default f32
  --time MS             least time for each figure; default 100
 the others, with peers in turn:
  --python PATH         interpreter with torch, captum, transformers, safetensors and numpy; default: no such peer
  --threads N           for every side; default 1
  --pairs N             default 20
  --model FOLDER        default models/antecedent-small
  --svg FILE            writes a chart of the ratios`

export interface Options {
  help: boolean
  benchmark: Benchmark
  device: string
  precision: 'f32' | 'f64'
  /** milliseconds */
  time: number
  threads: number
  pairs: number
  model?: string
  python?: string
  filter?: string
  json?: string
  svg?: string
  overwrite: boolean
}

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const
const paired = ['python', 'threads', 'pairs', 'model', 'svg'] as const
const alone = ['precision', 'time'] as const

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
      ...{ precision: string, time: string },
      ...{ python: string, threads: string, pairs: string, model: string, svg: string },
    },
  })
  const { help = false, overwrite = false, precision = 'f32' } = values
  const { device = precision === 'f64' ? 'ref' : 'wasm' } = values
  const [benchmark = '', ...more] = positionals
  if (!help && (!isBenchmark(benchmark) || more.length > 0))
    throw new Error(`expected a benchmark (${benchmarks.join(', ')}), got '${positionals.join(' ')}'`)
  const foreign = benchmark === 'micro' ? paired : alone
  const stray = foreign.find((name) => values[name] !== undefined)
  if (!help && stray) throw new Error(`--${stray}: ${benchmark} has no such option`)
  if (precision !== 'f32' && precision !== 'f64') throw new Error(`--precision: expected f32 or f64, got ${precision}`)
  const time = Number(values.time ?? 100)
  if (!(time > 0)) throw new Error(`--time: expected milliseconds, got ${values.time}`)
  const { python, filter, json, svg, model } = values
  return {
    ...{ help, overwrite, device, precision, time, benchmark: benchmark as Benchmark },
    threads: count('threads', values.threads, 1),
    pairs: count('pairs', values.pairs, 20),
    ...(model !== undefined && { model }),
    ...(python !== undefined && { python }),
    ...(filter !== undefined && { filter }),
    ...(json !== undefined && { json }),
    ...(svg !== undefined && { svg }),
  }
}

const isBenchmark = (name: string): name is Benchmark => benchmarks.some((known) => known === name)

function count(name: string, given: string | undefined, fallback: number): number {
  const value = given === undefined ? fallback : Number(given)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name}: expected a whole number of at least 1, got ${given}`)
}
