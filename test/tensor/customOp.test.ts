/** Operations of users, and checkpoints: derivatives in both modes, at depth, and what they hold in memory. */
import {
  checkpoint,
  customOp,
  grad,
  hvp,
  jacobian,
  jvp,
  matmul,
  memoryInfo,
  mul,
  resetPeak,
  scope,
  stack,
  sum,
  type Tensor,
  tanh,
  tensor,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { allClose, checkGradients } from '@antecedent/tensor/testing'
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
    // byJvp does not broadcast its tangents against stacked directions, so it is given equal shapes
    const at = name === 'byJvp' ? [b.add(1), b] : [a, b]
    const loss = (xs: readonly Tensor[]) => sum(f(xs[0]!, xs[1]!).sin())
    const expected = (xs: readonly Tensor[]) => sum(plain(xs[0]!, xs[1]!).sin())
    for (const [i, g] of grad(loss)(at).entries()) allClose(g, grad(expected)(at)[i]!, { rtol: 1e-12, atol: 1e-13 })
    const seconds = hvp(loss, at, at)
    for (const [i, h] of seconds.entries()) allClose(h, hvp(expected, at, at)[i]!, { rtol: 1e-11, atol: 1e-12 })
    assert.ok(checkGradients((x, y) => sum(grad((z: Tensor) => loss([z, y!]))(x!).square()), at, { atol: 1e-5 }))
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

test('wrong rules are errors that name the operation', () => {
  assert.throws(() => customOp({ name: 'none', forward: (x: Tensor) => x }), /a vjp or a jvp for 'none'/)
  const bad = customOp<[Tensor]>({ name: 'bad', forward: (x) => x.square(), vjp: (dy) => [dy.sum()] })
  assert.throws(() => grad((x: Tensor) => sum(bad(x)))(a), /bad: expected a cotangent \[3\] of input 0, got \[\]/)
  const worse = customOp<[Tensor]>({ name: 'worse', forward: (x) => x.square(), jvp: ([dx]) => dx.sum() })
  assert.throws(() => jvp((x: Tensor) => worse(x), a, a), /worse: expected a tangent \[3\]/)
})

test.run()
