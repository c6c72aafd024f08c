/** The micro-benchmark's parts that compute no time: which kernels on which devices, and what bounds them. */
import { wasmBackend } from '@antecedent/tensor/internal'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelCases } from '../bench/micro/cases.ts'
import { casesOf, kernelSides, kernelTable } from '../bench/micro/kernels.ts'
import { arithmetic, copying } from '../bench/micro/limits.ts'
import { bytesTouched, permuted, repeated, Workbench } from '../bench/micro/workbench.ts'

const test = suite('parts of the micro-benchmark')

test('kernels: sides, cases, and what they touch', () => {
  const names = (...given: Parameters<typeof kernelSides>) =>
    kernelSides(...given).map(({ device, threads }) => device + threads)
  assert.equal(names(undefined, undefined, true), ['ref1', 'wasm1', 'wasm2', 'blas1', 'blas2'])
  assert.equal(names(undefined, 4, false), ['ref1', 'wasm4'])
  assert.equal(names('blas', 1, false), ['blas1'])
  assert.equal(names('gpu', undefined, true), ['gpu1'], 'a GPU only where it is asked for')
  assert.is(new Set(kernelCases.map(({ name }) => name)).size, kernelCases.length, 'names are apart')
  assert.ok(casesOf({ device: 'blas', threads: 1 }).every(({ kernel }) => kernel === 'matmul'))
  assert.equal(
    casesOf({ device: 'wasm', threads: 1 }, 'tanh').map(({ name }) => name),
    ['tanh'],
  )
  const bench = new Workbench(wasmBackend())
  const row = bench.floats([4])
  assert.is(bytesTouched([repeated(row, 100), permuted(bench.result([2, 3]), [1, 0]), bench.bools([5])]), 16 + 24 + 5)
  bench.release()
})

test('limits: the sums of the arithmetic are those of s/2 + 1, and a copy is one', () => {
  const wasm = wasmBackend()
  const { heap } = wasm.engine
  const first = arithmetic(wasm)
  first.run()
  const at = heap.allocate(64)
  // one unit, one loop: six chains from 1 and six from 1/2, added up
  wasm.engine.run('peak', [at, 1, 0x3f000000, 0x3f800000], 1, 1)
  assert.equal([...new Float32Array(heap.buffer, at, 4)], [16.5, 16.5, 16.5, 16.5])
  assert.is(first.work, 64 * 4000 * 96)
  first.release()
  const copy = copying(wasm, 1000)
  assert.is(copy.work, 1024, 'whole lines, half read and half written')
  const [from, to] = [heap.allocate(200 * 64), heap.allocate(200 * 64)]
  new Uint8Array(heap.buffer, from, 200 * 64).forEach((_, i, all) => {
    all[i] = i % 251
  })
  new Uint8Array(heap.buffer, to, 200 * 64).fill(0)
  wasm.engine.run('copyLines', [from, to], 199, 7)
  const copied = new Uint8Array(heap.buffer, to, 200 * 64)
  assert.ok(copied.every((x, i) => x === (i < 199 * 64 ? i % 251 : 0)))
  copy.run()
  copy.release()
})

test('the table of kernels names each once, and prints shares of the limit', () => {
  const rate = { unit: 'GFLOP/s', value: 30, limit: 40 } as const
  const row = {
    name: 'matmul',
    device: 'wasm',
    threads: 1,
    seconds: 0.001,
    rate,
    share: 0.75,
    nsPerElement: null,
  } as const
  const lines = kernelTable([row, { ...row, threads: 2, share: 0.6, nsPerElement: 0.5 }])
  assert.match(lines[1]!, /^matmul +wasm +1 +1\.00 ms +30\.0 +40\.0 +GFLOP\/s +75 %$/)
  assert.match(lines[2]!, /^ +wasm +2 +1\.00 ms +0\.500 +30\.0 +40\.0 +GFLOP\/s +60 %$/)
})

test.run()
