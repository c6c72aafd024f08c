/** Adam and its kin in one pass: against their papers' formulas, against other operations, on any number of threads. */
import {
  type AdamOptions,
  adam,
  adamBertTf,
  adamW,
  adamwHfLegacy,
  clipGradNorm,
  type DeviceName,
  dispose,
  gradNorm,
  memoryInfo,
  norm,
  normal,
  type Optimizer,
  type OptimizerState,
  randomKey,
  scope,
  sgd,
  sign,
  sum,
  type Tensor,
  tensor,
  uniform,
  useDevice,
} from '@antecedent/tensor'
import { backendOf, registerBackend } from '@antecedent/tensor/internal'
import { allClose, checkGradients } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'
import { gpu } from '../support/gpu.ts'

const test = suite('adam')

/** `ref` without the kernel, so that other operations take its place. */
const { adam: kernel, ...others } = backendOf('ref').kernels
registerBackend({ ...backendOf('ref'), name: 'without', kernels: others })

const devices = ['ref', 'without', ...fastDevices, ...(gpu ? ['gpu'] : [])] as readonly DeviceName[]

const variants = { adam, adamW, adamBertTf, adamwHfLegacy }
type Variant = keyof typeof variants

const settings = { lr: 0.02, beta1: 0.85, beta2: 0.97, eps: 1e-6, weightDecay: 0.3 }

/** The formulas as their sources have them, one number at a time. */
function literal(
  name: Variant,
  w: number,
  gradients: readonly number[],
  { lr, beta1, beta2, eps, weightDecay }: Required<AdamOptions>,
) {
  let [m, v] = [0, 0]
  for (const [i, gradient] of gradients.entries()) {
    const n = i + 1
    const g = name === 'adam' ? gradient + weightDecay * w : gradient
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    const [bias1, bias2] = [1 - beta1 ** n, 1 - beta2 ** n]
    if (name === 'adam') w -= (lr * (m / bias1)) / (Math.sqrt(v / bias2) + eps)
    if (name === 'adamW') {
      w -= lr * weightDecay * w
      w -= (lr * (m / bias1)) / (Math.sqrt(v / bias2) + eps)
    }
    if (name === 'adamBertTf') w -= lr * (m / (Math.sqrt(v) + eps) + weightDecay * w)
    if (name === 'adamwHfLegacy') {
      w -= (((lr * Math.sqrt(bias2)) / bias1) * m) / (Math.sqrt(v) + eps)
      w -= lr * weightDecay * w
    }
  }
  return { w, m, v }
}

/**
 * A parameter in ±1 and gradients that are far from 0 and from cancelling with its decay: where both running means are
 * nearly 0, a step is a quotient of rounding errors.
 */
function drawn(n: number, options: { dtype?: 'f64' } = {}): [w: Tensor, ...gradients: Tensor[]] {
  const draw = (k: number) => uniform([n], randomKey(10 * n + k), { ...options, low: -1 })
  return [draw(0), ...[1, 2, 3].map((k) => scope(() => sign(draw(k)).add(draw(k))))]
}

/** Updates with one gradient after the other, all multiplied by `scale`. */
function train({ init, update }: Optimizer, w: Tensor, gradients: readonly Tensor[], scale: number) {
  let [params, state]: [readonly Tensor[], OptimizerState] = [[w], init([w])]
  for (const g of gradients) ({ params, state } = update(params, [g], state, settings.lr, scale))
  return [params[0]!, state.slots.m![0]!, state.slots.v![0]!] as const
}

