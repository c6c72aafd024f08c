/** An operation whose pass computes a second one for its rules: gelu and its slope. */
import {
  gelu,
  grad,
  jvp,
  memoryInfo,
  normal,
  ones,
  randomKey,
  scope,
  sum,
  type Tensor,
  tensor,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { apply, backendOf, type Kernels, ops, registerBackend } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'

const test = suite('companions')

/** `ref`, noting every kernel of gelu that it runs. */
const calls: string[] = []
const { kernels } = backendOf('ref')
const noting: Kernels = {
  ...kernels,
  unary(name, x, y) {
    if (name.startsWith('gelu')) calls.push(name)
    kernels.unary(name, x, y)
  },
  geluWithDerivative(x, y, slope) {
    calls.push('geluWithDerivative')
    kernels.geluWithDerivative(x, y, slope)
  },
}
registerBackend({ ...backendOf('ref'), name: 'noting', kernels: noting })

const callsOf = (f: () => Tensor): string[] => {
  calls.length = 0
  scope(f).dispose()
  return [...calls]
}

test('the slope is computed where a derivative looks on, once for all directions', async () => {
  await useDevice('noting' as 'ref')
  const x = tensor([-1, 0, 2])
  assert.equal(
    callsOf(() => gelu(x)),
    ['gelu'],
  )
  const backward = () => {
    const { pullback } = vjp(gelu, x)
    const gradients = pullback(ones([14, 3]))
    pullback.dispose()
    return gradients
  }
  assert.equal(callsOf(backward), ['geluWithDerivative'])
  assert.equal(
    callsOf(() => jvp(gelu, x, ones([14, 3])).tangent),
    ['geluWithDerivative'],
  )
  assert.equal(
    callsOf(() => grad((y: Tensor) => sum(gelu(x).mul(y)))(x)),
    ['gelu'],
  )
})

test('the slope takes the place of x on the tape', async () => {
  await useDevice('ref')
  const x = normal([1000], randomKey(1))
  const before = memoryInfo()
  const { value, pullback } = scope(() => vjp((at: Tensor) => gelu(at.neg()), x))
  assert.is(memoryInfo().buffers - before.buffers, 2) // the value and the slope; −x is gone
  value.dispose()
  pullback.dispose()
  assert.is(memoryInfo().buffers, before.buffers)
})

test('no handle on the slope is left but the one of the tape, and none where only a tangent was pushed', async () => {
  await useDevice('ref')
  const x = normal([1000], randomKey(1))
  const handles = (at: Tensor) => {
    const before = memoryInfo().tensors
    const y = gelu(at)
    return [y, memoryInfo().tensors - before] as const
  }
  const counts: number[] = []
  const f = (at: Tensor) => {
    const [y, count] = handles(at)
    counts.push(count)
    return y
  }
  vjp(f, x).pullback.dispose()
  jvp(f, x, ones([1000]))
  assert.equal(counts, [2, 2]) // value and slope on the tape; value and tangent
})

test('derivatives of every order, by both modes in turn, are those of the formula', async () => {
  await useDevice('ref')
  const x = tensor(Float64Array.of(-3, -1, -0.2, 0, 0.7, 2.5))
  const direction = ones(x.shape, x)
  const reverse = (f: (x: Tensor) => Tensor) => grad((at: Tensor) => sum(f(at)))
  const forward = (f: (x: Tensor) => Tensor) => (at: Tensor) => jvp(f, at, direction).tangent
  // gelu = x Φ, gelu′ = Φ + x φ, gelu″ = φ (2 − x²), gelu‴ = φ (x³ − 4x)
  const density = x
    .square()
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI))
  const third = density.mul(x.pow(3).sub(x.mul(4)))
  for (const [i, first] of [reverse, forward].entries())
    for (const second of [reverse, forward])
      for (const last of [reverse, forward]) {
        if (i === 0)
          allClose(second(first(gelu))(x), density.mul(x.square().neg().add(2)), { rtol: 1e-12, atol: 1e-14 })
        allClose(last(second(first(gelu)))(x), third, { rtol: 1e-12, atol: 1e-14 })
      }
})

for (const device of fastDevices) {
  test(`on ${device} value and slope have the bits of the two alone, whatever the size and layout`, async () => {
    await useDevice(device)
    for (const size of [1, 2, 3, 4, 5, 7, 64, 1001, 70_003]) {
      const wide = normal([size, 2], randomKey(size)).mul(4)
      for (const x of [wide.slice([0, 0], [size, 1]), wide.slice([0, 1], [size, 2]).add(0)]) {
        const { value, pullback } = vjp(gelu, x)
        assert.equal(value.dataSync(), gelu(x).dataSync())
        assert.equal(pullback(ones(x.shape)).dataSync(), apply(ops.geluDerivative, [x], {}).dataSync())
        pullback.dispose()
      }
    }
  })
}

test.run()
