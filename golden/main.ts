/**
 * Computes golden cases of any folder in the format of its README and writes results for the judge.
 *
 *     npm run golden -- CASES --out RESULTS [--area A] [--suite S] [--case GLOB] [--precision f32|f64] [--device D]
 *
 * An error of the library's own types goes under `raised`; an unknown operation, or any other error, under `failed`.
 * Exits 0 when the results were written, whatever failed.
 */
import { parseArgs } from 'node:util'
import { AntecedentError, type DeviceName, useDevice } from '@antecedent/tensor'
import { FormatError } from 'safetensors-ts'
import { attributionOps } from './attribution.ts'
import { bertOps } from './bert.ts'
import type { Compute } from './context.ts'
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

const ops: Record<string, Record<string, Compute>> = { bert: bertOps, attribution: attributionOps }

const counts = { computed: 0, raised: 0, failed: 0, skipped: 0 }

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    area: { type: 'string' },
    suite: { type: 'string' },
    case: { type: 'string' },
    precision: { type: 'string' },
    device: { type: 'string' },
  },
})

/** `*` stands for any text. */
const matches = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'u').test(name)

const isOurs = (error: unknown): error is Error => error instanceof AntecedentError || error instanceof FormatError

async function compute(golden: GoldenCase, suite: Suite, precision: Precision, results: Results): Promise<void> {
  const operation = ops[suite.area]?.[golden.op]
  if (!operation) {
    results.failed[golden.name] = `op ${golden.op} of area ${suite.area} is not known yet`
    counts.failed++
    return
  }
  const read = (names: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(names).map(([key, name]) => [key, toTensor(suite.tensors!.get(name), precision)]))
  try {
    const context = {
      golden,
      inputs: read(golden.inputs),
      probes: read(golden.probes),
      precision,
      folder: suite.folder,
    }
    const outputs = await operation(context)
    for (const [key, name] of Object.entries(golden.outputs)) {
      if (outputs[key]) await keepOutput(results, name, outputs[key])
      else throw new Error(`no output ${key}`)
    }
    counts.computed++
  } catch (error) {
    const [list, count] = isOurs(error) ? (['raised', 'raised'] as const) : (['failed', 'failed'] as const)
    results[list][golden.name] = error instanceof Error ? error.message : String(error)
    counts[count]++
  }
}

async function main(): Promise<void> {
  const [cases] = positionals
  if (!cases || !options.out)
    throw new Error('usage: golden CASES --out RESULTS [--area A] [--suite S] [--case GLOB] …')
  const name = (options.device ?? 'ref') as DeviceName
  const precision = (options.precision ?? (name === 'ref' ? 'f64' : 'f32')) as Precision
  if (precision !== 'f32' && precision !== 'f64') throw new Error(`--precision: expected f32 or f64, got ${precision}`)
  await useDevice(precision === 'f64' ? 'ref' : name) // f64 lives on ref alone
  for (const suite of suitesIn(cases, options)) {
    const results: Results = { tensors: {}, raised: {}, failed: {} }
    for (const golden of suite.cases) {
      if (options.case && !matches(options.case, golden.name)) continue
      if (!applies(golden, precision)) {
        counts.skipped++
        continue
      }
      await compute(golden, suite, precision, results)
      if (process.stderr.isTTY) process.stderr.write(`\r${suite.area}/${suite.name} ${golden.name}\u001b[K`)
    }
    writeResults(options.out, suite, results)
  }
  const { computed, raised, failed, skipped } = counts
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  console.log(`${computed} computed, ${raised} raised, ${failed} failed, ${skipped} skipped`)
}

await main()
