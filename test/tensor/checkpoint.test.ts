/** A checkpoint runs its function twice: sites, closures and errors must be those of the first run. */
import {
  checkpoint,
  customOp,
  embedding,
  GradError,
  grad,
  hessian,
  hvp,
  inSite,
  jvp,
  memoryInfo,
  type Replacement,
  randomKey,
  scope,
  site,
  sum,
  type Tensor,
  tap,
  tensor,
  uniform,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('checkpoint')
const x = tensor(Float64Array.of(1, 2, 3))
const one = tensor(Float64Array.of(1)).reshape([])
const tenfold = (value: Tensor) => value.mul(10)

/** x³, with x² as a site. */
const layer = (h: Tensor) => site('output', h.square()).mul(h)
const kept = checkpoint(layer)

test('the recomputation replaces sites as the run did, under its prefix', () => {
  const constant = tensor(Float64Array.of(5, 5, 5))
  const gradient = (f: (h: Tensor) => Tensor, replacement: Replacement) =>
    tap({ replace: { 'layer.0.output': replacement } }, () =>
      grad((t: Tensor) => sum(inSite('layer.0', () => f(t))))(x),
    ).result.toArray()
  assert.equal(gradient(kept, tenfold), [30, 120, 270])
  assert.equal(gradient(kept, constant), gradient(layer, constant))
  assert.equal(gradient(checkpoint(kept), tenfold), [30, 120, 270])
})

test('the taps of the run hold for a pullback after them, and those around the pullback do not', () => {
  const during = tap({ replace: { output: tenfold } }, () => vjp((t: Tensor) => sum(kept(t)), x)).result
  assert.equal(during.pullback(one).toArray(), [30, 120, 270])
  const before = vjp((t: Tensor) => sum(kept(t)), x)
  const { result } = tap({ replace: { output: tenfold } }, () => {
    site('output', x)
    return before.pullback(one)
  })
  assert.equal(result.toArray(), [3, 12, 27])
  for (const { pullback } of [during, before]) pullback.dispose()
})

test('a site is recorded outside derivatives, and refused where the derivative would not see it', () => {
  assert.equal(tap({ record: ['output'] }, () => kept(x)).recorded.output!.toArray(), [1, 4, 9])
  const recorded = (f: (h: Tensor) => Tensor) => (t: Tensor) =>
    sum(tap({ record: ['output'] }, () => f(t)).recorded.output!)
  assert.equal(grad(recorded(layer))(x).toArray(), [2, 4, 6])
  const custom = customOp<[Tensor]>({ name: 'custom', forward: layer, vjp: (dy) => [dy] })
  for (const f of [kept, checkpoint(kept), custom]) {
    assert.throws(
      () => grad(recorded(f))(x),
      (error: unknown) => error instanceof GradError && /'output'.*without checkpoint/.test(error.message),
    )
  }
})

test('a tap within the function records in both runs', () => {
  const inner = (h: Tensor) => sum(tap({ record: ['output'] }, () => layer(h)).recorded.output!)
  assert.equal(grad(checkpoint(inner))(x).toArray(), [2, 4, 6])
  assert.equal(grad(checkpoint(checkpoint(inner)))(x).toArray(), [2, 4, 6])
})

test('forward mode passes the sites of the call', () => {
  const along = (f: (h: Tensor) => Tensor) =>
    tap({ replace: { 'layer.0.output': tenfold } }, () =>
      inSite('layer.0', () => jvp(f, x, x)),
    ).result.tangent.toArray()
  assert.equal(along(kept), along(layer))
  assert.equal(along(checkpoint(kept)), [30, 240, 810])
})

test('a replacement that a derivative follows is an error within, and followed outside', () => {
  const replaced = (f: (h: Tensor) => Tensor) => (v: Tensor) => tap({ replace: { output: v } }, () => sum(f(x))).result
  assert.throws(() => grad(replaced(kept))(x), /pass that value as an argument/)
  const outside = (h: Tensor) => checkpoint((v: Tensor) => v.mul(v))(site('output', h))
  assert.equal(grad(replaced(outside))(x).toArray(), [2, 4, 6])
})

test('taps and prefixes are restored when a recomputation throws, and nothing stays in memory', () => {
  let runs = 0
  const once = checkpoint((h: Tensor) => {
    if (runs++ > 0) throw new Error('second run')
    return layer(h).sin()
  })
  const before = memoryInfo().tensors
  const run = () => tap({ replace: { output: tenfold } }, () => inSite('a', () => grad((t: Tensor) => sum(once(t)))(x)))
  assert.throws(run, /second run/)
  assert.is(memoryInfo().tensors, before)
  runs = 0
  const { pullback } = inSite('a', () => vjp((t: Tensor) => sum(once(t)), x))
  const afterwards = tap({ record: ['output'] }, () => {
    assert.throws(() => pullback(one), /second run/)
    return layer(x)
  })
  assert.equal(Object.keys(afterwards.recorded), ['output'])
  pullback.dispose()
  assert.equal(tap({ record: ['output'] }, () => layer(x)).recorded.output!.toArray(), [1, 4, 9])
})

test('integer arguments, no arguments, and results that are arguments or constants', () => {
  const ids = tensor([1, 1, 2], null, { dtype: 'i32' })
  const look = (w: Tensor, i: Tensor) => embedding(w, i).tanh()
  const w = uniform([4, 3], randomKey(1), { dtype: 'f64' })
  const loss = (f: typeof look) => (t: Tensor) => sum(f(t, ids).square())
  assert.equal(hvp(loss(checkpoint(look)), w, w).toArray(), hvp(loss(look), w, w).toArray())
  assert.is(checkpoint(() => tensor(4))().item(), 4)
  assert.equal(grad((t: Tensor) => sum(checkpoint((a: Tensor) => a)(t)))(x).toArray(), [1, 1, 1])
  assert.equal(grad((t: Tensor) => sum(checkpoint((_: Tensor) => x)(t)))(x).toArray(), [0, 0, 0])
  assert.not(x.disposed)
})

test('checkpoints in checkpoints have exact second derivatives and leave nothing behind', () => {
  const nested = (t: Tensor) => sum(checkpoint((a: Tensor) => checkpoint((b: Tensor) => b.sin())(a).square())(t))
  const before = memoryInfo()
  scope(() =>
    allClose(
      hessian(nested, x),
      hessian((t: Tensor) => sum(t.sin().square()), x),
      { rtol: 1e-14, atol: 1e-15 },
    ),
  )
  assert.equal([memoryInfo().tensors, memoryInfo().liveBytes], [before.tensors, before.liveBytes])
})

test('a function that gives another shape when it runs again is an error in both modes', () => {
  const fickle = () => {
    let runs = 0
    return checkpoint((h: Tensor) => (runs++ === 0 ? h.square() : sum(h)))
  }
  assert.throws(() => grad((h: Tensor) => sum(fickle()(h)))(x), /checkpoint: expected a cotangent \[3\] of input 0/)
  assert.throws(() => jvp(fickle(), x, x), /checkpoint: expected a tangent \[3\] of the result, got \[\]/)
})

test.run()
