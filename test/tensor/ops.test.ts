/** Every operation of the table, on every one of its cases: values, and derivatives in both modes and both orders. */
import { contiguous, grad, jvp, mul, stack, sum, type Tensor, tensor, useDevice, vjp } from '@antecedent/tensor'
import { apply, type Case, hasDerivative, type Op, ops } from '@antecedent/tensor/internal'
import { allClose, checkGradients } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('operations')

/** A stream of numbers in [0, 1) from a seed (mulberry32). */
function stream(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)

function draw(shape: readonly number[], next: () => number, [low, high]: readonly [number, number] = [-2, 2]): Tensor {
  return tensor(
    Float64Array.from({ length: sizeOf(shape) }, () => low + (high - low) * next()),
    shape,
  )
}

/** The inputs of a case. */
function inputsOf(example: Case, next: () => number): Tensor[] {
  return example.shapes.map((shape, i) => {
    const size = sizeOf(shape)
    const below = example.indices?.[i]
    if (below !== undefined)
      return tensor(
        Int32Array.from({ length: size }, () => Math.floor(next() * below)),
        shape,
      )
    if (example.booleans?.includes(i))
      return tensor(
        Uint8Array.from({ length: size }, () => Math.round(next())),
        shape,
      )
    return draw(shape, next, example.domain)
  })
}

const isFloat = (x: Tensor) => x.dtype === 'f64' || x.dtype === 'f32'

for (const [name, typed] of Object.entries(ops)) {
  const op: Op = typed
  for (const [k, example] of op.cases.entries()) {
    const title = `${name}, case ${k} ${JSON.stringify(example.shapes)}`
    const next = stream(name.length * 1000 + k)
    const inputs = inputsOf(example, next)
    const run = (...xs: Tensor[]): Tensor => apply(op, xs, example.attrs)
    const y = run(...inputs)
    const floats = inputs.flatMap((x, i) => (isFloat(x) && hasDerivative(op, i) ? [i] : []))
    const withFloats = (parts: readonly Tensor[]): Tensor[] => inputs.map((x, i) => parts[floats.indexOf(i)] ?? x)
    const at = floats.map((i) => inputs[i]!)

    test(`${title}: float32 agrees with float64 to 2e-6`, () => {
      const low = inputs.map((x) => (isFloat(x) ? x.cast('f32') : x))
      if (name === 'cast') return
      allClose(run(...low).cast('f64'), y.cast('f64'), { rtol: 2e-6, atol: 2e-6 })
    })

    test(`${title}: views with other strides give the same`, () => {
      const turned = inputs.map((x) => (x.rank > 1 ? contiguous(x.transpose()).transpose() : x))
      allClose(run(...turned).cast('f64'), y.cast('f64'), { rtol: 1e-14 })
    })

    if (op.decomposition) {
      test(`${title}: the fused operation is its decomposition`, () => {
        allClose(y, op.decomposition!(inputs, example.attrs), { rtol: 1e-12, atol: 1e-13 })
      })
    }
    if (floats.length === 0 || !isFloat(y)) continue
    const weights = draw(y.shape, next)
    const weighed = (...xs: Tensor[]) => sum(mul(run(...xs), weights))

    test(`${title}: the gradient is that of central differences`, () => {
      assert.ok(checkGradients((...xs) => weighed(...withFloats(xs)), at))
    })

    test(`${title}: so is the gradient of the gradient`, () => {
      const directions = at.map((x) => draw(x.shape, next))
      const along = (xs: readonly Tensor[]) =>
        grad((inner: readonly Tensor[]) => weighed(...withFloats(inner)))(xs)
          .map((g, i) => sum(mul(g, directions[i]!)))
          .reduce((a, b) => a.add(b))
      assert.ok(checkGradients((...xs) => along(xs), at, { atol: 1e-7 }))
    })

    test(`${title}: ⟨u, J v⟩ = ⟨Jᵀ u, v⟩, for one direction and for three stacked`, () => {
      const f = (xs: readonly Tensor[]) => run(...withFloats(xs))
      const { pullback } = vjp(f, at)
      const us = [0, 1, 2].map(() => draw(y.shape, next))
      const vs = [0, 1, 2].map(() => at.map((x) => draw(x.shape, next)))
      const pulled = us.map((u) => pullback(u))
      const pushed = vs.map((v) => jvp(f, at, v).tangent)
      const inner = (a: Tensor, b: Tensor) => sum(mul(a, b)).item()
      for (const [i, u] of us.entries()) {
        const left = inner(u, pushed[i]!)
        const right = pulled[i]!.map((g, p) => inner(g, vs[i]![p]!)).reduce((a, b) => a + b, 0)
        allClose(left, right, { rtol: 1e-9, atol: 1e-9 })
      }
      const stackedPull = pullback(stack(us))
      for (const [p, g] of stackedPull.entries())
        allClose(g, stack(pulled.map((one) => one[p]!)), { rtol: 1e-9, atol: 1e-12 })
      const stackedPush = jvp(
        f,
        at,
        at.map((_, p) => stack(vs.map((v) => v[p]!))),
      ).tangent
      allClose(stackedPush, stack(pushed), { rtol: 1e-9, atol: 1e-12 })
    })
  }
}

test('the table names every operation by its own name', () => {
  for (const [name, op] of Object.entries(ops)) assert.is(op.name, name)
})

test('checkGradients sees a wrong derivative', () => {
  const wrong: Op<'x'> = { ...ops.square, derivatives: { x: ops.neg.derivatives.x! } }
  assert.throws(() => checkGradients((x) => sum(apply(wrong, [x], {})), [tensor([1, 2])]), /central differences/)
})

test.run()
