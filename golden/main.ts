/**
 * Computes golden cases of any folder in the format of its README and writes results for the judge.
 *
 *     npm run golden -- CASES --out RESULTS [--area A] [--suite S] [--case GLOB] [--precision f32|f64] [--device D]
 *
 * An error of the library's own types goes under `raised`; an unknown operation, or any other error, under `failed`:
 * so does a tensor or a model of the cases that cannot be read, as it says nothing about the call. `*` and `?` in GLOB
 * stand for any text and any one character. The last line counts. Exits 0 when the results were written, whatever
 * failed; 1 when no suite was found; 2 on wrong usage.
 */
import { parseArgs } from 'node:util'
import { AntecedentError, type DeviceName, type Tensor, useDevice } from '@antecedent/tensor'
import { FormatError, ReadError } from 'safetensors-ts'
import { attributionOps } from './attribution.ts'
import { bertOps } from './bert.ts'
import { type Compute, modelIsThere } from './context.ts'
import { corefOps } from './coref.ts'
import {
  applies,
  type GoldenCase,
  keepOutput,
  type Precision,
  type Results,
  type Suite,
  suitesIn,
  toTensor,
  writeResults,
} from './format.ts'
import { tensorOps } from './tensor.ts'

const ops: Record<string, Record<string, Compute>> = {
  tensor: tensorOps,
  bert: bertOps,
  attribution: attributionOps,
  coref: corefOps,
}

const usage =
  'usage: npm run golden -- CASES --out RESULTS [--area A] [--suite S] [--case GLOB] [--precision f32|f64] [--device D]'

type Outcome = 'computed' | 'raised' | 'failed'

/** Whether a name fits a glob. */
function matches(glob: string, name: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${pattern}$`, 'su').test(name)
}

const isOurs = (error: unknown): boolean =>
  error instanceof AntecedentError || error instanceof FormatError || error instanceof ReadError

const messageOf = (error: unknown): string => (error instanceof Error && error.message) || String(error)

/** The tensors that a case names. */
function read({ tensors, area, name: suite }: Suite, names: Record<string, string> = {}, precision: Precision) {
  const found: Record<string, Tensor> = {}
  for (const [key, name] of Object.entries(names)) {
    if (!tensors) throw new Error(`${area}/${suite}.safetensors is missing, and ${key} should lie there`)
    found[key] = toTensor(tensors.get(name), precision)
  }
  return found
}

/** Computes one case and files its outputs, all of them or none, or its error. */
async function compute(golden: GoldenCase, suite: Suite, precision: Precision, results: Results): Promise<Outcome> {
  const file = (list: 'raised' | 'failed', message: string): Outcome => {
    results[list][golden.name] = message
    return list
  }
  const operation = ops[suite.area]?.[golden.op]
  if (!operation) return file('failed', `op ${golden.op} of area ${suite.area} is not known yet`)
  let context: Parameters<Compute>[0]
  try {
    const inputs = read(suite, golden.inputs, precision)
    context = { golden, inputs, probes: read(suite, golden.probes, precision), precision, folder: suite.folder }
    modelIsThere(context)
  } catch (error) {
    return file('failed', messageOf(error))
  }
  try {
    const outputs = await operation(context)
    const missing = Object.keys(golden.outputs).find((key) => !outputs[key])
    if (missing !== undefined) throw new Error(`op ${golden.op} does not compute ${missing}`)
    for (const [key, name] of Object.entries(golden.outputs)) await keepOutput(results, name, outputs[key]!)
    return 'computed'
  } catch (error) {
    return file(isOurs(error) ? 'raised' : 'failed', messageOf(error))
  }
}

/** What the command line asks for. Throws where it is wrong. */
function readOptions() {
  const string = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: string, area: string, suite: string, case: string, precision: string, device: string },
  })
  const [cases, ...more] = positionals
  const device = (values.device ?? 'ref') as DeviceName // useDevice checks it
  const precision = values.precision ?? (device === 'ref' ? 'f64' : 'f32')
  if (precision !== 'f32' && precision !== 'f64') throw new Error(`--precision: expected f32 or f64, got ${precision}`)
  if (!cases || more.length > 0 || !values.out) throw new Error('expected one folder of cases and --out')
  return { ...values, cases, out: values.out, device, precision } as const
}

async function main({ cases, out, device, precision, ...only }: ReturnType<typeof readOptions>): Promise<void> {
  await useDevice(precision === 'f64' ? 'ref' : device) // f64 lives on ref alone
  const counts = { computed: 0, raised: 0, failed: 0, skipped: 0 }
  let suites = 0
  for (const suite of suitesIn(cases, only)) {
    const results: Results = { tensors: {}, raised: {}, failed: {} }
    for (const golden of suite.cases) {
      if (only.case !== undefined && !matches(only.case, golden.name)) continue
      if (process.stderr.isTTY) process.stderr.write(`\r${suite.area}/${suite.name} ${golden.name}\u001b[K`)
      counts[applies(golden, precision) ? await compute(golden, suite, precision, results) : 'skipped']++
    }
    writeResults(out, suite, results)
    suites++
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  if (suites === 0) throw new Error(`no suite of that area and name in ${cases}: nothing was written`)
  const { computed, raised, failed, skipped } = counts
  console.log(`${computed} computed, ${raised} raised, ${failed} failed, ${skipped} skipped`)
}

/** Says in one sentence what went wrong. */
function exitWith(code: number, error: unknown, ...hints: string[]): never {
  process.stderr.write(`${[`golden: ${messageOf(error)}`, ...hints].join('\n')}\n`)
  process.exit(code)
}

let options: ReturnType<typeof readOptions>
try {
  options = readOptions()
} catch (error) {
  exitWith(2, error, usage)
}
await main(options).catch((error: unknown) => exitWith(1, error))
