/**
 * Shapes beyond what gpu.js and WebGPU count or bind at once: more than 1,000 steps of a loop, more than 2²⁴ elements,
 * a table of the size of BERT's, tensors larger than one binding. Each against what is known of the answer, or `ref`.
 */
import {
  argmax,
  concat,
  cumsum,
  dispose,
  embedding,
  grad,
  logSumExp,
  matmul,
  max,
  mul,
  normal,
  randomKey,
  scope,
  softmax,
  sort,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@antecedent/tensor'
import { backendOf, registerBackend } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openGpu } from '../../packages/tensor/src/backends/gpu/index.ts'
import { gpu, gpuPromises, needsGpu } from '../support/gpu.ts'
import { compare, conformance, type Pair } from './conformance.ts'

const test = suite('limits of gpu')
const onGpu = needsGpu(test)
const there = { device: 'gpu' } as const
const onRef = { device: 'ref' } as const
const million = 2 ** 20

/** Frees what a test made, the pool too: these tensors are large. */
async function read(make: () => Tensor): Promise<ArrayLike<number>> {
  const y = scope(make)
  const data = await y.data()
  y.dispose()
  return data
}

onGpu('rows of 5,000: sums, products, softmax and sorting go on after a thousand', () =>
  compare(
    'gpu',
    () => {
      const x = normal([3, 5000], randomKey(1), onRef)
      const y = x.to('gpu')
      const of = (f: (x: Tensor) => Tensor): Pair => [f(y), f(x)]
      return [
        ...[of((x) => sum(x, -1)), of((x) => max(x, -1)), of((x) => argmax(x, -1)), of((x) => logSumExp(x, -1))],
        ...[of((x) => softmax(x)), of((x) => cumsum(x)), of((x) => sort(x).values), of((x) => sort(x).indices)],
        of((x) => matmul(x, x, { transposeB: true })),
      ]
    },
    (expected) => ({ rtol: 1e-5, atol: 1e-4 * (expected.shape.length === 2 && expected.shape[1] === 3 ? 10 : 1) }),
  ),
)

onGpu('70,000 products in a batch, more than workgroups along one dimension', async () => {
  const n = 70_000
  const factors = Float32Array.from({ length: n }, (_, i) => i)
  const products = await read(() =>
    matmul(
      tensor([1, 2, 3, 4], [1, 2, 2], there),
      tensor(factors, [n, 1, 1], there).mul(tensor([[1], [10]], null, there)),
    ),
  )
  assert.is(products.length, 2 * n)
  for (const i of [0, 65_534, 65_535, 65_536, n - 1])
    assert.equal([products[2 * i], products[2 * i + 1]], [21 * i, 43 * i])
})

onGpu('of equal elements the first wins, wherever threads found them', async () => {
  const row = new Float32Array(5000)
  for (const i of [4900, 700, 64, 3000]) row[i] = 1
  const x = tensor(row, null, there)
  assert.equal([...(await argmax(x).data()), ...(await argmax(x.mul(0)).data())], [64, 0])
})

onGpu('20 million elements: the last ones are those of their index', async () => {
  const n = 20 * million
  assert.ok(n > 2 ** 24)
  const numbers = Float32Array.from({ length: n }, (_, i) => i % 4093)
  const x = tensor(numbers, null, there)
  const doubled = await read(() => mul(x, 2))
  for (const i of [0, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, n - 2, n - 1]) assert.is(doubled[i], 2 * (i % 4093))
  const repeated = await read(() => mul(x.reshape([n / 4096, 4096]), tensor([[3]], null, there)).at(-1))
  for (const k of [0, 4095]) assert.is(repeated[k], 3 * ((n - 4096 + k) % 4093))
  const total = numbers.reduce((a, b) => a + b, 0)
  allClose(Array.from(await read(() => sum(x))), [total], { rtol: 1e-6 })
  const marked = await read(() => argmax(concat([x, tensor([1e6], null, there), x.slice([0], [5])])))
  assert.is(marked[0], n)
  x.dispose()
})

