/** Golden cases on ref: the tiny models, and a dozen of MiniLM. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Precision } from '../../golden/format.ts'
import { needsShared } from '../support/shared.ts'
import { judge, run } from './judge.ts'

const test = suite('golden')
const out = mkdtempSync(join(tmpdir(), 'antecedent-golden-'))
test.after(() => rmSync(out, { recursive: true }))

/** Runs the cases whose name fits, and returns how many passed; any other outcome fails the test. */
function passed(area: string, suite: string, precision: Precision, pattern: string): number {
  const selection = { area, suite, precision, pattern }
  run(selection, out)
  const { cases, failures } = judge(selection, out)
  assert.equal([...failures], [])
  return cases.length
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
      assert.ok(passed(area, name, precision, pattern) >= least)
    })
  }
}

needsShared(test)('attribution/ig agrees in f64', () => {
  assert.is(passed('attribution', 'ig', 'f64', '*'), 136)
})

test.run()
