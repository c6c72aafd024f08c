/** The device gpu beyond its kernels: reading, errors that come late, memory, loss, limits, and what to install. */
import { spawnSync } from 'node:child_process'
import {
  crossEntropy,
  device,
  embedding,
  gather,
  grad,
  hvp,
  layerNorm,
  matmul,
  memoryInfo,
  mul,
  normal,
  oneHot,
  randomKey,
  scatter,
  scope,
  softmax,
  sum,
  type Tensor,
  tanh,
  tensor,
  useDevice,
} from '@antecedent/tensor'
import { type Backend, registerBackend } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadCompiler } from '../../packages/tensor/src/backends/gpu/compiler.ts'
import { openGpu } from '../../packages/tensor/src/backends/gpu/index.ts'
import { chooseProduct } from '../../packages/tensor/src/backends/gpu/matmul.ts'
import { gpu, needsGpu } from '../support/gpu.ts'
import { repository } from '../support/shared.ts'

const test = suite('the device gpu')
const onGpu = needsGpu(test)
const there = { device: 'gpu' } as const
const ids = (values: number[], shape?: number[]) => tensor(Int32Array.from(values), shape ?? null, there)

/** The error of a promise, which must have one. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('no error')
}

test('gpu.js compiles an expression to WGSL at once, without an adapter', async () => {
  const compile = await loadCompiler()
  const wgsl = compile('x * y + 1', [[true], [true]])
  assert.match(wgsl, /@compute @workgroup_size\(64, 1, 1\)/)
  assert.match(wgsl, /@binding\(3\) var<storage, read_write> result/)
  // indices are integers: gpu.js may also count in floats, which end at 2²⁴
  assert.match(wgsl, /get_user_a\(0, 0, i32\(i32\(threadGid\.x\)\)\)/)
  assert.match(
    compile('x + y', [
      [true, true],
      [true, false],
    ]),
    /get_user_b\(0, 0, i32\(i32\(threadGid\.x\)\)\)/,
  )
  assert.is('gpu' in ((globalThis as { navigator?: object }).navigator ?? {}), false)
})

test('another gpu.js, or one that falls back, is an error', async () => {
  const other = (kernel: object) => ({
    GPU: class {
      addFunction() {}
      addNativeFunction() {}
      createKernel = () => ({ build: () => undefined, kernel })
    },
  })
  class WebAssemblyKernel {}
  class WebGPUKernel {
    compiledSource = 'fn main() {}'
  }
  assert.match(
    (await failure(loadCompiler(other(new WebAssemblyKernel())))).message,
    /answers with a WebAssemblyKernel/,
  )
  assert.match((await failure(loadCompiler(other(new WebGPUKernel())))).message, /WGSL has another form/)
  assert.match((await failure(loadCompiler({}))).message, /expected gpu\.js 2\.24\.1 .*npm install/)
})

onGpu('gradients of first and second order, through views and transposes', async () => {
  const operands = (on: string) => [
    normal([65, 33], randomKey(1), { device: 'ref' }).to(on),
    normal([33, 100], randomKey(2), { device: 'ref' }).to(on),
  ]
  const loss = ([x, w]: readonly Tensor[]) => sum(tanh(matmul(x!, w!)))
  const expected = grad(loss)(operands('ref'))
  for (const [i, g] of grad(loss)(operands('gpu')).entries()) {
    assert.is(g.device, 'gpu')
    allClose(await g.data(), expected[i]!.dataSync(), { rtol: 1e-4, atol: 1e-5 })
  }
  const [x] = operands('gpu')
  const second = hvp((x: Tensor) => sum(mul(x, mul(x, x))), x!, x!)
  allClose(await second.data(), operands('ref')[0]!.square().mul(6).dataSync(), { rtol: 1e-5, atol: 1e-6 })
})

onGpu('a synchronous read is an error that says what to do', () => {
  const x = tensor([1, 2], null, there)
  for (const read of [() => x.dataSync(), () => x.toArray(), () => x.at(0).item(), () => x.to('ref')])
    assert.throws(read, /dataSync: expected a device that is read at once, got gpu \(await x\.data\(\)\)/)
  assert.throws(() => x.at(x.greater(1)), /at: expected a mask that the host knows.*await mask\.data\(\)/)
})

onGpu('a mask that the host made picks elements', async () => {
  const mask = tensor([true, false, true], null, there)
  assert.equal([...(await tensor([1, 2, 3], null, there).at(mask).data())], [1, 3])
})

onGpu('indices of the host are checked at once, in views and copies too', async () => {
  const table = normal([5, 3], randomKey(3), there)
  assert.throws(() => embedding(table, ids([0, 5])), /embedding: expected indices from 0 to 4, got 5/)
  assert.throws(() => embedding(table, ids([0, 1, 9, 2], [2, 2]).transpose()), /got 9/)
  // a view is checked by what it shows
  const shown = embedding(table, ids([9, 0, 1]).slice([1], [3]))
  allClose(await shown.data(), await table.slice([0], [2]).data())
  assert.throws(() => oneHot(ids([-1]), 3), /got -1/)
  assert.throws(() => crossEntropy(table, ids([0, 1, 2, 3, 0])), /crossEntropy: expected indices from 0 to 2, got 3/)
  const ignoring = crossEntropy(table, ids([0, 1, -100, 2, 0]), { ignoreIndex: -100 })
  assert.ok(Number.isFinite((await ignoring.data())[0]))
})

onGpu('indices of the device are clamped, and the next read throws; then all is well', async () => {
  const table = tensor([[1], [2], [3]], null, there)
  const computed = (values: number[]) => ids(values).add(0)
  const taken = embedding(table, computed([0, 7]))
  assert.match((await failure(taken.data())).message, /embedding: expected indices from 0 to 2, got 7/)
  assert.equal([...(await taken.data())], [1, 3])
  assert.equal([...(await embedding(table, computed([2, 0])).data())], [3, 1])
  assert.match((await failure(oneHot(computed([-3]), 2).data())).message, /oneHot: expected indices .* got -3/)
  const twice = scatter(tensor([0, 0], null, there), ids([1, 1]), tensor([1, 2], null, there), 0)
  assert.match((await failure(twice.data())).message, /scatter: expected each place once/)
  // more checks than one bank holds, the bad one among the first or behind them
  for (const bad of [3, 400]) {
    for (let i = 0; i < 600; i++) scope(() => void embedding(table, computed([i === bad ? 99 : 0])))
    assert.match((await failure(table.data())).message, /got 99/)
  }
})

onGpu('of several indices out of range the smallest is told; the ignored one is in range', async () => {
  const table = normal([5, 3], randomKey(3), there)
  const computed = (values: number[], shape?: number[]) => ids(values, shape).add(0)
  assert.match((await failure(embedding(table, computed([7, 99, -3, -1])).data())).message, /got -3/)
  const picked = gather(tensor([[1, 2, 3]], null, there), computed([-5, 7, 1], [1, 3]), 1)
  assert.match((await failure(picked.data())).message, /gather: .*got -5/)
  assert.equal([...(await picked.data())], [1, 3, 2])
  const labels = [0, 1, -100, 2, 0]
  const loss = (given: Tensor) => crossEntropy(table, given, { ignoreIndex: -100 })
  allClose(await loss(computed(labels)).data(), await loss(ids(labels)).data())
  assert.match((await failure(loss(computed([0, 1, -101, 2, 0])).data())).message, /got -101/)
})

onGpu('operands may start anywhere, and leave gaps between rows and planes', async () => {
  const numbers = Float32Array.from({ length: 120 }, (_, i) => i)
  const x = tensor(numbers, null, there)
  for (const start of [1, 3, 64, 65])
    assert.equal(
      [
        ...(await x
          .slice([start], [start + 9])
          .mul(2)
          .data()),
      ],
      Array.from({ length: 9 }, (_, i) => 2 * (start + i)),
    )
  const box = tensor(numbers, [2, 6, 10], there).slice([0, 0, 0], [2, 3, 4])
  const expected = [0, 1].flatMap((b) => [0, 1, 2].flatMap((r) => [0, 1, 2, 3].map((c) => 60 * b + 10 * r + c + 1)))
  assert.equal([...(await box.add(1).data())], expected)
  const cast = tensor([Number.NaN, 1.9, -1.9], null, there).cast('i32')
  assert.equal([...(await cast.data())], [0, 1, -1])
})

onGpu('what a read returns is what stood there at the call', async () => {
  const x = tensor([1, 2, 3], null, there)
  const reading = x.data()
  x.dispose()
  const y = tensor([7, 8, 9], null, there) // in the same buffer
  assert.equal([...(await reading)], [1, 2, 3])
  assert.equal([...(await y.data())], [7, 8, 9])
})

onGpu('scopes give buffers back to the pool, and the pool hands them out again', async () => {
  const run = () =>
    scope(() =>
      sum(softmax(layerNorm(matmul(normal([9, 40], randomKey(1), there), normal([40, 7], randomKey(2), there))))),
    )
  const first = await run().data()
  const { tensors, liveBytes } = memoryInfo()
  for (let i = 0; i < 50; i++) {
    const y = run()
    assert.equal(await y.data(), first)
    y.dispose()
  }
  // handles of earlier tests may be collected meanwhile
  assert.ok(memoryInfo().tensors <= tensors && memoryInfo().liveBytes <= liveBytes)
})

onGpu('a size beyond the device is an error at once', () => {
  assert.throws(
    () =>
      tensor([1], null, there)
        .expand([2 ** 31])
        .add(1),
    /allocate: expected room for .* on gpu/,
  )
})

onGpu('an error of the device that no call could catch is thrown by the next read', async () => {
  gpu!.device.createBuffer({ size: 16, usage: 0xffff })
  const x = tensor([1], null, there)
  assert.match((await failure(x.data())).message, /gpu: expected a device without errors, got .*Usage/s)
  assert.equal([...(await x.data())], [1])
})

onGpu('a lost device says so, and the library goes on with others', async () => {
  const other = await openGpu({ name: 'gpu to lose' })
  registerBackend(other)
  const x = tensor([1, 2], null, { device: 'gpu to lose' })
  const reading = x.add(1).data()
  other.device.destroy()
  await other.device.lost
  assert.match((await failure(reading)).message, /lost/)
  assert.ok(other.isLost)
  for (const use of [() => x.add(1), () => tensor([1], null, { device: 'gpu to lose' })])
    assert.throws(use, /gpu: expected a device that answers, got one that was lost.*await useDevice\('gpu'\)/)
  x.dispose()
  for (const name of ['wasm', 'gpu', 'ref'] as const) {
    await useDevice(name)
    assert.equal([...(await tensor([1, 2]).add(1).data())], [2, 3])
  }
})

onGpu('useDevice opens a lost gpu again', async () => {
  const script = `
    import { useDevice, tensor } from '@antecedent/tensor'
    import { backendOf } from '@antecedent/tensor/internal'
    await useDevice('gpu')
    const first = backendOf('gpu')
    first.device.destroy()
    await first.device.lost
    await useDevice('gpu')
    console.log(backendOf('gpu') !== first, [...(await tensor([1]).add(1).data())])`
  assert.match(runNode(script).stdout, /true \[ 2 \]/)
})

/** Runs a script in a process of its own, which must end by itself. */
function runNode(script: string, environment: Record<string, string> = {}) {
  const flags = ['-C', '@antecedent/source', '--import', 'tsx', '--input-type=module', '-e', script]
  const options = { cwd: repository, encoding: 'utf8', timeout: 60_000 } as const
  return spawnSync(process.execPath, flags, { ...options, env: { ...process.env, ...environment } })
}

