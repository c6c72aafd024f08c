import {
  cast,
  DeviceError,
  GradError,
  grad,
  hessian,
  hvp,
  inSite,
  jacobian,
  jvp,
  keep,
  MemoryError,
  matmul,
  memoryInfo,
  OptionError,
  ShapeError,
  scope,
  site,
  sum,
  type Tensor,
  tap,
  tensor,
  useDevice,
  vjp,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('derivatives and lifetime')
const f64 = (x: number | number[]) => tensor(x, null, { dtype: 'f64' })
const cube = (x: Tensor) => sum(x.pow(3))

test('levels are not confused: d/dx [x · d/dy (x + y)] is 1', () => {
  const f = (x: Tensor) => x.mul(grad((y: Tensor) => x.add(y))(tensor(5)))
  assert.is(grad(f)(tensor(3)).item(), 1)
})

test('gradients nest: the third derivative of x⁴ is 24 x', () => {
  assert.is(grad(grad(grad((x: Tensor) => x.pow(4))))(f64(3)).item(), 72)
})

test('hvp, hessian and jacobian agree on a cubic', () => {
  const x = f64([1, 2, 3])
  allClose(hvp(cube, x, f64([1, -1, 2])), [6, -12, 36])
  allClose(hessian(cube, x), [
    [6, 0, 0],
    [0, 12, 0],
    [0, 0, 18],
  ])
  allClose(
    jacobian((v) => v.square(), x),
    [
      [2, 0, 0],
      [0, 4, 0],
      [0, 0, 6],
    ],
  )
})

test('a pullback may be called again, stacked, and not after its disposal', () => {
  const { value, pullback } = vjp((x: Tensor) => x.square(), f64([1, 2]))
  allClose(value, [1, 4])
  allClose(pullback(f64([1, 1])), [2, 4])
  allClose(
    pullback(
      tensor(
        [
          [1, 0],
          [0, 1],
        ],
        null,
        { dtype: 'f64' },
      ),
    ),
    [
      [2, 0],
      [0, 4],
    ],
  )
  assert.throws(
    () => pullback(f64([1, 2, 3])),
    (error: Error) => error instanceof ShapeError,
  )
  pullback.dispose()
  assert.throws(
    () => pullback(f64([1, 1])),
    (error: Error) => error instanceof GradError,
  )
})

test('an input that the function does not use gets zeros', () => {
  const [, unused] = grad(([a]: readonly Tensor[]) => a!.square())([f64(1), f64([4, 5])])
  allClose(unused!, [0, 0])
})

test('a function to more than one number, and an integer input, are GradErrors', () => {
  assert.throws(
    () => grad((x: Tensor) => x)(f64([1, 2])),
    (error: Error) => error instanceof GradError && /shape \[\]/.test(error.message),
  )
  assert.throws(
    () => grad((x: Tensor) => sum(x))(tensor([1], null, { dtype: 'i32' })),
    (error: Error) => error instanceof GradError,
  )
})

test('a scope frees all but its result, also when it throws, and keep takes a tensor out', () => {
  const before = memoryInfo()
  let kept: Tensor | undefined
  const y = scope(() => {
    const x = f64([1, 2, 3])
    kept = keep(x.add(1))
    return x.mul(2).square()
  })
  assert.is(memoryInfo().tensors, before.tensors + 2)
  y.dispose()
  kept!.dispose()
  assert.throws(() => scope(() => [f64(1), matmul(f64(1), f64(1))]))
  assert.equal([memoryInfo().tensors, memoryInfo().buffers], [before.tensors, before.buffers])
})

test('a thousand derivatives of every kind end with the buffers they began with', () => {
  const x = f64([1, 2, 3])
  const before = memoryInfo()
  for (let i = 0; i < 1000; i++) {
    grad(cube)(x).dispose()
    hvp(cube, x, x).dispose()
    const { value, pullback } = vjp(cube, x)
    value.dispose()
    pullback.dispose()
  }
  const after = memoryInfo()
  assert.equal([after.tensors, after.buffers], [before.tensors, before.buffers])
})

test('use after disposal is a MemoryError that says what to do', () => {
  const x = f64(1)
  x.dispose()
  assert.throws(
    () => x.add(1),
    (error: Error) => error instanceof MemoryError && /keep\(\)/.test(error.message),
  )
})

test('views share a buffer, which lives as long as the last of them', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  const t = x.transpose()
  x.dispose()
  assert.equal(t.toArray(), [
    [1, 3],
    [2, 4],
  ])
})