onGpu('an embedding of 30,522 rows of 768, and its gradient', async () => {
  const [rows, width] = [30522, 768]
  const numbers = Float32Array.from({ length: rows * width }, (_, i) => (i % 8191) - 4000)
  const table = tensor(numbers, [rows, width], there)
  const ids = [0, 30521, 21846, 21845, 30521] // 2²⁴ / 768 = 21845.3
  const indices = tensor(Int32Array.from(ids), null, there)
  const taken = await read(() => embedding(table, indices))
  for (const [i, id] of ids.entries())
    for (const k of [0, 255, 767]) assert.is(taken[i * width + k], numbers[id * width + k])
  const slope = await read(() => grad((table: Tensor) => sum(mul(embedding(table, indices), 2)))(table).sum(-1))
  for (const [id, times] of [
    [0, 1],
    [30521, 2],
    [21846, 1],
    [21845, 1],
    [7, 0],
  ] as const)
    assert.is(slope[id], 2 * times * width)
  dispose([table, indices])
})

onGpu('tensors larger than one binding: elementwise, reduced, gathered, multiplied', async () => {
  const { bindingLimit } = gpu!.engine
  // drivers that bind more get no larger tensors: what a cut binding gives is tested below, at a lower limit
  const [rows, width] = [36 * 1024, 1024]
  if (rows * width * 4 <= bindingLimit) return
  const numbers = Float32Array.from({ length: rows * width }, (_, i) => (i % 1021) - 510)
  const x = tensor(numbers, [rows, width], there)
  const last = (rows - 1) * width
  const product = await read(() => mul(x, x).at(-1))
  for (const k of [0, 1023]) assert.is(product[k], numbers[last + k]! ** 2)
  const perRow = await read(() => sum(x, -1))
  const perColumn = await read(() => sum(x, 0))
  const sums = [0, 0]
  for (let k = 0; k < width; k++) sums[0]! += numbers[last + k]!
  for (let i = 0; i < rows; i++) sums[1]! += numbers[i * width + width - 1]!
  assert.is(perRow[rows - 1], sums[0])
  allClose([perColumn[width - 1]!], [sums[1]!], { rtol: 1e-6, atol: 1 })
  const taken = await read(() => embedding(x, tensor(Int32Array.from([rows - 1, 5]), null, there)))
  for (const k of [0, 1023]) assert.equal([taken[k], taken[width + k]], [numbers[last + k], numbers[5 * width + k]])
  const picked = await read(() =>
    matmul(
      x,
      tensor(
        Float32Array.from({ length: width }, (_, k) => Number(k === 3)),
        [width, 1],
        there,
      ),
    ),
  )
  assert.is(picked[rows - 1], numbers[last + 3])
  const turned = await read(() => matmul(zeros([1, rows], there).add(1), x))
  allClose([turned[width - 1]!], [sums[1]!], { rtol: 1e-5, atol: 5 })
  x.dispose()
})

test.run()

// every kernel again on a device that binds 256 KiB at once, so that the cases of models' size are cut
const narrow = 'gpu that binds 256 KiB'
if (gpu) registerBackend(await openGpu({ name: narrow, bindingLimit: 2 ** 18 }))
const cut = conformance(narrow, gpuPromises, gpu !== null)
const alsoCut = gpu ? cut : cut.skip
alsoCut('a row that does not fit is reduced in halves, and a table adds up rows in each of its parts', async () => {
  const n = 200_000
  const numbers = Float32Array.from({ length: n }, (_, i) => i % 7)
  const there = { device: narrow }
  const x = tensor(numbers, null, there)
  assert.is(
    (await read(() => sum(x)))[0],
    numbers.reduce((a, b) => a + b, 0),
  )
  numbers[n - 5] = 9
  const last = tensor(numbers, null, there)
  assert.is((await read(() => max(last)))[0], 9)
  const [rows, width] = [4000, 64]
  const table = zeros([rows, width], there)
  const index = tensor(Int32Array.from([0, 3999, 1999, 2000, 3999]), null, there)
  const times = await read(() => grad((table: Tensor) => sum(embedding(table, index)))(table).sum(-1))
  for (const [row, count] of [
    [0, 1],
    [1999, 1],
    [2000, 1],
    [3999, 2],
    [1, 0],
    [3000, 0],
  ] as const)
    assert.is(times[row], count * width)
})
alsoCut('a product of 512 KiB takes two dispatches there, and one on the device itself', async () => {
  for (const [name, expected] of [
    [narrow, 2],
    ['gpu', 1],
  ] as const) {
    const { ran } = (backendOf(name) as NonNullable<typeof gpu>).engine
    const before = ran.get('gpu.js:mul/1.1') ?? 0
    await read(() => zeros([128, 1024], { device: name }).mul(zeros([128, 1024], { device: name })))
    assert.is(ran.get('gpu.js:mul/1.1')! - before, expected)
  }
})
cut.run()
