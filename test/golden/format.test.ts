/** The golden runner on a suite made by hand: what is computed, raised, failed and skipped, and what is written. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSafetensors, type RawTensor, serializeSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toTensor } from '../../golden/format.ts'
import { repository } from '../support/shared.ts'

const test = suite('golden format')
const root = mkdtempSync(join(tmpdir(), 'antecedent-golden-format-'))
const cases = join(root, 'cases')
test.after(() => rmSync(root, { recursive: true }))

const both = { f64: { rtol: 1e-9, atol: 0 }, f32: { rtol: 1e-4, atol: 0 } }
const nodes = (name: string, n: number, more: object = {}) => ({
  name,
  op: 'quadrature',
  attrs: { method: 'riemann_left', n },
  inputs: {},
  probes: {},
  outputs: { nodes: `${name}/nodes`, weights: `${name}/weights` },
  raises: false,
  tolerance: both,
  ...more,
})

/** F(x) = x · w + b of one example, whose attributions from 0 are x w. */
const linear = (name: string, more: object = {}) => ({
  name,
  op: 'ig',
  attrs: { function: 'linear', target: null, baseline: 0, nSteps: 3, method: 'gausslegendre' },
  inputs: { x: 'x', 'param.w': 'w', 'param.b': 'b' },
  probes: {},
  outputs: { attributions: `${name}/attributions` },
  raises: false,
  tolerance: both,
  ...more,
})

const list = [
  nodes('nodes/4', 4),
  nodes('nodes/only-f32', 3, { tolerance: { f32: both.f32 } }),
  nodes('nodes/raises', 1, { outputs: {}, raises: true, tolerance: {} }),
  nodes('nodes/raises-unasked', 1),
  nodes('nodes/no-such-output', 4, { outputs: { nodes: 'no-such-output/nodes', spread: 'no-such-output/spread' } }),
  nodes('unknown/op', 4, { op: 'divination' }),
  linear('linear/x-w'),
  linear('linear/no-such-function', { attrs: { function: 'riddle' } }),
  linear('linear/no-such-tensor', { inputs: { x: 'absent' }, raises: true, tolerance: {} }),
  linear('linear/no-such-model', { op: 'lig', attrs: { model: 'models/absent' }, raises: true, tolerance: {} }),
]

// the expected tensors are not there at all: computing must not read them
const given: Record<string, Extract<RawTensor, { dtype: 'F64' }>> = {
  x: { dtype: 'F64', shape: [1, 2], data: Float64Array.of(3, 5) },
  w: { dtype: 'F64', shape: [2], data: Float64Array.of(0.5, -2) },
  b: { dtype: 'F64', shape: [], data: Float64Array.of(7) },
}

test.before(() => {
  mkdirSync(join(cases, 'attribution/models'), { recursive: true })
  const write = (file: string, value: unknown) => writeFileSync(join(cases, file), JSON.stringify(value))
  write('attribution/made.json', { format: 1, area: 'attribution', suite: 'made', cases: list })
  writeFileSync(join(cases, 'attribution/made.safetensors'), serializeSafetensors(given))
  write('attribution/table.json', { format: 1, rows: [] })
  write('attribution/list.json', { cases: [] })
  write('attribution/models/config.json', { format: 1, cases: [] })
  write('README.json', { format: 1, cases: [] })
})

function golden(out: string, ...options: string[]) {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const args = ['-C', '@antecedent/source', '--import', tsx, 'golden/main.ts', cases, '--out', join(root, out)]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, ...options], {
    cwd: repository,
    encoding: 'utf8',
  })
  const stem = join(root, out, 'attribution/made')
  const written = existsSync(`${stem}.json`)
  return {
    status,
    stderr,
    lastLine: stdout.trimEnd().split('\n').at(-1),
    report: written ? JSON.parse(readFileSync(`${stem}.json`, 'utf8')) : null,
    tensors: written ? Object.fromEntries(parseSafetensors(readFileSync(`${stem}.safetensors`))) : {},
  }
}

test('in f64, the default on ref, each case is computed, raised, failed or skipped, and the last line counts', () => {
  const { status, lastLine, report, tensors } = golden('f64')
  assert.is(status, 0)
  assert.is(lastLine, '2 computed, 2 raised, 5 failed, 1 skipped')
  assert.equal(Object.keys(report.raised), ['nodes/raises', 'nodes/raises-unasked'])
  assert.match(report.raised['nodes/raises'], 'at least 2 points for riemann_left')
  assert.equal(Object.keys(report.failed), [
    'nodes/no-such-output',
    'unknown/op',
    'linear/no-such-function',
    'linear/no-such-tensor',
    'linear/no-such-model',
  ])
  assert.match(report.failed['unknown/op'], 'op divination of area attribution is not known yet')
  assert.match(report.failed['linear/no-such-tensor'], '"absent"')
  assert.equal(Object.keys(tensors).sort(), ['linear/x-w/attributions', 'nodes/4/nodes', 'nodes/4/weights'])
  assert.equal(tensors['nodes/4/nodes'], { dtype: 'F64', shape: [4], data: Float64Array.of(0, 0.25, 0.5, 0.75) })
  const [first, second] = tensors['linear/x-w/attributions']!.data as Float64Array
  assert.ok(Math.abs(first! - 1.5) < 1e-14 && Math.abs(second! + 10) < 1e-13, `${first}, ${second}`)
})

test('in f32 floats are cast, and a case with a tolerance for f32 alone applies', () => {
  const { lastLine, tensors } = golden('f32', '--precision', 'f32')
  assert.is(lastLine, '3 computed, 2 raised, 5 failed, 0 skipped')
  assert.is(tensors['linear/x-w/attributions']!.dtype, 'F32')
})

test('a glob chooses cases, and others are neither computed nor counted', () => {
  const { lastLine, tensors } = golden('glob', '--case', 'no?es/4*', '--suite', 'made', '--area', 'attribution')
  assert.is(lastLine, '1 computed, 0 raised, 0 failed, 0 skipped')
  assert.equal(Object.keys(tensors).sort(), ['nodes/4/nodes', 'nodes/4/weights'])
})

test('only a JSON directly in an area, with format and cases, is a suite: no other gives results', () => {
  golden('others', '--case', 'nothing')
  assert.ok(existsSync(join(root, 'others/attribution/made.json')))
  assert.not(existsSync(join(root, 'others/attribution/table.json')))
  assert.not(existsSync(join(root, 'others/attribution/list.json')))
  assert.not(existsSync(join(root, 'others/attribution/models')))
})

test('a suite that is not there exits 1 and wrong options exit 2, each with one sentence', () => {
  const absent = golden('absent', '--suite', 'mode')
  assert.is(absent.status, 1)
  assert.match(absent.stderr, /^golden: no suite [^\n]*\n$/)
  const wrong = golden('wrong', '--precision', 'f16')
  assert.is(wrong.status, 2)
  assert.match(wrong.stderr, /^golden: --precision: expected f32 or f64, got f16\nusage: [^\n]*\n$/)
})

test('an integer that 32 bits do not hold is refused, not wrapped', () => {
  const ids = (value: bigint): RawTensor => ({ dtype: 'I64', shape: [1], data: BigInt64Array.of(value) })
  assert.equal(toTensor(ids(-7n), 'f64').dataSync(), Int32Array.of(-7))
  assert.throws(() => toTensor(ids(2n ** 32n), 'f64'), /4294967296 does not fit/)
})

test.run()