for (const name of Object.keys(variants) as Variant[]) {
  /** Three steps against the formulas; numbers near 0 are differences of terms of size 1. */
  const compare = async (n: number, within: number, options: { dtype?: 'f64' } = {}) => {
    const [w, ...gradients] = drawn(n, options)
    const trained = scope(() => train(variants[name](settings), w, gradients, 0.5))
    const [start, ...ds] = await Promise.all([w, ...gradients].map((x) => x.data()))
    const all = Array.from(start!, (x, i) => {
      const own = ds.map((d) => 0.5 * d[i]!)
      return literal(name, x, own, settings)
    })
    for (const [k, slot] of (['w', 'm', 'v'] as const).entries()) {
      const numbers = { device: 'ref', dtype: 'f64' } as const
      const expected = all.map((x) => x[slot])
      const actual = [...(await trained[k]!.data())]
      allClose(tensor(actual, [n], numbers), tensor(expected, [n], numbers), { rtol: within, atol: within })
    }
    dispose([w, gradients, trained])
  }

  test(`${name}: the formulas to 1e-6 in f32, on every device, at lengths around those of vectors`, async () => {
    for (const device of devices) {
      await useDevice(device)
      for (const n of [0, 1, 3, 4, 5, 1023, 40_001]) await compare(n, 1e-6)
    }
  })

  test(`${name}: the formulas to 1e-14 in f64, by the kernel and by other operations`, async () => {
    for (const device of ['ref', 'without'] as DeviceName[]) {
      await useDevice(device)
      await compare(50, 1e-14, { dtype: 'f64' })
    }
  })

  test(`${name}: 1, 2 and 3 threads give the same bits`, async () => {
    const work = () => {
      const [w, ...gradients] = [0, 1, 2].map((k) => normal([3, 30_001], randomKey(k)))
      return train(variants[name](settings), w!, gradients, 0.5).map((x) => x.dataSync())
    }
    await useDevice('wasm', { threads: 1 })
    const alone = scope(work)
    for (const threads of [2, 3]) {
      await useDevice('wasm', { threads })
      for (let again = 0; again < 6; again++) {
        for (const [i, data] of scope(work).entries()) assert.ok(data.every((x, k) => Object.is(x, alone[i]![k])))
        await new Promise((resolve) => setTimeout(resolve, 20)) // workers that have started by now take part
      }
    }
  })
}

test('a decay that 1 − lr · weightDecay has no digits for still acts', async () => {
  for (const device of devices) {
    await useDevice(device)
    // decay and step are 0.4 of a unit of w's last place each: either alone rounds to nothing
    const { init, update } = adamW({ lr: 0.4 * 2 ** -24, weightDecay: 1, eps: 0 })
    const w = tensor([1])
    const { params } = update([w], [tensor([1])], init([w]))
    assert.is((await params[0]!.data())[0], 1 - 2 ** -24, device)
  }
})

test('each result has memory of its own', async () => {
  for (const device of ['ref', 'wasm'] as const) {
    await useDevice(device)
    const { init, update } = adamW(settings)
    const w = normal([1024], randomKey(1))
    const state = init([w])
    const before = memoryInfo().liveBytes
    const next = update([w], [w], state)
    assert.is(memoryInfo().liveBytes - before, 3 * 4096)
    dispose(next.state)
    assert.is(memoryInfo().liveBytes - before, 4096)
  }
})

test('nothing behind the last element is written', async () => {
  const { allocate, kernels, readSync } = backendOf('wasm')
  for (const n of [1, 2, 3, 5]) {
    const guarded = () => {
      const buffer = allocate('f32', 16)
      const all = { buffer, shape: [16], strides: [1], offset: 0 }
      kernels.fill(7, all)
      return { all, head: { ...all, shape: [n] } }
    }
    const [w, m, v, g] = [0, 1, 2, 3].map(guarded).map(({ head }) => head)
    const to = { w: guarded(), m: guarded(), v: guarded() }
    const step = { scale: 1, decay: 0, beta1: 0.9, beta2: 0.9, rate: 1, unbias: 1, eps: 1, decayWith: 0, decayAfter: 0 }
    kernels.adam!({ w: w!, m: m!, v: v!, g: g! }, step, { w: to.w.head, m: to.m.head, v: to.v.head })
    for (const { all } of Object.values(to))
      assert.ok(
        readSync(all)
          .slice(n)
          .every((x) => x === 7),
      )
  }
})

test('views of other strides are read in their order', async () => {
  for (const device of devices) {
    await useDevice(device)
    const { init, update } = adamW(settings)
    const [w, g] = [1, 2].map((k) => normal([7, 6], randomKey(k)).transpose()) as [Tensor, Tensor]
    const dense = async (x: Tensor) => tensor(await x.data(), x.shape)
    const [denseW, denseG] = [await dense(w), await dense(g)]
    const turned = update([w], [g], init([w])).params[0]!
    const straight = update([denseW], [denseG], init([denseW])).params[0]!
    assert.equal(turned.shape, [6, 7])
    assert.equal([...(await turned.data())], [...(await straight.data())])
  }
})

