/** Optimisers beyond the golden cases: training, memory, saving, and errors. */
import {
  adamW,
  clipGradNorm,
  constantSchedule,
  dispose,
  linearSchedule,
  memoryInfo,
  type Optimizer,
  scope,
  sgd,
  sum,
  type Tensor,
  tensor,
  useDevice,
  valueAndGrad,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('optimisers')
const start = () => [tensor(Float64Array.of(3, -2)), tensor(Float64Array.of(1))]
/** Least at w = (1, 2), v = −1. */
const loss = ([w, v]: readonly Tensor[]) =>
  sum(w!.sub(tensor(Float64Array.of(1, 2))).square()).add(sum(v!.add(1).square()))

function train(optimizer: Optimizer, steps: number): Tensor[] {
  let params = start()
  let state = optimizer.init(params)
  for (let i = 0; i < steps; i++) {
    const next = scope(() => optimizer.update(params, valueAndGrad(loss)(params as readonly Tensor[])[1], state))
    dispose({ params, state })
    ;({ params, state } = next)
  }
  dispose(state)
  return params
}

test('descent reaches the least', () => {
  for (const optimizer of [sgd({ lr: 0.1 }), sgd({ lr: 0.05, momentum: 0.8, nesterov: true }), adamW({ lr: 0.1 })]) {
    const [w, v] = train(optimizer, 400)
    allClose(w!, [1, 2], { atol: 1e-6 })
    allClose(v!, [-1], { atol: 1e-6 })
  }
})

test('a training loop holds no more at its end than its parameters', () => {
  const before = memoryInfo()
  const params = train(adamW({ lr: 0.1 }), 50)
  dispose(params)
  assert.is(memoryInfo().tensors, before.tensors)
  assert.is(memoryInfo().liveBytes, before.liveBytes)
})

test('a state that was written and read goes on with the same bits', () => {
  const { init, update } = adamW({ lr: 0.1, weightDecay: 0.1 })
  const gradients = start()
  const first = update(start(), gradients, init(start()))
  const written = JSON.parse(
    JSON.stringify(first.state, (_, value) => (value?.dataSync ? [...value.dataSync()] : value)),
  ) as { step: number; slots: Record<string, number[][]> }
  const read = Object.fromEntries(
    Object.entries(written.slots).map(([name, list]) => [name, list.map((data) => tensor(Float64Array.from(data)))]),
  )
  const resumed = update(first.params, gradients, { step: written.step, slots: read })
  const straight = update(first.params, gradients, first.state)
  for (const [i, w] of straight.params.entries()) assert.equal(resumed.params[i]!.dataSync(), w.dataSync())
})

test('a schedule’s rate takes the place of the optimiser’s', () => {
  const { init, update } = sgd({ lr: 1 })
  const rate = linearSchedule({ lr: 1, warmupSteps: 2, totalSteps: 6 })
  assert.equal([0, 1, 2, 4, 6, 9].map(rate), [0, 0.5, 1, 0.5, 0, 0])
  assert.equal([0, 1, 2, 3].map(constantSchedule({ lr: 2, warmupSteps: 2 })), [0, 1, 2, 2])
  const moved = update(start(), start(), init(start()), rate(1)).params[0]!
  allClose(moved, [1.5, -1])
})

test('clipping leaves short gradients and the direction of long ones', () => {
  const { norm, gradients } = clipGradNorm([tensor([3]), tensor([4])], 1)
  allClose(norm, 5)
  allClose(gradients[1]!, [0.8], { rtol: 1e-6 })
  allClose(clipGradNorm([tensor([3])], 10).gradients[0]!, [3])
  assert.equal(clipGradNorm([], 1).gradients, [])
  assert.ok(Number.isNaN(clipGradNorm([tensor([Number.NaN]), tensor([4])], 1).gradients[1]!.item()))
  assert.throws(() => clipGradNorm([tensor([3])], 0), /maxNorm > 0/)
})

test('dtypes do not drift: gradients and state have the parameters’, and clipping leaves each as it is', () => {
  const { init, update } = adamW({ lr: 1 })
  const params = [tensor([1, 2])]
  const wide = [tensor(Float64Array.of(1, 2))]
  assert.throws(() => update(params, wide, init(params)), /gradients in f32 for parameter 0, got f64/)
  assert.throws(() => update(params, params, init(wide)), /state 'm' in f32 for parameter 0, got f64/)
  const whole = [tensor([1, 2], null, { dtype: 'i32' })]
  assert.throws(() => update(whole, whole, init(whole)), /float tensor/)
  assert.is(update(params, params, init(params)).params[0]!.dtype, 'f32')
  const { gradients } = clipGradNorm([tensor([3]), tensor(Float64Array.of(4))], 1)
  assert.equal(
    gradients.map((g) => g.dtype),
    ['f32', 'f64'],
  )
  allClose(gradients[0]!, [0.6], { rtol: 1e-6 })
})

test('what does not fit is an error that says so', () => {
  for (const rate of [Number.NaN, -1]) {
    assert.throws(() => sgd({ lr: 1 }).update(start(), start(), sgd({ lr: 1 }).init(start()), rate), /lr in \[0/)
  }
  assert.throws(() => sgd({ lr: 1, momentum: 0.9, dampening: Number.NaN }), /dampening in/)
  assert.throws(() => sgd({ lr: 1, nesterov: true }), /a momentum and no dampening/)
  assert.throws(() => sgd({ lr: 1, momentum: 0.9, dampening: 0.1, nesterov: true }), /a momentum and no dampening/)
  assert.throws(() => adamW({ lr: -1 }), /adamW: expected lr in \[0, Infinity\), got -1/)
  assert.throws(() => adamW({ lr: 1, beta1: 1 }), /beta1 in \[0, 1\)/)
  const { init, update } = adamW({ lr: 1 })
  assert.throws(() => update(start(), [tensor([1])], init(start())), /gradients of shape \[2\] and \[1\]/)
  assert.throws(() => update(start(), start(), { step: 0, slots: {} }), /state 'm'/)
})

test.run()
