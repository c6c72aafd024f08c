/** Dropout: which elements, on every device, and that derivatives drop the same ones. */
import {
  checkpoint,
  dropout,
  grad,
  jvp,
  normal,
  ones,
  randomKey,
  scope,
  stack,
  sum,
  type Tensor,
  tensor,
  uniform,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { backendOf, type Kernels, registerBackend } from '@antecedent/tensor/internal'
import { allClose, checkGradients, checkSecondGradients } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { philox } from '../../packages/tensor/src/random/philox.ts'
import { fastDevices } from '../support/devices.ts'
import { gpu } from '../support/gpu.ts'

const test = suite('dropout')
const devices = ['ref', ...fastDevices, ...(gpu ? (['gpu'] as const) : [])] as const

/** x / (1 − rate) in f32 where the words of the definition keep it, else 0. */
function literal(x: Float32Array, rate: number, key: readonly [number, number], period = x.length): Float32Array {
  const factor = Math.fround(1 / (1 - rate))
  return x.map((value, i) => {
    const place = i % period
    const word = philox([Math.floor(place / 4), 0, 6, 0], key)[place % 4]!
    return (word >>> 8) / 2 ** 24 >= rate ? value * factor : 0
  })
}

/** uvu would draw the difference of all elements, which takes minutes. */
function assertSameBits(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(actual.length, expected.length, what)
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) assert.unreachable(`${what}, ${i}: ${actual[i]} for ${expected[i]}`)
  }
}

const lengths = [0, 1, 3, 4, 5, 15, 16, 17, 31, 1023, 4096, 4097, 100_003]
const keys = [randomKey(1), randomKey(2 ** 53 - 1), [0xffffffff, 0x80000000]] as const

test('the words of Philox decide, four elements a call, with the same bits on every device', async () => {
  for (const device of devices) {
    await useDevice(device)
    for (const [k, n] of lengths.entries()) {
      const [key, rate] = [keys[k % 3]!, [0.3, 0.5, 0.999][k % 3]!]
      const x = uniform([n], randomKey(n), { low: 1, high: 2 })
      const [data, dropped] = [await x.data(), await dropout(x, rate, key).data()]
      assertSameBits(dropped, literal(data as Float32Array, rate, key), `${device}, ${n} elements`)
    }
  }
})

test('rates at the ends of the words, and at one of them, which keeps its element', async () => {
  const atWord = (philox([3, 0, 6, 0], keys[2])[1] >>> 8) / 2 ** 24
  assert.ok(literal(new Float32Array(16).fill(1), atWord, keys[2])[13]! > 0)
  for (const device of devices) {
    await useDevice(device)
    const x = ones([4096])
    for (const rate of [2 ** -60, 2 ** -24, 1 - 2 ** -24, 1 - 2 ** -40, atWord]) {
      const expected = literal(new Float32Array(4096).fill(1), rate, keys[2])
      assertSameBits(await dropout(x, rate, keys[2]).data(), expected, `${device}, rate ${rate}`)
    }
  }
})

test('what is dropped is 0 even where it is not finite, and the rest stays so; views are read in their order', async () => {
  for (const device of devices) {
    await useDevice(device)
    const odd = Float32Array.from({ length: 60 }, (_, i) => [Number.NaN, Infinity, -Infinity, -1, -0][i % 5]!)
    const expected = literal(odd, 0.5, keys[0])
    assertSameBits(await dropout(tensor(odd, [3, 20]), 0.5, keys[0]).data(), expected, device)
    assert.ok(expected.some(Number.isNaN) && expected.some((x) => Object.is(x, 0)))
    const turned = tensor(odd, [3, 20]).transpose()
    const inOrder = (await turned.data()) as Float32Array
    assertSameBits(await dropout(turned, 0.5, keys[0]).data(), literal(inOrder, 0.5, keys[0]), `${device}, turned`)
    const behind = tensor(odd).slice([7], [null])
    assertSameBits(await dropout(behind, 0.5, keys[0]).data(), literal(odd.slice(7), 0.5, keys[0]), `${device}, behind`)
  }
})

