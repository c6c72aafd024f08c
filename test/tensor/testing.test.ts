/** The testing tools themselves: what they must see, what they report, what they generate and shrink to. */
import { customOp, sum, type Tensor, tensor, useDevice } from '@antecedent/tensor'
import {
  allClose,
  arbitraries,
  checkGradients,
  checkJvp,
  checkSecondGradients,
  type Mismatch,
  MismatchError,
} from '@antecedent/tensor/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('testing tools')
const x = tensor([0.5, -1, 2])
const seeded = { seed: 42, numRuns: 300 }

function mismatchOf(f: () => unknown): Mismatch & { message: string } {
  try {
    f()
  } catch (error) {
    assert.instance(error, MismatchError)
    return { ...(error as MismatchError).mismatch, message: (error as Error).message }
  }
  return assert.unreachable('no mismatch was seen') as never
}

/** sin x with the derivative of your choice. */
const sine = (derivative: (x: Tensor) => Tensor, mode: 'vjp' | 'jvp' | 'both') =>
  customOp<[Tensor]>({
    name: 'sine',
    forward: (at) => at.sin(),
    vjp: (dy, { inputs: [at] }) => [dy.mul(mode === 'jvp' ? at.cos() : derivative(at))],
    jvp: ([dx], { inputs: [at] }) => dx.mul(mode === 'vjp' ? at.cos() : derivative(at)),
  })
const doubled = (at: Tensor) => at.cos().mul(at.equal(2).add(1)) // wrong where x is 2

test('right derivatives pass all three checks', () => {
  const f = sine((at) => at.cos(), 'both')
  assert.ok(checkGradients((at) => sum(f(at)), [x]))
  assert.ok(checkJvp((at) => f(at), [x]))
  assert.ok(checkSecondGradients((at) => sum(f(at).square()), [x]))
})

test('checkGradients names input, element and both numbers', () => {
  const { index, actualValue, expectedValue, message } = mismatchOf(() =>
    checkGradients((a, b) => sum(a!.mul(sine(doubled, 'vjp')(b!))), [tensor([1, 1, 1]), x]),
  )
  assert.equal(index, [2])
  allClose([actualValue, expectedValue], [2 * Math.cos(2), Math.cos(2)], { rtol: 1e-6 })
  assert.match(message, /input 1 at \[2\]/)
})

test('checkJvp sees a wrong tangent, and a vjp that is not its transpose', () => {
  assert.match(mismatchOf(() => checkJvp((at) => sine(doubled, 'jvp')(at), [x])).message, /the tangent at \[2\]/)
  assert.match(mismatchOf(() => checkJvp((at) => sine(doubled, 'vjp')(at), [x])).message, /not transposes/)
})

test('checkSecondGradients sees a rule whose own derivative is wrong', () => {
  const constant = (at: Tensor) => tensor(at.dataSync(), at.shape, at).cos() // right, but no longer depends on x
  const f = sine(constant, 'both')
  assert.ok(checkGradients((at) => sum(f(at)), [x]))
  assert.match(mismatchOf(() => checkSecondGradients((at) => sum(f(at)), [x])).message, /input 0 at/)
})

test('integers and booleans are held fixed, and nothing is compared of the empty', () => {
  const mask = tensor([true, false, true])
  assert.ok(checkGradients((at, m) => sum(at!.mul(m!)), [x, mask]))
  assert.ok(checkGradients((at) => sum(at), [tensor([])]))
})

test('allClose reports the worst element and its distance in ulps of the dtype', () => {
  const f32 = mismatchOf(() => allClose(tensor([1, 2, 4]), [1, 2 - 2 ** -21, 4.5], { rtol: 0 }))
  assert.equal([f32.index, f32.ulps, f32.differing, f32.count], [[2], 2 ** 20, 2, 3])
  const near = mismatchOf(() => allClose(tensor([1]), [1 + 2 ** -23], { rtol: 0 }))
  assert.is(near.ulps, 1)
  const f64 = mismatchOf(() => allClose(tensor(Float64Array.of(1)), [1 + 2 ** -51], { rtol: 0 }))
  assert.is(f64.ulps, 2)
  assert.is(mismatchOf(() => allClose([Number.MIN_VALUE], [-Number.MIN_VALUE])).ulps, 2)
  assert.is(mismatchOf(() => allClose([Number.NaN], [1])).ulps, Number.POSITIVE_INFINITY)
})

