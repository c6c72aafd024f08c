/** Attention in one operation, against its steps: shapes of all kinds, masks, special values, memory. */
import {
  attention,
  expand,
  jvp,
  matmul,
  memoryInfo,
  normal,
  randomKey,
  resetPeak,
  reshape,
  scaledDotProductAttention,
  scope,
  softmax,
  swapAxes,
  type Tensor,
  tensor,
  useDevice,
  vjp,
  zeros,
} from '@antecedent/tensor'
import { apply, ops } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'
import { needsGpu } from '../support/gpu.ts'
import { compare, type Pair } from './conformance.ts'

const onRef = { device: 'ref' } as const
const drawn = (shape: readonly number[], seed: number): Tensor => normal(shape, randomKey(seed), onRef)

/** `[…, L, A d]` as `[…, A, L, d]`. */
const apart = (x: Tensor, heads: number): Tensor =>
  swapAxes(reshape(x, [...x.shape.slice(0, -1), heads, x.shape.at(-1)! / heads]), -2, -3)

const together = (x: Tensor): Tensor => {
  const [heads, rows, width] = x.shape.slice(-3) as [number, number, number]
  return reshape(swapAxes(x, -2, -3), [...x.shape.slice(0, -3), rows, heads * width])
}

const stepByStep = (heads: number, mask: Tensor | null) => (xs: readonly Tensor[]) => {
  const [q, k, v] = xs.map((x) => apart(x, heads)) as [Tensor, Tensor, Tensor]
  return together(scaledDotProductAttention(q, k, v, { mask }).y)
}

const atOnce = (heads: number, mask: Tensor | null) => (xs: readonly Tensor[]) =>
  attention(xs[0]!, xs[1]!, xs[2]!, { heads, mask })

/** Value, cotangents and tangent of a function at three operands, for one direction and for three. */
function everything(f: (xs: readonly Tensor[]) => Tensor, xs: readonly Tensor[], seed: number): Tensor[] {
  const there = (x: Tensor): Tensor => x.to(xs[0]!.device)
  const { value, pullback } = vjp(f, xs)
  const one = pullback(there(drawn(value.shape, seed)))
  const many = pullback(there(drawn([3, ...value.shape], seed + 1)))
  pullback.dispose()
  const along = jvp(
    f,
    xs,
    xs.map((x, i) => there(drawn([2, ...x.shape], seed + 2 + i))),
  ).tangent
  return [value, ...one, ...many, along]
}

/** Rows, keys, heads, and the widths of keys and values: tiles and blocks of every kind, and what does not fill them. */
const shapes = [
  [1, 1, 1, 1, 1],
  [14, 14, 3, 32, 32],
  [3, 17, 2, 5, 7],
  [1, 40, 2, 16, 64],
  [33, 1, 1, 20, 3],
  [65, 70, 2, 48, 33],
  [67, 530, 1, 32, 16],
  [130, 600, 1, 4, 4],
] as const

const test = suite('attention')

/** Every device that is here, each with the way to run its tests: without an adapter those of gpu are skipped. */
const devices = [
  ...(['ref', ...fastDevices] as const).map((device) => [device, test] as const),
  ['gpu', needsGpu(test)] as const,
]

/** A device's numbers on ref, whether it is read at once or not. */
const read = async (y: Tensor): Promise<Tensor> => tensor(await y.data(), y.shape, onRef)

for (const [device, test] of devices) {
  test(`${device}: value, cotangents and tangents are those of the steps on ref to 3e-6 of the largest`, async () => {
    for (const [i, [l, s, heads, d, e]] of shapes.entries()) {
      const make = (): Pair[] => {
        const lead = i % 2 === 0 ? [] : [2]
        const xs = [
          drawn([...lead, l, heads * d], i),
          drawn([...lead, s, heads * d], i + 9),
          drawn([...lead, s, heads * e], i + 19),
        ]
        const mask = drawn(i % 3 === 0 ? [l, s] : [1, s], i + 29)
        const expected = everything(stepByStep(heads, mask), xs, 70)
        const moved = xs.map((x) => x.to(device))
        return everything(atOnce(heads, mask.to(device)), moved, 70).map((y, k) => [y, expected[k]!])
      }
      await compare(device, make, (y) => ({ rtol: 0, atol: 3e-6 * Math.max(1, y.abs().max().item()) }))
    }
  })

  test(`${device}: a row that may attend to nothing gives zeros, and no gradient flows from it`, async () => {
    const [l, s, heads, d] = [5, 21, 2, 16]
    const xs = [l, s, s].map((n, i) => drawn([n, heads * d], i).to(device))
    const shut = Array.from({ length: l * s }, (_, i) => (i < s || i % 3 === 0 ? Number.NEGATIVE_INFINITY : 0))
    const mask = tensor(shut, [l, s], { device })
    const { value, pullback } = vjp(atOnce(heads, mask), xs as readonly Tensor[])
    assert.ok([...(await value.data())].slice(0, heads * d).every((x) => x === 0))
    const only = tensor([1, ...new Array(l - 1).fill(0)], [l, 1], { device }) // the cotangent of the first row alone
    for (const g of pullback(expand(only, value.shape))) assert.ok([...(await g.data())].every((x) => x === 0))
    const along = jvp(atOnce(heads, mask), xs as readonly Tensor[], xs).tangent
    assert.ok([...(await along.data())].slice(0, heads * d).every((x) => x === 0))
    const onRefToo = await Promise.all([mask, ...xs].map(read))
    allClose(await read(value), stepByStep(heads, onRefToo[0]!)(onRefToo.slice(1)), { rtol: 0, atol: 1e-6 })
  })

  test(`${device}: a NaN in a query spoils its row and no other, one in a key spoils all`, async () => {
    const [q, k, v] = [0, 1, 2].map((i) => drawn([18, 16], i)) as [Tensor, Tensor, Tensor]
    const spoilt = (x: Tensor, row: number) => {
      const numbers = Float32Array.from(x.dataSync())
      numbers[row * 16 + 3] = Number.NaN
      return tensor(numbers, x.shape, { device })
    }
    const rowsOf = async (y: Tensor) => {
      const numbers = [...(await y.data())]
      return Array.from({ length: 18 }, (_, i) => numbers.slice(i * 16, i * 16 + 16).every(Number.isNaN))
    }
    const byQuery = await rowsOf(attention(spoilt(q, 7), k.to(device), v.to(device)))
    assert.equal(
      byQuery,
      byQuery.map((_, i) => i === 7),
    )
    assert.ok((await rowsOf(attention(q.to(device), spoilt(k, 17), v.to(device)))).every(Boolean))
  })

  test(`${device}: no key gives zeros, no row gives nothing`, async () => {
    const [some, none] = [drawn([3, 4], 1).to(device), zeros([0, 4], { device })]
    assert.equal([...(await attention(some, none, none).data())], new Array(12).fill(0))
    assert.equal(attention(none, some, some).shape, [0, 4])
    const { pullback } = vjp(([q, k, v]: readonly Tensor[]) => attention(q!, k!, v!), [
      none,
      some,
      some,
    ] as readonly Tensor[])
    // the cotangents' buffer comes from the pool, full of other numbers
    scope(() => void zeros([24], { device }).add(7))
    const [, dk, dv] = pullback(zeros([0, 4], { device }))
    for (const g of [dk!, dv!]) assert.equal([...(await g.data())], new Array(12).fill(0))
  })
}

