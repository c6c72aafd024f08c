/** Golden cases through the runner's own command, judged by the official rule: the tiny models, and a dozen of MiniLM. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSafetensors, type RawTensor } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { applies, type GoldenCase, type Precision } from '../../golden/format.ts'
import { needsShared, repository, shared } from '../support/shared.ts'

const test = suite('golden')
const out = mkdtempSync(join(tmpdir(), 'antecedent-golden-'))
test.after(() => rmSync(out, { recursive: true }))

function run(area: string, name: string, precision: Precision, pattern: string): void {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const args = ['-C', '@antecedent/source', '--import', tsx, 'golden/main.ts', shared('golden'), '--out', out]
  const options = ['--area', area, '--suite', name, '--precision', precision, '--case', pattern]
  const { status, stderr } = spawnSync(process.execPath, [...args, ...options], { cwd: repository, encoding: 'utf8' })
  assert.is(status, 0, stderr)
}

/** The judge's rule: |actual − expected| ≤ atol + rtol |expected|, NaN with NaN. */
function agree(actual: RawTensor, expected: RawTensor, { rtol, atol }: { rtol: number; atol: number }): boolean {
  if (actual.shape.join() !== expected.shape.join()) return false
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [Number(actual.data[i]), Number(expected.data[i])]
    if (!Object.is(a, e) && a !== e && !(Math.abs(a - e) <= atol + rtol * Math.abs(e))) return false
  }
  return true
}

/** Runs the cases whose name fits, and returns how many passed; any other outcome fails the test. */
function judge(area: string, name: string, precision: Precision, pattern: string): number {
  run(area, name, precision, pattern)
  const { cases } = JSON.parse(readFileSync(shared('golden', area, `${name}.json`), 'utf8')) as { cases: GoldenCase[] }
  const report = JSON.parse(readFileSync(join(out, area, `${name}.json`), 'utf8'))
  const expected = parseSafetensors(readFileSync(shared('golden', area, `${name}.safetensors`)))
  const actual = parseSafetensors(readFileSync(join(out, area, `${name}.safetensors`)))
  const prefix = pattern.replace(/\*$/, '')
  const chosen = cases.filter((golden) => golden.name.startsWith(prefix) && applies(golden, precision))
  for (const golden of chosen) {
    if (golden.raises) {
      assert.ok(report.raised[golden.name], `${golden.name} did not raise`)
      continue
    }
    const trouble = report.failed[golden.name] ?? report.raised[golden.name]
    assert.not(trouble, `${golden.name}: ${trouble}`)
    for (const [key, tensor] of Object.entries(golden.outputs)) {
      const close = agree(actual.get(tensor), expected.get(tensor), golden.tolerance![precision]!)
      assert.ok(close, `${golden.name}: ${key} differs`)
    }
  }
  return chosen.length
}

const table: [area: string, suite: string, pattern: string, least: number][] = [
  ['tensor', 'elementwise', '*', 451],
  ['tensor', 'reduce', '*', 247],
  ['tensor', 'softmax', '*', 72],
  ['tensor', 'norm', '*', 34],
  ['tensor', 'matmul', '*', 99],
  ['tensor', 'attention', '*', 28],
  ['tensor', 'movement', '*', 226],
  ['tensor', 'optim', '*', 52],
  ['tensor', 'raises', '*', 52],
  ['bert', 'forward', 'tiny*', 80],
  ['bert', 'gradient', 'tiny*', 45],
  ['bert', 'minilm', 'sentence-*', 12],
  ['attribution', 'quadrature', '*', 73],
  ['attribution', 'lig', 'tiny*', 100],
  ['attribution', 'ligVariants', 'tiny*', 60],
  ['coref', 'model', '*', 58],
  ['coref', 'targets', 'depth-2-attended*', 14],
  ['coref', 'training', '*', 8],
]

for (const [area, name, pattern, least] of table) {
  for (const precision of ['f64', 'f32'] as const) {
    needsShared(test)(`${area}/${name} ${pattern} agrees in ${precision}`, () => {
      assert.ok(judge(area, name, precision, pattern) >= least)
    })
  }
}

needsShared(test)('attribution/ig agrees in f64', () => {
  assert.is(judge('attribution', 'ig', 'f64', '*'), 136)
})

test.run()
