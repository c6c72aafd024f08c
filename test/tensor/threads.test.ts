/** The wasm device's threads and memory: what does not depend on them, and what happens where they fail. */
import { Worker } from 'node:worker_threads'
import {
  attention,
  gelu,
  grad,
  jvp,
  layerNorm,
  matmul,
  memoryInfo,
  normal,
  randomKey,
  scope,
  softmax,
  sum,
  type Tensor,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wasmBackend } from '../../packages/tensor/src/backends/wasm/index.ts'
import { Heap, newMemory } from '../../packages/tensor/src/backends/wasm/memory.ts'

const test = suite('threads')

/** Products, rows and elements large enough for many chunks, forward and backward. */
function work(): Float32Array {
  return scope(() => {
    const x = normal([9, 70, 64], randomKey(1))
    const w = normal([64, 300], randomKey(2))
    const f = (w: Tensor) => sum(softmax(layerNorm(gelu(matmul(x, w)))).square())
    const few = matmul(normal([3, 900], randomKey(3)), normal([900, 700], randomKey(4)))
    const heads = [4, 5, 6].map((i) => normal([70, 4 * 16], randomKey(i))) as readonly Tensor[]
    const attended = (xs: readonly Tensor[]) => attention(xs[0]!, xs[1]!, xs[2]!, { heads: 4 })
    const { value, pullback } = vjp(attended, heads)
    const along = jvp(attended, heads, heads).tangent
    const all = [
      value,
      ...pullback(value),
      along,
      grad(f)(w),
      few,
      x.sum([0, 1]),
      x.add(normal([64], randomKey(5))).exp(),
    ]
    return Float32Array.from(all.flatMap((y) => [...y.dataSync()]))
  })
}

/** uvu would draw the difference of all elements, which takes minutes. */
function assertSameBits(actual: Float32Array, expected: Float32Array): void {
  const at = expected.findIndex((x, i) => !Object.is(x, actual[i]))
  assert.ok(at < 0 && actual.length === expected.length, `element ${at}: ${actual[at]} for ${expected[at]}`)
}

test('1, 2, 3 and 4 threads give the same bits', async () => {
  await useDevice('wasm', { threads: 1 })
  const alone = work()
  for (const threads of [2, 3, 4, 2]) {
    const { description } = await useDevice('wasm', { threads })
    assert.match(description, `${threads} threads`)
    for (let again = 0; again < 20; again++) assertSameBits(work(), alone)
    await new Promise((resolve) => setTimeout(resolve, 50)) // workers that have started by now take part
    for (let again = 0; again < 20; again++) assertSameBits(work(), alone)
  }
})

test('no number of threads but a positive whole one', async () => {
  for (const threads of [0, -1, 1.5, Number.NaN])
    try {
      await useDevice('wasm', { threads })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /positive number of threads/)
    }
})

const settle = () => new Promise((resolve) => setTimeout(resolve, 100))

test('a worker that dies is an error that says so, once; then the others go on', async () => {
  const backend = wasmBackend()
  const { threads } = backend.engine
  backend.setThreads!(3)
  const buffer = backend.allocate('f32', 100_000)
  const y = { buffer, shape: [100_000], strides: [1], offset: 0 }
  backend.kernels.fill(1, y)
  backend.kernels.unary('neg', y, y)
  await settle()
  threads.endWorker(0)
  await settle()
  assert.throws(() => backend.kernels.unary('neg', y, y), /a worker that ended.*the next one runs/)
  assert.is(threads.count, 2)
  backend.kernels.fill(2, y)
  backend.kernels.unary('neg', y, y)
  assert.ok(backend.readSync(y).every((value) => value === -2))
  backend.setThreads!(1)
})

test('two devices of their own in one process do not meet', () => {
  const [a, b] = [wasmBackend(), wasmBackend()]
  const made = [a, b].map((backend, i) => {
    const buffer = backend.allocate('f32', 50_000)
    const y = { buffer, shape: [50_000], strides: [1], offset: 0 }
    backend.kernels.fill(i + 1, y)
    for (let k = 0; k < 20; k++) backend.kernels.unary('square', y, y)
    return backend.readSync(y)
  })
  assert.ok(made[0]!.every((x) => x === 1))
  assert.ok(made[1]!.every((x) => x === Number.POSITIVE_INFINITY))
  for (const backend of [a, b]) backend.setThreads!(1)
})