test('a derivative that looks on goes through the update', async () => {
  await useDevice('ref')
  const [w, g] = [1, 2].map((k) => normal([5], randomKey(k), { dtype: 'f64' })) as [Tensor, Tensor]
  for (const make of Object.values(variants)) {
    const { init, update } = make(settings)
    const moved = (w: Tensor, g: Tensor) => sum(update([w], [g], init([w]), settings.lr, 0.5).params[0]!.square())
    assert.ok(checkGradients(moved, [w, g]))
  }
})

test('a scale is that of the gradients, also of sgd, with a rate or without', async () => {
  await useDevice('ref')
  const [w, g] = [1, 2].map((k) => normal([5], randomKey(k), { dtype: 'f64' })) as [Tensor, Tensor]
  const plain = sgd({ lr: 0.1, weightDecay: 0.1 })
  for (const { init, update } of [adam(settings), plain, sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 })]) {
    const by = (gradient: Tensor, lr?: number, scale?: number) => {
      const first = update([w], [gradient], init([w]), lr, scale)
      return update(first.params, [gradient], first.state, lr, scale).params[0]!
    }
    allClose(by(g, undefined, 0.25), by(g.mul(0.25)), { rtol: 1e-14 })
    allClose(by(g, 0.3, 0.25), by(g.mul(0.25), 0.3), { rtol: 1e-14 })
    for (const scale of [-1, Number.NaN, Infinity]) assert.throws(() => by(g, 0.1, scale), /scale in \[0, Infinity\)/)
  }
})

test('the norm of gradients is of all together, and clipping by scale is clipping', async () => {
  for (const device of devices) {
    await useDevice(device)
    const gradients = [[300_000], [7, 11], [0], []].map((shape, k) => normal(shape, randomKey(k)))
    const all = await Promise.all(gradients.map((g) => g.data()))
    const squares = all.map((data) => (data as Float32Array).reduce((total, x) => total + x ** 2, 0))
    const expected = Math.sqrt(squares.reduce((a, b) => a + b))
    const value = (await gradNorm(gradients).data())[0]!
    assert.ok(Math.abs(value / expected - 1) < 1e-6, `${device}: ${value} for ${expected}`)
    const params = gradients.map((g) => g.mul(2))
    const { init, update } = adamW({ lr: 0.1, eps: 1 })
    const clipped = update(params, clipGradNorm(gradients, 1).gradients, init(params)).params
    const scaled = update(params, gradients, init(params), 0.1, Math.min(1, 1 / (value + 1e-6))).params
    for (const [i, x] of clipped.entries()) {
      const [one, other] = [x, scaled[i]!].map(async (x) => tensor(await x.data(), null, { device: 'ref' }))
      allClose((await one)!, (await other)!, { rtol: 1e-6, atol: 1e-6 })
    }
  }
  await useDevice('ref')
  assert.is(gradNorm([]).item(), 0)
  assert.is(gradNorm([tensor([3]), tensor([4])]).item(), 5)
  assert.throws(() => norm(tensor([3], null, { dtype: 'i32' })), /norm: expected a float tensor/)
})

test('sums of long rows, and of their squares, keep their digits on any number of threads', async () => {
  const rows = normal([3, 100_003], randomKey(1), { device: 'ref' }).add(1)
  const exact = [0, 1, 2].map((i) => rows.at(i).dataSync() as Float32Array)
  const sums = exact.map((row) => row.reduce((a, b) => a + b, 0))
  const squares = exact.map((row) => Math.sqrt(row.reduce((a, b) => a + b * b, 0)))
  for (const threads of [1, 2]) {
    await useDevice('wasm', { threads })
    const there = rows.to('wasm')
    allClose(sum(there, -1), sums, { rtol: 1e-7 })
    allClose(norm(there, -1), squares, { rtol: 1.2e-7 })
    allClose(
      sum(there),
      sums.reduce((a, b) => a + b),
      { rtol: 1e-7 },
    )
    // from its second element on, a row is no longer where a vector starts
    allClose(sum(there.at(1).slice([1], [null])), sums[1]! - exact[1]![0]!, { rtol: 1e-7 })
  }
})

assert.ok(kernel)
test.run()
