/** That the library computes what `blas` says it does: its calls are counted, its products compared with sums in f64. */
import { blasBackend, findBlas, stridesOf, type View } from '@antecedent/tensor/internal'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'

const suiteOf = suite('blas')
const test = fastDevices.includes('blas') ? suiteOf : suiteOf.skip

/** A device whose calls of the library are noted as m, n, k. */
function counted() {
  const library = findBlas().library!
  const calls: (readonly number[])[] = []
  const backend = blasBackend({
    ...library,
    sgemm: (...args) => {
      calls.push(args.slice(3, 6) as number[])
      library.sgemm(...args)
    },
  })
  return { backend, calls }
}

type Counted = ReturnType<typeof counted>

const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * i))

/** a b + bias on the device, as far as it can be told from sums in f64; b lies transposed where asked. */
function product(
  { backend }: Counted,
  lead: readonly number[],
  [m, k, n]: readonly [number, number, number],
  turned: boolean,
): void {
  const items = lead.reduce((x, y) => x * y, 1)
  const held = (data: Float32Array, shape: readonly number[], strides = stridesOf(shape)): View => {
    const buffer = backend.allocate('f32', data.length)
    backend.upload(data, buffer)
    return { buffer, shape, strides, offset: 0 }
  }
  const [a, b, bias] = [numbers(items * m * k, 1), numbers(k * n, 2), numbers(n, 3)]
  const zeros = lead.map(() => 0)
  const views = {
    a: held(a, [...lead, m, k]),
    b: held(b, [...lead, k, n], turned ? [...zeros, 1, k] : [...zeros, n, 1]),
    bias: held(bias, [n]),
    y: held(new Float32Array(items * m * n), [...lead, m, n]),
  }
  backend.kernels.matmul(views.a, views.b, views.y, views.bias)
  const y = backend.readSync(views.y)
  for (let at = 0; at < y.length; at += 37) {
    const [i, j] = [Math.floor(at / n), at % n]
    let [sum, size] = [bias[j]!, Math.abs(bias[j]!)]
    for (let s = 0; s < k; s++) {
      const term = a[i * k + s]! * b[turned ? j * k + s : s * n + j]!
      sum += term
      size += Math.abs(term)
    }
    assert.ok(Math.abs(Number(y[at]) - sum) <= 1e-6 * size, `element ${at}: ${y[at]} and ${sum}`)
  }
  for (const { buffer } of Object.values(views)) backend.free(buffer)
}

test('many rows go to the library, as one product with one matrix for a whole batch', () => {
  const device = counted()
  for (const turned of [false, true]) {
    product(device, [], [64, 96, 80], turned)
    product(device, [5], [14, 48, 80], turned)
  }
  assert.equal(device.calls, [
    [64, 80, 96],
    [70, 80, 48],
    [64, 80, 96],
    [70, 80, 48],
  ])
})

test('few rows stay with the kernels that keep weights packed, with the same numbers', () => {
  const device = counted()
  for (const turned of [false, true, true]) product(device, [2], [14, 96, 80], turned)
  assert.equal(device.calls, [])
})

test('threads share a product by rows or columns, and each calls the library', async () => {
  const device = counted()
  device.backend.setThreads!(3)
  for (let round = 0; round < 4; round++) {
    for (const turned of [false, true]) {
      product(device, [], [500, 768, 130], turned)
      product(device, [3], [50, 768, 700], turned)
    }
    if (round === 0) await new Promise((resolve) => setTimeout(resolve, 500)) // workers start
  }
  const parts = (m: number, n: number) => device.calls.filter((call) => call[0] === m && call[1] === n).length
  assert.ok(parts(176, 130) > 0, 'rows in parts')
  assert.ok(parts(150, 240) > 0, 'columns in parts')
  // each product has two such parts: where the caller computed both every time, no worker did
  assert.ok(parts(176, 130) < 16 && parts(150, 240) < 16, 'workers take parts')
  device.backend.setThreads!(1)
})

suiteOf.run()