onGpu('without an adapter: an error that says what to install, and no other device in its place', () => {
  const script = `
    import { useDevice, device } from '@antecedent/tensor'
    const before = device().name
    await useDevice('gpu').catch((error) => console.log(error.name, error.message, device().name === before))`
  const { stdout } = runNode(script, { VK_DRIVER_FILES: '/nonexistent.json' })
  assert.match(
    stdout,
    /DeviceError useDevice: expected a WebGPU adapter .* got none \(install .*vulkan-drivers.*\) true/s,
  )
})

onGpu('the device tells its adapter and the pipelines that ran', async () => {
  await useDevice('gpu')
  const { description, pipelines } = device()
  await useDevice('ref')
  assert.match(description, /^gpu \(WebGPU on \S.*gpu\.js 2\.24\.1/)
  assert.ok(pipelines!.includes('gpu.js:tanh/1'))
})

test('the kernel of a product depends on the limits of the device', () => {
  const limits = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16384 }
  const on = (more: object, serial = false) => ({ serial, device: { limits: { ...limits, ...more } } }) as never
  assert.is(chooseProduct(on({}), [512, 512, 512]), 'tiled')
  assert.is(chooseProduct(on({}), [2, 512, 512]), 'direct')
  assert.is(chooseProduct(on({}, true), [512, 512, 512]), 'direct')
  assert.is(chooseProduct(on({ maxComputeInvocationsPerWorkgroup: 128 }), [512, 512, 512]), 'direct')
  assert.is(chooseProduct(on({ maxComputeWorkgroupStorageSize: 4096 }), [512, 512, 512]), 'direct')
})

onGpu('tiles in workgroup memory give the same product, ragged ones too', async () => {
  const backend: Backend = await openGpu({ name: 'gpu with tiles', chooseProduct: () => 'tiled', serial: false })
  registerBackend(backend)
  for (const [m, k, n] of [
    [65, 33, 100],
    [1, 17, 3],
    [64, 16, 64],
  ] as const) {
    const [a, b] = [normal([2, m, k], randomKey(1), { device: 'ref' }), normal([n, k], randomKey(2), { device: 'ref' })]
    const expected = matmul(a, b, { transposeB: true })
    const y = matmul(a.to(backend.name), b.to(backend.name), { transposeB: true })
    allClose(await y.data(), expected.dataSync(), { rtol: 0, atol: 3e-7 * k + 1e-6 })
  }
  assert.ok(backend.pipelines!.some((name) => name.startsWith('wgsl:matmul tiled')))
})

test.run()
