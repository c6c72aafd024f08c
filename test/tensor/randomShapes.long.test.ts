/** Ten thousand random shapes and layouts of products, and of each fused operation, against `ref`. */
import {
  attention,
  concat,
  contiguous,
  gelu,
  grad,
  jvp,
  layerNorm,
  linear,
  maskedSoftmax,
  matmul,
  memoryInfo,
  normal,
  randomKey,
  reshape,
  scope,
  slice,
  softmax,
  sum,
  swapAxes,
  type Tensor,
  uniform,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'

const times = 10_000
const onRef = { device: 'ref' } as const

/** Whole numbers from 1 on, small ones more often, the same in every run. */
function stream(seed: number): (most: number) => number {
  let state = seed
  return (most) => {
    state = (state * 48271) % 2147483647
    return 1 + Math.floor((state / 2147483647) ** 2 * most)
  }
}

/** x at another place in memory: turned, or a part of something larger. */
function laid(x: Tensor, way: number): Tensor {
  if (way === 1) return swapAxes(contiguous(swapAxes(x, -1, -2)), -1, -2)
  if (way !== 2 || x.dtype === 'bool') return x
  const wide = x.shape.map((n) => n + 3)
  const around = normal(wide, randomKey(9), { device: x.device as 'ref' })
  return slice(
    around,
    x.shape.map(() => 2),
    x.shape.map((n) => n + 2),
  )
    .mul(0)
    .add(x)
}

for (const device of fastDevices) {
  const test = suite(`random shapes on ${device}`)
  const check = (
    name: string,
    f: (xs: Tensor[]) => Tensor,
    make: (next: (most: number) => number, i: number) => Tensor[],
    bound: number,
  ) =>
    test(`${name}: ${times} shapes agree with ref to ${bound} of the largest sum of sizes`, () => {
      const next = stream(name.length + 7)
      for (let i = 0; i < times; i++) {
        scope(() => {
          const inputs = make(next, i)
          const way = next(3) - 1
          const expected = f(inputs)
          const y = f(inputs.map((x) => (x.rank > 1 ? laid(x.to(device), way) : x.to(device))))
          // sums round in proportion to the sum of sizes, not to what is left of it
          const sizes = name === 'matmul' || name === 'linear' ? f(inputs.map((x) => x.abs())) : expected.abs()
          const size = Math.max(1, sizes.max().item())
          allClose(y.to('ref'), expected, { rtol: 0, atol: bound * size })
        })
      }
    })
  const drawn = (shape: number[], i: number) => normal(shape, randomKey(i), onRef)

  check(
    'matmul',
    ([a, b]) => matmul(a!, b!),
    (next, i) => {
      const [m, k, n] = [next(70), next(90), next(70)]
      const batch = next(4) === 1 ? [next(5)] : []
      return [drawn([...batch, m, k], i), drawn([...(next(2) === 1 ? batch : []), k, n], i + 1)]
    },
    3e-6,
  )
  check(
    'linear',
    ([x, w, b]) => linear(x!, w!, b!),
    (next, i) => {
      const [k, n] = [next(90), next(70)]
      return [drawn([next(3), next(40), k], i), drawn([n, k], i + 1), drawn([n], i + 2)]
    },
    3e-6,
  )
  check(
    'layer norm, and its gradient',
    ([x, w, b]) => grad((x: Tensor) => sum(layerNorm(x, w!, b!, { eps: 1e-3 }).square()))(x!),
    (next, i) => {
      const n = next(80)
      return [drawn([next(6), next(9), n], i), drawn([n], i + 1), drawn([n], i + 2)]
    },
    2e-5,
  )
  check(
    'layer norm with a residual',
    ([x, residual, w, b]) => layerNorm(x!, w!, b!, { eps: 1e-3, residual: residual! }),
    (next, i) => {
      const n = next(80)
      const shape = [next(6), next(9), n]
      return [drawn(shape, i), drawn(shape, i + 1), drawn([n], i + 2), drawn([n], i + 3)]
    },
    3e-6,
  )
  check(
    'softmax, and its gradient',
    ([x]) => grad((x: Tensor) => sum(softmax(x).square()))(x!),
    (next, i) => [drawn([next(20), next(90)], i)],
    3e-6,
  )
  check(
    'masked softmax',
    ([x, mask]) => maskedSoftmax(x!, mask!),
    (next, i) => {
      const shape = [next(20), next(90)]
      return [drawn(shape, i), uniform(shape, randomKey(i + 1), onRef).less(0.6)]
    },
    3e-6,
  )
  check(
    'gelu, and its gradient',
    ([x]) => grad((x: Tensor) => sum(gelu(x).square()))(x!.mul(3)),
    (next, i) => [drawn([next(30), next(90)], i)],
    2e-6,
  )
  const heads = (next: (most: number) => number, i: number): Tensor[] => {
    const [l, s, count, d, e] = [next(80), next(90), next(4), next(40), next(40)]
    const lead = next(4) === 1 ? [next(3)] : []
    const mask = drawn([...lead, next(2) === 1 ? count : 1, next(2) === 1 ? l : 1, s], i + 3)
    return [
      drawn([...lead, l, count * d], i),
      drawn([...lead, s, count * d], i + 1),
      drawn([...lead, s, count * e], i + 2),
      mask,
    ]
  }
  /** As many heads as the mask says, else as many as divide both widths. */
  const attended = (mask: Tensor) => (xs: readonly Tensor[]) => {
    const both = xs.map((x) => x.shape.at(-1)!)
    const count = [4, 3, 2, 1].find(
      (n) => both.every((width) => width % n === 0) && [1, n].includes(mask.shape.at(-3)!),
    )
    return attention(xs[0]!, xs[1]!, xs[2]!, { heads: count!, mask })
  }
  check('attention', ([q, k, v, mask]) => attended(mask!)([q!, k!, v!]), heads, 3e-6)
  check(
    "attention's cotangents",
    ([q, k, v, mask]) => {
      const energy = (xs: readonly Tensor[]) => sum(attended(mask!)(xs).square())
      return concat(grad(energy)([q!, k!, v!] as readonly Tensor[]).map((g) => reshape(g, [g.size])))
    },
    heads,
    5e-6,
  )
  check(
    "attention's tangent",
    ([q, k, v, mask]) => jvp(attended(mask!), [q!, k!, v!] as readonly Tensor[], [q!, k!, v!]).tangent,
    heads,
    5e-6,
  )

  test('and nothing stays behind', () => {
    assert.is(memoryInfo().tensors, 0)
  })
  test.run()
}