test('directions in front drop what x drops, whatever its size', async () => {
  for (const device of devices) {
    await useDevice(device)
    for (const [directions, n] of [
      [3, 7],
      [50, 33],
      [2, 5000],
      [70, 1],
      [0, 4],
    ] as const) {
      const d = uniform([directions, n], randomKey(n), { low: 1, high: 2 })
      const { value, pullback } = vjp((x: Tensor) => dropout(x, 0.4, keys[1]), ones([n]))
      value.dispose()
      const expected = literal((await d.data()) as Float32Array, 0.4, keys[1], n)
      assertSameBits(await pullback(d).data(), expected, `${device}, pulled back along ${directions} × ${n}`)
      const { tangent } = jvp((x: Tensor) => dropout(x, 0.4, keys[1]), ones([n]), d)
      assertSameBits(await tangent.data(), expected, `${device}, pushed forward along ${directions} × ${n}`)
    }
  }
})

test('nothing behind the last element is written', () => {
  const { allocate, kernels, readSync } = backendOf('wasm')
  const buffer = allocate('f32', 32)
  const all = { buffer, shape: [32], strides: [1], offset: 0 }
  for (let n = 1; n < 17; n++) {
    kernels.fill(7, all)
    kernels.dropout({ ...all, shape: [n] }, { rate: 0.5, key: keys[0], period: n }, { ...all, shape: [n] })
    assert.ok(readSync(all).every((x, i) => (x === 7) === i >= n))
  }
})

test('any number of threads gives the same bits', async () => {
  const work = () => scope(() => dropout(normal([3, 70_001], randomKey(5)), 0.3, keys[1]).dataSync())
  await useDevice('wasm', { threads: 1 })
  const alone = work()
  for (const threads of [2, 3]) {
    await useDevice('wasm', { threads })
    for (let again = 0; again < 10; again++) assertSameBits(work(), alone, `${threads} threads`)
    await new Promise((resolve) => setTimeout(resolve, 50)) // workers that have started by now take part
    for (let again = 0; again < 10; again++) assertSameBits(work(), alone, `${threads} threads, awake`)
  }
})

test('drops its share and keeps the mean', async () => {
  await useDevice('wasm')
  const y = dropout(ones([1000, 1000]), 0.3, randomKey(9))
  // three standard deviations of a million draws
  allClose(y.equal(0).cast('f32').mean(), 0.3, { atol: 0.0014 })
  allClose(y.mean(), 1, { atol: 0.002 })
  allClose(y.max(), 1 / 0.7, { rtol: 1e-6 })
})

test('linear in x: derivatives of first and second order', async () => {
  await useDevice('ref')
  const x = normal([3, 5], randomKey(3), { dtype: 'f64' })
  const f = (x: Tensor) => sum(dropout(x.square(), 0.4, keys[0]).sin())
  assert.ok(checkGradients(f, [x]))
  assert.ok(checkSecondGradients(f, [x]))
  const g = (x: Tensor) => dropout(x, 0.4, keys[0])
  allClose(grad((x: Tensor) => sum(g(x)))(x), g(ones([3, 5], { dtype: 'f64' })))
  allClose(jvp(g, x, stack([x, x.mul(2)])).tangent, stack([g(x), g(x).mul(2)]))
  assert.is(dropout(x, 0, keys[0]), x)
  for (const rate of [1, -0.1, Number.NaN]) assert.throws(() => dropout(x, rate, keys[0]), /a rate in \[0, 1\)/)
  assert.throws(() => dropout(tensor([1], null, { dtype: 'i32' }), 0.5, keys[0]), /float tensor/)
})

test('a recomputation drops the same elements', async () => {
  for (const device of ['ref', 'wasm'] as const) {
    await useDevice(device)
    const f = (x: Tensor) => dropout(x.square(), 0.5, keys[0]).tanh()
    const x = uniform([50], randomKey(1))
    assert.equal(grad((t: Tensor) => sum(checkpoint(f)(t)))(x).toArray(), grad((t: Tensor) => sum(f(t)))(x).toArray())
  }
})

test('the tape keeps no mask: one pass each way, and nothing is read', async () => {
  await useDevice('ref')
  const calls: string[] = []
  const kernels = new Proxy(backendOf('ref').kernels, {
    get: (all, name: keyof Kernels) => {
      calls.push(name)
      return all[name]
    },
  })
  registerBackend({ ...backendOf('ref'), name: 'noting', kernels })
  await useDevice('noting' as 'ref')
  const x = tensor([1, 2, 3])
  calls.length = 0
  const { value, pullback } = vjp((x: Tensor) => dropout(x, 0.5, keys[0]), x)
  pullback(value)
  assert.equal(calls, ['dropout', 'dropout'])
})

test.run()
