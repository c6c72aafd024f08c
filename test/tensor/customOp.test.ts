/** Operations of users, and checkpoints: derivatives in both modes, at depth, and what they hold in memory. */
import {
  checkpoint,
  customOp,
  GradError,
  grad,
  hvp,
  jacobian,
  jvp,
  matmul,
  memoryInfo,
  mul,
  normal,
  ones,
  randomKey,
  resetPeak,
  ShapeError,
  scope,
  stack,
  sum,
  type Tensor,
  tanh,
  tensor,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { allClose, arbitraries, checkGradients } from '@antecedent/tensor/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('custom operations')
const f64 = (x: number[] | number[][]) => tensor(x, null, { dtype: 'f64' })

const plain = (a: Tensor, b: Tensor) => mul(a, b).mul(a)
/** a² b, stated by either rule; a broadcasts. */
const byVjp = customOp<[Tensor, Tensor]>({
  name: 'byVjp',
  forward: plain,
  vjp: (dy, { inputs: [a, b] }) => [dy.mul(a).mul(b).mul(2), dy.mul(a.square())],
})
const byJvp = customOp<[Tensor, Tensor]>({
  name: 'byJvp',
  forward: plain,
  jvp: ([da, db], { inputs: [a, b] }) => da.mul(a).mul(b).mul(2).add(db.mul(a.square())),
})
const again = checkpoint(plain)

const a = f64([2, -1, 0.5])
const b = f64([
  [1, 2, 3],
  [4, 5, 6],
])

for (const [name, f] of Object.entries({ byVjp, byJvp, again })) {
  test(`${name}: gradients of both inputs, also of gradients`, () => {
    const at = [a, b]
    const loss = (xs: readonly Tensor[]) => sum(f(xs[0]!, xs[1]!).sin())
    const expected = (xs: readonly Tensor[]) => sum(plain(xs[0]!, xs[1]!).sin())
    for (const [i, g] of grad(loss)(at).entries()) allClose(g, grad(expected)(at)[i]!, { rtol: 1e-12, atol: 1e-13 })
    const seconds = hvp(loss, at, at)
    for (const [i, h] of seconds.entries()) allClose(h, hvp(expected, at, at)[i]!, { rtol: 1e-11, atol: 1e-12 })
    assert.ok(checkGradients((x, y) => sum(grad((z: Tensor) => loss([z, y!]))(x!).square()), at, { atol: 1e-5 }))
  })

  test(`${name}: as many directions as an operand of another rank has rows`, () => {
    const split = (g: typeof f) => (xs: readonly Tensor[]) => g(xs[0]!, xs[1]!)
    const xs: readonly Tensor[] = [a, b]
    const directions = [b.exp(), stack([b.sin(), b.cos()])]
    allClose(jvp(split(f), xs, directions).tangent, jvp(split(plain), xs, directions).tangent, { rtol: 1e-12 })
    const pulled = (g: typeof f) => vjp(split(g), xs).pullback(directions[1]!)
    for (const [i, d] of pulled(f).entries()) allClose(d, pulled(plain)[i]!, { rtol: 1e-12 })
    const seconds = (g: typeof f) => hvp((ys: readonly Tensor[]) => sum(split(g)(ys).sin()), xs, directions)
    for (const [i, d] of seconds(f).entries()) allClose(d, seconds(plain)[i]!, { rtol: 1e-11, atol: 1e-12 })
  })

  test(`${name}: forward mode, stacked directions, jacobian`, () => {
    const g = (x: Tensor) => f(x, b.at(0))
    const plainly = (x: Tensor) => plain(x, b.at(0))
    const directions = stack([a, a.square(), a.exp()])
    allClose(jvp(g, a, directions).tangent, jvp(plainly, a, directions).tangent, { rtol: 1e-12 })
    allClose(vjp(g, a).pullback(directions), vjp(plainly, a).pullback(directions), { rtol: 1e-12 })
    allClose(jacobian(g, a), jacobian(plainly, a), { rtol: 1e-12 })
    const inner = (x: Tensor) => jvp(g, x, a).tangent
    const innerPlainly = (x: Tensor) => jvp(plainly, x, a).tangent
    allClose(jvp(inner, a, directions).tangent, jvp(innerPlainly, a, directions).tangent, { rtol: 1e-12 })
  })
}

test('an operation may hand back its argument, and its rule the cotangent', () => {
  const same = customOp<[Tensor]>({ name: 'same', forward: (x) => x, vjp: (dy) => [dy.mul(1)] })
  const straight = customOp<[Tensor]>({ name: 'straight', forward: (x) => x.round(), vjp: (dy) => [dy] })
  allClose(grad((x: Tensor) => sum(straight(same(x)).mul(x)))(a), a.round().add(a))
  allClose(jvp((x: Tensor) => straight(x), a, b).tangent, b)
  assert.not(a.disposed)
})

test('a tape keeps the arguments of a checkpoint alone, and gives equal bits', () => {
  const w = tensor(
    Float64Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i) / 8),
    [64, 64],
  )
  const block = (x: Tensor) => {
    let h = x
    for (let i = 0; i < 20; i++) h = tanh(matmul(h, w))
    return h
  }
  const kept = checkpoint(block)
  const start = tensor(
    Float64Array.from({ length: 64 * 64 }, (_, i) => Math.cos(i)),
    [64, 64],
  )
  const run = (f: (x: Tensor) => Tensor) =>
    scope(() => {
      resetPeak()
      const before = memoryInfo().liveBytes
      const { value, pullback } = vjp((x: Tensor) => sum(f(f(f(x)))), start)
      const held = memoryInfo().liveBytes - before
      const gradient = pullback(tensor(1, null, value)).dataSync()
      const peak = memoryInfo().peakBytes - before
      pullback.dispose()
      return { held, gradient, peak }
    })
  const [full, less] = [run(block), run(kept)]
  assert.equal(less.gradient, full.gradient)
  assert.ok(less.held < full.held / 10, `${less.held} bytes against ${full.held}`)
  assert.ok(less.peak < full.peak / 2, `${less.peak} bytes against ${full.peak}`)
})

