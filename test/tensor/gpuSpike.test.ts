/** The contract of a device holds for WebGPU: gradients through the ordinary functions, on a real adapter. */
import { grad, hvp, matmul, mul, scope, sum, type Tensor, tanh, tensor } from '@antecedent/tensor'
import { type Backend, registerBackend } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsWebGpu, webGpu } from '../support/webgpu.ts'
import { type Ran, spikeBackend } from './gpu/backend.ts'
import { compileElementwise } from './gpu/compiler.ts'

const test = suite('WebGPU spike')
const onGpu = needsWebGpu(test)
let backend: Backend
let ran: Ran
if (webGpu) {
  ;({ backend, ran } = spikeBackend(webGpu.device, webGpu.adapter))
  registerBackend(backend)
}
test.after(() => webGpu?.device.destroy())

const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed + 1))
const [a, b] = [numbers(65 * 33, 0.7), numbers(33 * 100, 1.3)]
/** ragged sizes: no multiple of a workgroup */
const operands = (device: string): [Tensor, Tensor] => [
  tensor(a, [65, 33], { device }),
  tensor(b, [33, 100], { device }),
]

test('gpu.js compiles an expression to WGSL at once', () => {
  const { wgsl, compiledBy } = compileElementwise('a[i] * b[i] + 1', 2)
  assert.is(compiledBy, 'WebGPUKernel')
  assert.match(wgsl, /@compute @workgroup_size\(64, 1, 1\)/)
  assert.match(wgsl, /@binding\(3\) var<storage, read_write> result/)
})

onGpu('values agree with ref, and are read asynchronously only', async () => {
  const y = tanh(matmul(...operands('spike')))
  assert.is(y.device, 'spike')
  assert.throws(() => y.dataSync(), /await x\.data\(\)/)
  allClose(await y.data(), tanh(matmul(...operands('ref'))).dataSync(), { rtol: 1e-5, atol: 1e-5 })
})

onGpu('so do gradients, of first and second order, through views and transposes', async () => {
  const loss = ([x, w]: readonly Tensor[]) => sum(tanh(matmul(x!, w!)))
  const [on, ref] = [operands('spike'), operands('ref')] as readonly (readonly Tensor[])[]
  const expected = grad(loss)(ref!)
  for (const [i, g] of grad(loss)(on!).entries()) {
    assert.is(g.device, 'spike')
    allClose(await g.data(), expected[i]!.dataSync(), { rtol: 1e-4, atol: 1e-5 })
  }
  const second = hvp((x: Tensor) => sum(mul(x, x)), on![0]!, on![0]!)
  allClose(await second.data(), ref![0]!.mul(2).dataSync(), { rtol: 1e-6 })
})

onGpu('these pipelines ran, on this adapter, and nothing else did', () => {
  assert.match(backend.description, /^spike on .*\S/)
  assert.equal([...ran.compilers], ['WebGPUKernel'])
  for (const name of ['wgsl:matmul', 'gpu.js:tanh', 'gpu.js:mul', 'gpu.js:sub', 'gpu.js:square', 'wgsl:sum'])
    assert.ok(ran.pipelines.get(name)! > 0, `${name} did not run`)
  assert.equal(ran.errors, [])
  console.log(backend.description)
})

onGpu('what the spike lacks is an error, and devices do not mix', () => {
  const [x] = operands('spike')
  assert.throws(() => x.exp(), /exp: expected a kernel of the spike/)
  assert.throws(() => x.add(operands('ref')[0]), /operands on one device, got spike and ref/)
  assert.throws(() => tensor([1], null, { device: 'spike', dtype: 'f64' }), /a dtype that spike has \(f32\)/)
})

onGpu('scopes give buffers back to the pool, and the pool hands them out again', async () => {
  const run = () => scope(() => sum(tanh(matmul(...operands('spike')))))
  const first = await run().data()
  for (let i = 0; i < 20; i++) assert.equal(await run().data(), first)
})

test.run()
