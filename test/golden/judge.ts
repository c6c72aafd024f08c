/** Golden cases through the runner's own command, judged by the official rule. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSafetensors, type RawTensor, type SafetensorsFile } from 'safetensors-ts'
import * as assert from 'uvu/assert'
import { applies, type GoldenCase, type Precision } from '../../golden/format.ts'
import { repository, shared } from '../support/shared.ts'

/** What to run; names of suites and cases as the runner takes them. */
export interface Selection {
  readonly area: string
  readonly suite?: string
  readonly pattern?: string
  readonly precision: Precision
  readonly device?: string
}

/** Runs the command and writes its results below `out`. */
export function run(
  { area, suite, pattern, precision, device }: Selection,
  out: string,
  environment: Record<string, string> = {},
): void {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const args = ['-C', '@antecedent/source', '--import', tsx, 'golden/main.ts', shared('golden'), '--out', out]
  const options = Object.entries({ area, suite, case: pattern, precision, device }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  )
  const env = { ...process.env, ...environment }
  const { status, stderr } = spawnSync(process.execPath, [...args, ...options], {
    cwd: repository,
    encoding: 'utf8',
    env,
  })
  assert.is(status, 0, stderr)
}

/** What the runner says of a suite. */
export interface Report {
  readonly device: string
  readonly pipelines?: readonly string[]
  readonly raised: Readonly<Record<string, string>>
  readonly failed: Readonly<Record<string, string>>
}

/** |actual − expected| ≤ atol + rtol |expected|, NaN with NaN; integers and truth values are equal. */
function agree(actual: RawTensor, expected: RawTensor, { rtol, atol }: { rtol: number; atol: number }): boolean {
  if (actual.shape.join() !== expected.shape.join()) return false
  const isFloat = expected.dtype.startsWith('F')
  if (actual.dtype.startsWith('F') !== isFloat) return false
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [Number(actual.data[i]), Number(expected.data[i])]
    if (Object.is(a, e) || a === e) continue
    if (!isFloat || !(Math.abs(a - e) <= atol + rtol * Math.abs(e))) return false
  }
  return true
}

/** What is wrong with a case's results; null where nothing is. */
function trouble(
  golden: GoldenCase,
  precision: Precision,
  report: Report,
  expected: SafetensorsFile,
  actual: SafetensorsFile,
) {
  const { name, raises, outputs, tolerance } = golden
  if (raises) return report.raised[name] ? null : 'did not raise'
  const error = report.failed[name] ?? report.raised[name]
  if (error !== undefined) return error
  const different = Object.entries(outputs).find(
    ([, tensor]) => !agree(actual.get(tensor), expected.get(tensor), tolerance![precision]!),
  )
  return different ? `${different[0]} differs` : null
}

/** Judges what `run` wrote of a suite: which cases of the pattern apply, and what is wrong with them. */
export function judge(selection: Selection & { suite: string }, out: string) {
  const { area, suite, pattern = '*', precision } = selection
  const json = (folder: string) => JSON.parse(readFileSync(join(folder, area, `${suite}.json`), 'utf8'))
  const read = (folder: string) => parseSafetensors(readFileSync(join(folder, area, `${suite}.safetensors`)))
  const { cases } = json(shared('golden')) as { cases: GoldenCase[] }
  const report = json(out) as Report
  const [expected, actual] = [read(shared('golden')), read(out)]
  const prefix = pattern.replace(/\*$/, '')
  const chosen = cases.filter((golden) => golden.name.startsWith(prefix) && applies(golden, precision))
  const failures = new Map<string, string>()
  for (const golden of chosen) {
    const text = trouble(golden, precision, report, expected, actual)
    if (text !== null) failures.set(golden.name, text)
  }
  return { report, cases: chosen.map(({ name }) => name), failures }
}