const model = (x: Tensor) => inSite('layer.0', () => site('output', site('hidden', x.mul(2)).add(1)))

test('a tap records and replaces sites, and leaves nothing behind', () => {
  const x = f64([1])
  const { result, recorded } = tap(
    { record: ['layer.*.hidden'], replace: { 'layer.0.hidden': (h) => h.mul(10) } },
    () => scope(() => model(x)),
  )
  assert.is(result.item(), 21)
  assert.is(recorded['layer.0.hidden']!.item(), 20)
  assert.throws(
    () =>
      tap({ replace: { 'layer.0.hidden': f64([0]) } }, () => {
        model(x)
        throw new Error('mine')
      }),
    /mine/,
  )
  assert.is(model(x).item(), 3)
})

test('an unknown site lists those that were passed', () => {
  assert.throws(
    () => tap({ record: ['layer.1.output'] }, () => model(f64(1))),
    (error: Error) => {
      return error instanceof OptionError && error.known.join() === 'layer.0.hidden,layer.0.output'
    },
  )
})

test('the gradient at a site is that of what follows it', () => {
  const at = (h: Tensor) => sum(tap({ replace: { 'layer.0.hidden': h } }, () => model(f64([7]))).result.square())
  allClose(grad(at)(f64([3])), [8])
})

test('a reverse pass under a forward level frees no handle that two values share', () => {
  const pull = (x: Tensor) => {
    const { pullback } = vjp((at: Tensor) => at.sub(at.logSumExp(-1, { keepDims: true })), x)
    const gradient = pullback(f64([1, 2, 4]))
    pullback.dispose()
    return gradient
  }
  // Jᵀu = u − p Σu with p = softmax(x) = 1/3 each; its derivative along v is −Σu (p ∘ v − p ⟨p, v⟩)
  const { value, tangent } = jvp(pull, f64([0, 0, 0]), f64([3, 0, 0]))
  allClose(value, [1 - 7 / 3, 2 - 7 / 3, 4 - 7 / 3], { rtol: 1e-14 })
  allClose(tangent, [-14 / 3, 7 / 3, 7 / 3], { rtol: 1e-14 })
})

test('a gradient through stacked tangents of a stretched value', () => {
  const x = f64([1, 2, 3])
  const directions = f64([
    [1, 0, 0],
    [0, 1, 1],
  ] as never)
  const f = (t: Tensor) => t.expand([4, 3]).sin()
  // Σ over directions and copies of cos(x) v: each element of x has one direction, and four copies
  allClose(grad((at: Tensor) => sum(jvp(f, at, directions).tangent))(x), x.sin().mul(-4), { rtol: 1e-14 })
  allClose(grad((vs: Tensor) => sum(jvp(f, x, vs).tangent))(directions), x.cos().mul(4).expand([2, 3]), { rtol: 1e-14 })
})

test('errors are typed, with fields and advice', async () => {
  assert.throws(
    () => matmul(tensor([[1, 2]]), tensor([[1, 2]])),
    (error: Error) => error instanceof ShapeError && error.op === 'matmul' && /transposeB: true/.test(error.message),
  )
  assert.throws(() => tensor([[1, 2], [3]] as number[][]), /rectangular/)
  assert.throws(() => tensor([1, 2]).reshape([3]), /2 elements/)
  assert.throws(() => tensor([1, 2]).add(tensor([1, 2, 3])), /broadcast/)
  assert.throws(() => sum(tensor([1]), 3), /axis/)
  assert.throws(
    () => tensor([1], null, { device: 'gpu' }),
    (error: unknown) => error instanceof DeviceError,
  )
  try {
    await useDevice('tpu' as 'gpu')
    assert.unreachable()
  } catch (error) {
    assert.instance(error, OptionError)
  }
})

test('dtypes: numbers take the tensor’s, casts cut towards zero, NaN is true', () => {
  assert.is(f64(1).add(0.5).dtype, 'f64')
  assert.is(tensor([1], null, { dtype: 'i32' }).add(1).dtype, 'i32')
  assert.is(tensor([1], null, { dtype: 'i32' }).add(0.5).dtype, 'f32')
  assert.equal(cast(tensor([-1.7, 1.7]), 'i32').toArray(), [-1, 1])
  assert.equal(cast(tensor([Number.NaN, 0]), 'bool').toArray(), [true, false])
})

test.run()
