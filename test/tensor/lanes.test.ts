/** Kernels of the processor's devices that work on four lanes: rows and elements of every length, and their bits. */
import {
  full,
  grad,
  layerNorm,
  maskedSoftmax,
  normal,
  randomKey,
  sum,
  type Tensor,
  tensor,
  where,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'

const onRef = { device: 'ref' } as const

for (const device of fastDevices) {
  const test = suite(`lanes of ${device}`)
  const there = (x: Tensor): Tensor => x.to(device)

  test('layer norm with a residual has the bits of the sum and its norm, and gradients as of those', () => {
    for (const n of [1, 3, 4, 18, 37]) {
      const [x, residual] = [1, 2].map((key) => there(normal([3, 5, n], randomKey(key), onRef))) as [Tensor, Tensor]
      const [weight, bias] = [3, 4].map((key) => there(normal([n], randomKey(key), onRef))) as [Tensor, Tensor]
      const fused = (x: Tensor, residual: Tensor) => layerNorm(x, weight, bias, { eps: 1e-3, residual })
      const steps = (x: Tensor, residual: Tensor) => layerNorm(x.add(residual), weight, bias, { eps: 1e-3 })
      assert.equal(fused(x, residual).dataSync(), steps(x, residual).dataSync())
      assert.equal(fused(x, residual.at(0)).dataSync(), steps(x, residual.at(0)).dataSync())
      const gradients = (f: typeof fused) => grad(([x, r]: readonly Tensor[]) => sum(f(x!, r!).pow(3)))([x, residual])
      for (const [i, g] of gradients(fused).entries()) assert.equal(g.dataSync(), gradients(steps)[i]!.dataSync())
    }
  })

  test('masked softmax: what is masked out does not matter, what is kept does, in rows of any length', () => {
    for (let length = 1; length <= 19; length++) {
      const row = (f: (i: number) => number) => Array.from({ length }, (_, i) => f(i))
      const values = [
        row((i) => Math.sin(7 * i)),
        row((i) => (i % 3 === 1 ? Number.NaN : i)),
        row((i) => (i % 3 === 1 ? Infinity : -i)),
        row((i) => (i % 3 === 1 ? 5 : -Infinity)),
        row((i) => (i % 3 === 1 ? -1e4 : 100 - i)),
      ]
      const masks = [row((i) => Number(i % 3 !== 1)), row(() => 0), row(() => 1), row((i) => Number(i === length - 1))]
      const x = tensor(
        values.flatMap((of) => masks.map(() => of)),
        null,
        onRef,
      )
      const mask = tensor(
        values.flatMap(() => masks),
        null,
        onRef,
      ).cast('bool')
      allClose(maskedSoftmax(there(x), there(mask)).to('ref'), maskedSoftmax(x, mask), { rtol: 1e-6, atol: 1e-38 })
    }
  })

  test('comparisons, choices, fillings and conversions of any length, of every dtype', () => {
    const numbers = [0, -0, 1, -1, 2.7, -2.7, Number.NaN, Infinity, -Infinity, 3e9, -3e9, 1e-42, 7, 7]
    const dtypes = ['f32', 'i32', 'bool'] as const
    for (const length of [1, 2, 3, 4, 5, 15, 16, 17, 31, 37, 300]) {
      const drawn = (step: number) =>
        tensor(
          Array.from({ length }, (_, i) => numbers[(i * step) % numbers.length]!),
          null,
          onRef,
        )
      const same = (f: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor) => {
        const [actual, expected] = [f(there(a), there(b)), f(a, b)]
        assert.is(actual.dtype, expected.dtype)
        assert.equal([...actual.dataSync()], [...expected.dataSync()])
      }
      for (const from of dtypes) {
        const [a, b] = [drawn(1).cast(from), drawn(5).cast(from)]
        for (const to of dtypes) same((x) => x.cast(to), a, b)
        for (const name of ['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const)
          same((x, y) => x[name](y), a, b)
        same((x, y) => where(x.notEqual(y), x, y), a, b)
        same((x) => full([length], 1, { dtype: from, device: x.device as 'ref' }), a, b)
      }
      same((x) => full([length], -2.5, { device: x.device as 'ref' }), drawn(1), drawn(1))
    }
  })

  test.run()
}
