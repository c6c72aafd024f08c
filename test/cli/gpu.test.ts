/** The command on the device gpu: the same figures as on wasm, and a record that says what ran. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CorefModel } from '@antecedent/coref/node'
import { useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from '../coref/tinyModel.ts'
import { needsGpu } from '../support/gpu.ts'
import { runCommand } from './run.ts'

const test = suite('command on gpu')
const onGpu = needsGpu(test)
const folder = mkdtempSync(join(tmpdir(), 'antecedent-gpu-'))
test.after(() => rmSync(folder, { recursive: true }))

const output = (...args: string[]) => {
  const { code, out, err } = runCommand(folder, args)
  assert.is(code, 0, err)
  return JSON.parse(out)
}

onGpu('attribute: one record, the figures of wasm, with the adapter and the kernels that ran', () => {
  const on = (device: string) =>
    output('attribute', 'He ran.', '--target', 'he', '--n-steps', '3', '--reduce', 'sum', '--device', device, '--json')
  const [[record], [expected]] = [on('gpu'), on('wasm')]
  allClose(record.scores, expected.scores, { rtol: 1e-3, atol: 1e-5 })
  const { device, pipelines } = record.provenance
  assert.match(device, /^gpu \(WebGPU on \S/)
  for (const kernel of ['gpu.js:gelu/', 'wgsl:matmul ', 'wgsl:layerNormDerivative/', 'wgsl:takeRows/'])
    assert.ok(
      pipelines.some((name: string) => name.startsWith(kernel)),
      `${kernel} did not run`,
    )
  assert.not('pipelines' in expected.provenance)
})

onGpu('attend and encode read without a synchronous call', () => {
  const { attentions, norms } = output('attend', 'He ran.', '--device', 'gpu', '--json')
  assert.is(attentions.length, norms.length)
  const { shape, lastHiddenState } = output('encode', 'He ran.', '--device', 'gpu', '--json')
  assert.equal([lastHiddenState.length, lastHiddenState[0].length], shape)
})

onGpu('resolve: the entities of wasm, and a record that says what ran', async () => {
  await useDevice('wasm')
  await new CorefModel(tinyModel({}, 3, 'f32')).save(join(folder, 'model'))
  await useDevice('ref')
  const text = 'The nurse called the doctor because she was late. The doctor was kind.'
  const on = (device: string) => output('resolve', '--model', 'model', '--text', text, '--device', device, '--json')
  const [record, expected] = [on('gpu'), on('wasm')]
  assert.equal(record.clusters, expected.clusters)
  assert.match(record.provenance.device, /^gpu \(WebGPU on \S/)
  assert.ok(record.provenance.pipelines.some((name: string) => name.startsWith('wgsl:takeRows/')))
  assert.not('pipelines' in expected.provenance)
})

onGpu('explain writes its report', () => {
  const report = join(folder, 'report.html')
  const args = ['explain', 'The man slept because he was tired.', '--n-steps', '2', '--device', 'gpu', '--html', report]
  assert.is(runCommand(folder, args).code, 0)
  assert.match(readFileSync(report, 'utf8'), /gpu \(WebGPU on/)
})

test('without an adapter: one sentence that says what to install, and exit code 1', () => {
  const without = { VK_DRIVER_FILES: join(folder, 'none.json') }
  const { code, out, err } = runCommand(folder, ['encode', 'x', '--device', 'gpu'], '', without)
  assert.is(code, 1)
  assert.is(out, '')
  assert.match(err, /antecedent: useDevice: expected .*gpu.*(vulkan-drivers|npm install)/s)
})

test.run()