test('nothing stays in memory', () => {
  const before = memoryInfo()
  scope(() => {
    hvp((x: Tensor) => sum(again(x, byVjp(x, x))), a, a)
  })
  const after = memoryInfo()
  assert.is(after.tensors, before.tensors)
  assert.is(after.liveBytes, before.liveBytes)
})

test('a value of a derivative in progress must be an argument', () => {
  const hidden = (x: Tensor) => sum(checkpoint((y: Tensor) => y.mul(x))(tensor([1, 2, 3], null, x)))
  assert.throws(() => grad(hidden)(a), /pass that value as an argument/)
})

/** (Σ x) w, by rules that would meet an axis of directions: they sum over all axes, and w has none. */
const total = (x: Tensor, w: Tensor) => sum(x).mul(w)
const totals = {
  vjp: customOp<[Tensor, Tensor]>({
    name: 'total',
    forward: total,
    vjp: (dy, { inputs: [x, w] }) => [sum(dy.mul(w)).add(x.mul(0)), sum(x).mul(dy)],
  }),
  jvp: customOp<[Tensor, Tensor]>({
    name: 'total',
    forward: total,
    jvp: ([dx, dw], { inputs: [x, w] }) => sum(dx).mul(w).add(sum(x).mul(dw)),
  }),
}

for (const [rule, f] of Object.entries(totals)) {
  test(`a ${rule} that sums over all axes sees one of the stacked directions, or none`, () => {
    for (const count of [0, 1, 3]) {
      const xs: readonly Tensor[] = [a, b]
      const directions = xs.map((x) => normal([count, ...x.shape], randomKey(count), { dtype: 'f64' }))
      const of = (g: typeof total) => (ys: readonly Tensor[]) => g(ys[0]!, ys[1]!)
      allClose(jvp(of(f), xs, directions).tangent, jvp(of(total), xs, directions).tangent, { rtol: 1e-12 })
      const pulled = (g: typeof total) => vjp(of(g), xs).pullback(directions[1]!)
      for (const [i, d] of pulled(f).entries()) allClose(d, pulled(total)[i]!, { rtol: 1e-12 })
    }
  })
}

test('a cotangent that is null for every direction, or for some, is zero', () => {
  const some = (isNull: (dy: Tensor) => boolean) =>
    customOp<[Tensor]>({ name: 'some', forward: (x) => x.mul(2), vjp: (dy) => [isNull(dy) ? null : dy.mul(2)] })
  const directions = f64([
    [0, 0, 0],
    [1, 2, 3],
  ])
  const pulled = (isNull: (dy: Tensor) => boolean) => vjp(some(isNull), a).pullback(directions)
  allClose(
    pulled(() => true),
    directions.mul(0),
  )
  allClose(
    pulled((dy) => dy.dataSync().every((n) => n === 0)),
    directions.mul(2),
  )
})

const stacked = stack([a, a, a])

/** Every way to ask for a derivative of f, with one direction and with as many as f has elements. */
const derivatives = (f: (x: Tensor) => Tensor): (() => unknown)[] =>
  [a, stacked].flatMap((directions) => [
    () => jvp(f, a, directions),
    () => {
      const { pullback } = vjp(f, a)
      try {
        return pullback(directions)
      } finally {
        pullback.dispose()
      }
    },
  ])

/** The call fails with this kind of error and text, whichever derivative is asked for. */
function refused(
  rules: { vjp?: (dy: Tensor) => unknown; jvp?: (dxs: Tensor[]) => unknown },
  kind: typeof GradError | typeof ShapeError,
  text: RegExp,
) {
  const f = customOp<[Tensor]>({ name: 'bad', forward: (x) => x.square(), ...(rules as object) })
  const before = memoryInfo().tensors
  for (const derive of derivatives(f)) {
    assert.throws(
      () => scope(derive),
      (error: Error) => error instanceof kind && text.test(error.message),
    )
  }
  assert.is(memoryInfo().tensors, before)
}