test('the library works inside a worker, with threads of its own', async () => {
  const module = new URL('../../packages/tensor/dist/index.js', import.meta.url).href
  const program = `
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(module)}).then(async ({ normal, randomKey, matmul, useDevice }) => {
      const { description } = await useDevice('wasm', { threads: 2 })
      const a = normal([300, 300], randomKey(1))
      let y
      for (let i = 0; i < 50; i++) y = matmul(a, a)
      parentPort.postMessage({ description, data: y.dataSync() })
    })`
  const worker = new Worker(program, { eval: true, execArgv: [] })
  const answer = await new Promise<{ description: string; data: Float32Array }>((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
  })
  await worker.terminate()
  await useDevice('wasm', { threads: 1 })
  const a = normal([300, 300], randomKey(1))
  assert.match(answer.description, '2 threads')
  assert.equal(answer.data, matmul(a, a).dataSync())
})

test('a module that does not compile is a DeviceError', () => {
  const { Module } = WebAssembly
  Object.assign(WebAssembly, {
    Module: class {
      constructor() {
        throw new WebAssembly.CompileError('no SIMD here')
      }
    },
  })
  try {
    assert.throws(() => wasmBackend(), /useDevice: expected WebAssembly with SIMD.*no SIMD here/)
  } finally {
    WebAssembly.Module = Module
  }
})

test('memory that is not shared computes the same on one thread, and says so', async () => {
  await useDevice('wasm', { threads: 1 })
  const expected = work()
  const { SharedArrayBuffer: shared, process } = globalThis
  try {
    Object.assign(globalThis, { SharedArrayBuffer: undefined, process: undefined })
    const backend = wasmBackend()
    assert.match(backend.description, /1 thread, for the page is not cross-origin isolated/)
    const { registerBackend } = await import('@antecedent/tensor/internal')
    registerBackend({ ...backend, name: 'wasm-alone', description: backend.description })
    await useDevice('wasm-alone' as 'wasm')
    assertSameBits(work(), expected)
  } finally {
    Object.assign(globalThis, { SharedArrayBuffer: shared, process })
    await useDevice('wasm')
  }
})

test('the heap joins what was freed, and never hands out a byte twice', () => {
  const heap = new Heap(newMemory(true), 1000)
  let seed = 7
  const next = () => {
    seed = (seed * 48271) % 2147483647
    return seed / 2147483647
  }
  const held: { at: number; bytes: number }[] = []
  let most = 0
  for (let i = 0; i < 5000; i++) {
    if (held.length > 40 || (held.length > 0 && next() < 0.45)) {
      const [{ at, bytes }] = held.splice(Math.floor(next() * held.length), 1) as [{ at: number; bytes: number }]
      heap.free(at, bytes)
      continue
    }
    const bytes = Math.ceil(next() ** 3 * 300_000)
    const at = heap.allocate(bytes)
    assert.is(at % 64, 0)
    for (const other of held) assert.ok(at + bytes <= other.at || other.at + other.bytes <= at, 'blocks overlap')
    held.push({ at, bytes })
    most = Math.max(
      most,
      held.reduce((total, block) => total + block.bytes, 0),
    )
  }
  assert.ok(heap.buffer.byteLength < 3 * most, 'memory grew far beyond what was held')
  for (const { at, bytes } of held) heap.free(at, bytes)
  const { byteLength } = heap.buffer
  heap.free(heap.allocate(most), most)
  assert.is(heap.buffer.byteLength, byteLength)
})

test('more than memory can hold is a MemoryError, and what was there stays', async () => {
  await useDevice('wasm', { threads: 2 })
  const before = memoryInfo().tensors
  const x = normal([1000], randomKey(1))
  const sums = x.sum().item()
  assert.throws(() => scope(() => x.expand([3_000_000, 1000]).add(1)), /MemoryError|room for|memory/)
  assert.is(x.sum().item(), sums)
  x.dispose()
  assert.is(memoryInfo().tensors - before, 2) // the two sums
})

test.run()