for (const [device, test] of devices) {
  test(`${device}: directions along two axes, in any order, are those taken one by one, to 1e-6`, async () => {
    const [q, k, v] = [0, 1, 2].map((i) => drawn([5, 8], i).to(device)) as [Tensor, Tensor, Tensor]
    const mask = zeros([2, 5, 5], { device })
    const attrs = { heads: 2, scale: 0.5 }
    const d = swapAxes(drawn([4, 2, 5, 8], 9).to(device), 0, 1) // [2, 4, 5, 8]
    const all = apply(ops.attentionPullback, [d, q, k, v, mask], attrs).reshape([3, 2, 4, 5, 8])
    const along = apply(ops.attentionPushforward, [d, d, d, q, k, v, mask], attrs)
    for (const i of [0, 1])
      for (const j of [0, 1, 2, 3]) {
        const one = d.at(i, j)
        const parts = apply(ops.attentionPullback, [one, q, k, v, mask], attrs).reshape([3, 5, 8])
        allClose(await read(all.at(':', i, j)), await read(parts), { rtol: 1e-6, atol: 1e-6 })
        const tangent = apply(ops.attentionPushforward, [one, one, one, q, k, v, mask], attrs)
        allClose(await read(along.at(i, j)), await read(tangent), { rtol: 1e-6, atol: 1e-6 })
      }
  })
}

test('hidden keys, at −10000, have a probability of exactly 0', async () => {
  await useDevice('wasm')
  const [q, k, v] = [0, 1, 2].map((i) => normal([6, 16], randomKey(i))) as [Tensor, Tensor, Tensor]
  const mask = tensor([0, 0, -10000, 0, -10000, -10000], [1, 6])
  const other = v.add(tensor([0, 0, 7, 0, -5, 9], [6, 1]))
  assert.equal(attention(q, k, v, { mask }).dataSync(), attention(q, k, other, { mask }).dataSync())
})

test('leading axes broadcast, and their cotangents are summed back', async () => {
  await useDevice('ref')
  const xs = [drawn([4, 3, 8], 1), drawn([5, 8], 2), drawn([1, 5, 8], 3)]
  const mask = drawn([3, 5], 4)
  const expected = everything(stepByStep(2, mask), xs, 40)
  for (const [k, y] of everything(atOnce(2, mask), xs, 40).entries())
    allClose(y, expected[k]!, { rtol: 1e-5, atol: 1e-5 })
})

test('memory grows with the length: no probabilities are kept for the way back', async () => {
  await useDevice('wasm')
  const [l, heads, d] = [512, 4, 16]
  const xs = [0, 1, 2].map((i) => normal([l, heads * d], randomKey(i))) as readonly Tensor[]
  const probabilities = heads * l * l * 4
  const cost = (f: (xs: readonly Tensor[]) => Tensor): number => {
    const before = memoryInfo().liveBytes
    resetPeak()
    scope(() => {
      const { value, pullback } = vjp(f, xs)
      void pullback(value)
      pullback.dispose()
    })
    return memoryInfo().peakBytes - before
  }
  assert.ok(cost(stepByStep(heads, null)) > 2 * probabilities)
  assert.ok(cost(atOnce(heads, null)) < probabilities / 2)
})

test('one head without options is the textbook formula', async () => {
  await useDevice('ref')
  const [q, k, v] = [drawn([3, 4], 1), drawn([5, 4], 2), drawn([5, 2], 3)]
  allClose(attention(q, k, v), matmul(softmax(matmul(q, k, { transposeB: true }).mul(0.5)), v), {
    rtol: 1e-6,
    atol: 1e-6,
  })
  assert.throws(() => attention(q, k, v, { heads: 3 }), /a number of heads that divides/)
  assert.throws(() => attention(q, v, v), /q \[…, L, D\]/)
  assert.throws(() => attention(q, k, v, { scale: Number.NaN }), /a finite scale/)
  assert.throws(() => attention(q, k, v, { mask: tensor([1, 2]) }), /ShapeError|expected/)
})

test.run()
