/** The benchmarks run and write what they say; no time is judged. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelCases } from '../bench/micro/cases.ts'
import { gpu, needsGpu } from './support/gpu.ts'
import { repository } from './support/shared.ts'

const test = suite('benchmarks')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-bench-'))
test.after(() => rmSync(folder, { recursive: true }))

function bench(...args: string[]) {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const command = ['-C', '@antecedent/source', '--import', tsx, 'bench/main.ts', ...args]
  return spawnSync(process.execPath, command, { cwd: repository, encoding: 'utf8' })
}

test('micro times every operation of the table, forward and back, and writes JSON', () => {
  const json = join(folder, 'micro.json')
  const { status, stdout, stderr } = bench('micro', '--only', 'operations', '--time', '1', '--json', json)
  assert.is(status, 0, stderr)
  assert.match(stdout, /^cpu .*\nnode .*unset for all/)
  const { rows, machine, kernels } = JSON.parse(readFileSync(json, 'utf8'))
  assert.ok(rows.length > 50)
  assert.is(kernels.length, 0)
  for (const row of rows) assert.ok(row.forwardMs > 0, row.op)
  assert.ok(rows.find(({ op }: { op: string }) => op === 'matmul').pullbackMs > 0)
  assert.is(machine.node, process.version)
  assert.match(bench('micro', '--filter', 'exp', '--json', json).stderr, /exists \(--overwrite replaces it\)/)
})

test('micro times every kernel beside a limit, on as many threads as were asked for', () => {
  const json = join(folder, 'kernels.json')
  const args = ['--only', 'kernels', '--device', 'wasm', '--threads', '2', '--time', '1', '--json', json]
  const { status, stdout, stderr } = bench('micro', ...args)
  assert.is(status, 0, stderr)
  assert.match(stdout, /\nkernel +device +threads +time +ns\/element +rate +limit +share\nmatmul 700×384×384 +wasm +2 /)
  const { kernels, rows } = JSON.parse(readFileSync(json, 'utf8'))
  assert.is(rows.length, 0)
  assert.is(kernels.length, kernelCases.length)
  for (const { name, rate, share, threads } of kernels) {
    assert.is(threads, 2)
    assert.ok(rate.value > 0 && rate.limit > 0 && share > 0, name)
  }
})

needsGpu(test)(
  'on gpu: the adapter in the header, kernels beside the limits of that device, no figures of a stand-in',
  () => {
    const json = join(folder, 'gpu.json')
    const args = ['--device', 'gpu', '--filter', 'softmax 600', '--time', '1', '--json', json]
    const { status, stdout, stderr } = bench('micro', ...args)
    assert.is(status, 0, stderr)
    assert.match(stdout, /\ndevice +gpu \(WebGPU on \S/)
    assert.is(/\nwarning: a software driver .* are no figures\n/.test(stdout), gpu!.isSoftware)
    assert.match(stdout, /\nsoftmax 600×14×14 +gpu +– /)
    const { kernels, rows } = JSON.parse(readFileSync(json, 'utf8'))
    assert.is(rows.length, 0, 'operations would be timed by the call')
    assert.ok(kernels[0].share > 0)
    assert.match(bench('micro', '--device', 'gpu', '--only', 'operations').stderr, /returns before its work is done/)
    const product = bench('matmul', '--device', 'gpu', '--filter', '700×384×384', '--pairs', '1')
    assert.match(product.stdout, /\nantecedent on gpu \(WebGPU on \S/)
    assert.is(product.stdout.match(/are no figures/g)?.length ?? 0, gpu!.isSoftware ? 2 : 0)
  },
)

test('a benchmark of pairs prints its header and table, and writes JSON and a chart', () => {
  const [json, svg] = [join(folder, 'pairs.json'), join(folder, 'pairs.svg')]
  const args = ['matmul', '--filter', '700×384×384', '--pairs', '1', '--json', json, '--svg', svg]
  const { status, stdout, stderr } = bench(...args)
  assert.is(status, 0, stderr)
  assert.match(stdout, /^cpu .*\nantecedent on wasm/)
  assert.match(stdout, /\njob +side +median .*\nmatmul 700×384×384 +antecedent +/)
  assert.match(stderr, /left out: PyTorch and Captum \(--python PATH\)/)
  const { jobs, threads, load, peakBytes, python } = JSON.parse(readFileSync(json, 'utf8'))
  assert.is(jobs.length, 1)
  assert.ok(jobs[0].sides[0].gflops > 0)
  assert.is(threads, 1)
  assert.match(load.before, /^[\d.]+ [\d.]+ [\d.]+$/)
  assert.ok(peakBytes.antecedent > 1e7)
  assert.is(python, null)
  assert.match(readFileSync(svg, 'utf8'), /^<svg/)
  assert.match(bench('matmul', '--svg', svg).stderr, /--svg: .*exists \(--overwrite replaces it\)/)
})

test('a job that nobody has is an error, as is an interpreter that does not start', () => {
  assert.match(bench('encoder', '--filter', 'nothing').stderr, /no job's name holds 'nothing'/)
  const { status, stderr } = bench('lig', '--python', join(folder, 'no-such-python'))
  assert.is(status, 2)
  assert.match(stderr, /--python: .*ENOENT/)
})

test('wrong usage says what is known', () => {
  const unknown = bench('macro')
  assert.is(unknown.status, 2)
  assert.match(unknown.stderr, /expected a benchmark \(micro, encoder, lig, matmul, coref, train\), got 'macro'/)
  assert.match(bench('micro', '--filter', 'nothing').stderr, /no kernel's or operation's name holds 'nothing'/)
  assert.match(bench('--help').stdout, /--filter PART/)
})

test.run()