test('wrong rules are errors that name the operation, in both modes', () => {
  assert.throws(() => customOp({ name: 'none', forward: (x: Tensor) => x }), /a vjp or a jvp for 'none'/)
  const cotangent = /bad: expected a cotangent \[3\] of input 0, got/
  refused({ vjp: (dy) => [dy.sum()] }, ShapeError, /bad: expected a cotangent \[3\] of input 0, got \[\]/)
  refused({ vjp: (dy) => [dy.at('0:2')] }, ShapeError, cotangent)
  refused({ vjp: () => [undefined] }, GradError, cotangent)
  refused({ vjp: (dy) => [dy.greater(0)] }, GradError, /cotangent \[3\] of input 0, got bool/)
  const tangent = /bad: expected a tangent \[3\] of the result, got/
  refused({ jvp: ([dx]) => dx!.sum() }, ShapeError, /bad: expected a tangent \[3\] of the result, got \[\]/)
  refused({ jvp: ([dx]) => stack([dx!, dx!]) }, ShapeError, tangent)
  refused({ jvp: () => undefined }, GradError, /tangent \[3\] of the result, got undefined/)
  refused({ jvp: () => null }, GradError, /got null/)
  refused({ jvp: (dxs) => dxs }, GradError, tangent)
})

test('a vjp lists a cotangent for each input: no fewer, no more', () => {
  refused({ vjp: () => [] }, GradError, /bad: expected a list with a cotangent or null for each of 1 inputs.*of 0/)
  refused({ vjp: (dy) => [dy, dy] }, GradError, /got a list of 2/)
  refused({ vjp: (dy) => dy }, GradError, /got no list/)
  refused({ vjp: () => undefined }, GradError, /got no list/)
  const f = customOp<[Tensor, Tensor]>({ name: 'bad', forward: plain, vjp: (dy, { inputs: [x] }) => [dy.mul(x)] })
  assert.throws(() => grad((x: Tensor) => sum(f(x, a)))(a), /for each of 2 inputs from its vjp, got a list of 1/)
})

test('what a rule makes for one of the stacked directions is freed before the next', () => {
  const long = customOp<[Tensor]>({
    name: 'long',
    forward: (x) => x.mul(2),
    vjp: (dy) => [
      Array.from({ length: 20 })
        .reduce<Tensor>((d) => d.neg(), dy)
        .mul(2),
    ],
  })
  const [count, size] = [50, 1000]
  scope(() => {
    const { pullback } = vjp(long, ones([size], { dtype: 'f64' }))
    const directions = ones([count, size], { dtype: 'f64' })
    resetPeak()
    const before = memoryInfo().liveBytes
    pullback(directions)
    const taken = memoryInfo().peakBytes - before
    assert.ok(taken < 4 * directions.size * 8, `${taken} bytes for ${directions.size} cotangents`)
    pullback.dispose()
  })
})

/** Compares all orders of derivatives of f with those of plain functions, at arguments of any shape. */
function sameDerivatives(f: typeof plain, xs: readonly Tensor[], count: number): void {
  const tolerance = { rtol: 1e-9, atol: 1e-9 }
  const directions = xs.map((x, i) => normal([count, ...x.shape], randomKey(i), { dtype: 'f64' }))
  const same = (derive: (g: typeof plain) => readonly Tensor[]) => {
    const expected = derive(plain)
    for (const [i, d] of derive(f).entries()) allClose(d, expected[i]!, tolerance)
  }
  const loss = (g: typeof plain) => (ys: readonly Tensor[]) => sum(g(ys[0]!, ys[1]!).sin())
  const slope = (g: typeof plain) => (ys: readonly Tensor[]) =>
    grad(loss(g))(ys)
      .map((d) => sum(d.sin()))
      .reduce((u, v) => u.add(v))
  same((g) => grad(loss(g))(xs))
  same((g) => grad(slope(g))(xs))
  same((g) => hvp(loss(g), xs, directions))
  same((g) => hvp(slope(g), xs, directions))
  same((g) => {
    const value = (ys: readonly Tensor[]) => g(ys[0]!, ys[1]!).sin()
    const along = (ys: readonly Tensor[]) => jvp(value, ys, directions).tangent
    const { value: tangent, pullback } = vjp(along, xs)
    const stacked = normal([count, ...tangent.shape], randomKey(9), { dtype: 'f64' })
    const pulled = pullback(stacked)
    pullback.dispose()
    return [...pulled, jvp(along, xs, directions).tangent]
  })
}

test('nested derivatives of any shapes, with stacked directions, are those of the plain function', () => {
  const pairs = arbitraries.tensorPair({ rank: [0, 3], maxElements: 24, domain: [-2, 2] })
  fc.assert(
    fc.property(pairs, fc.nat({ max: 4 }), ([x, y], count) =>
      scope(() => {
        for (const f of [byVjp, byJvp, again, checkpoint(byJvp)]) sameDerivatives(f, [x, y], count)
      }),
    ),
    { numRuns: 25 },
  )
})

test.run()