test('allClose: NaN agrees with NaN, infinities with themselves, −0 with 0, and nothing else with those', () => {
  assert.ok(allClose([Number.NaN, Number.POSITIVE_INFINITY, -0], [Number.NaN, Number.POSITIVE_INFINITY, 0]))
  for (const [a, b] of [
    [1, Number.NaN],
    [Number.NaN, 1],
    [1, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const) {
    assert.throws(() => allClose([a], [b], { rtol: 1, atol: 1 }), /1 of 1 elements differ/)
  }
  assert.throws(() => allClose([1, 2], [[1, 2]]), /shape \[1, 2\], got \[2\]/)
})

test('shapes come empty, with ones, with SIMD tails, and within their bounds', () => {
  const seen = fc.sample(arbitraries.shape({ rank: [0, 3], maxElements: 100 }), seeded)
  for (const n of [0, 1, 3, 5, 7, 9, 17, 33]) assert.ok(seen.some((shape) => shape.includes(n)))
  for (const rank of [0, 1, 2, 3]) assert.ok(seen.some((shape) => shape.length === rank))
  for (const shape of seen) assert.ok(shape.reduce((a, b) => a * b, 1) <= 100)
  assert.not(fc.sample(arbitraries.shape({ empty: false }), seeded).some((shape) => shape.includes(0)))
  assert.throws(() => arbitraries.shape({ rank: [3, 1] }), /\[least, most\]/)
})

test('pairs broadcast, and both stretch at times', () => {
  const stretched = { first: 0, second: 0, added: 0 }
  fc.assert(
    fc.property(arbitraries.tensorPair({ rank: [0, 3] }), ([a, b]) => {
      const { shape } = a.add(b)
      stretched.first += Number(a.size < b.size)
      stretched.second += Number(b.size < a.size)
      stretched.added += Number(b.rank < a.rank)
      assert.is(shape.length, Math.max(a.rank, b.rank))
    }),
    seeded,
  )
  assert.ok(Object.values(stretched).every((count) => count > 20))
})

/** Whether a tensor of more than one element lies in memory in row-major order. */
const isDense = ({ shape, strides }: { shape: readonly number[]; strides: readonly number[] }) =>
  shape.every((n, i) => n === 1 || strides[i] === shape.slice(i + 1).reduce((a, b) => a * b, 1))

test('tensors come as views of every kind, with elements within the domain', () => {
  const kinds = { dense: 0, negative: 0, stretched: 0, offset: 0, other: 0 }
  fc.assert(
    fc.property(arbitraries.tensor({ rank: [1, 3], domain: [-3, 3] }), (made) => {
      const view = made.view()
      if (made.size < 2) return
      if (view.offset > 0) kinds.offset++
      if (isDense(view)) kinds.dense++
      else if (view.strides.some((stride) => stride < 0)) kinds.negative++
      else if (view.strides.some((stride, i) => stride === 0 && made.shape[i]! > 1)) kinds.stretched++
      else kinds.other++
      assert.ok(made.dataSync().every((value) => value >= -3 && value <= 3))
      allClose(made.mul(1), made, { rtol: 0 }) // a copy by kernels reads the same
    }),
    { seed: 42, numRuns: 1000 },
  )
  assert.ok(
    Object.values(kinds).every((count) => count > 20),
    JSON.stringify(kinds),
  )
})

test('edge values come when they are asked for', () => {
  const valuesOf = (edges: boolean, dtype: 'f32' | 'f64') =>
    fc
      .sample(arbitraries.tensor({ edges, dtype, rank: 1, views: false }), seeded)
      .flatMap((made) => [...made.dataSync()])
  for (const dtype of ['f32', 'f64'] as const) {
    const edges = valuesOf(true, dtype)
    const least = dtype === 'f32' ? 2 ** -149 : Number.MIN_VALUE
    for (const edge of [Number.NaN, Number.POSITIVE_INFINITY, -0, least])
      assert.ok(edges.some((value) => Object.is(value, edge)))
    assert.ok(valuesOf(false, dtype).every((value) => Math.abs(value) <= 10))
  }
})

test('a counterexample shrinks to one element, near the bound, and prints its values', () => {
  const result = fc.check(
    fc.property(arbitraries.tensor({ rank: [1, 3], empty: false }), (made) => made.max().item() <= 1),
    { seed: 42 },
  )
  assert.ok(result.failed)
  const [smallest] = result.counterexample as [Tensor]
  assert.is(smallest.size, 1)
  assert.is(smallest.item(), 2)
  assert.is(fc.stringify(smallest), `f64 [${smallest.shape.join(', ')}] dense [2]`)
})

test.run()
