/** Several devices at once, with a second one that is the reference under another name and a small memory. */
import { device, grad, memoryInfo, scope, sum, type Tensor, tensor, useDevice, zeros } from '@antecedent/tensor'
import { type Backend, registerBackend } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { refBackend } from '../../packages/tensor/src/backends/ref/index.ts'

const test = suite('devices')
const room = 2 ** 16
let used = 0

/** Refuses what does not fit, as a GPU does. */
const small: Backend = {
  ...refBackend,
  name: 'small',
  dtypes: ['bool', 'i32', 'f32'],
  allocate: (dtype, capacity) => {
    if (used + capacity * 8 > room) throw new RangeError('no room')
    used += capacity * 8
    return refBackend.allocate(dtype, capacity)
  },
  free: ({ capacity }) => {
    used -= capacity * 8
  },
}
registerBackend(small)

test('to moves there and back, is differentiable, and returns what is there already', () => {
  const x = tensor([1, 2, 3], null, { device: 'ref' })
  const moved = x.to('small')
  assert.is(moved.device, 'small')
  assert.is(moved.to('small'), moved)
  allClose(moved.to('ref'), [1, 2, 3])
  const there = (t: Tensor) => sum(t.to('small').square()).to('ref')
  const gradient = grad(there)(x)
  assert.is(gradient.device, 'ref')
  allClose(gradient, [2, 4, 6])
})

test('a device that is not there, or lacks the dtype, is an error', () => {
  assert.throws(() => tensor([1]).to('gpu'), /await useDevice\('gpu'\) opens it/)
  assert.throws(() => tensor([1]).to('tpu'), /ref, wasm, blas, gpu/)
  assert.throws(() => tensor(Float64Array.of(1)).to('small'), /f64 lives on ref alone/)
})

test('the current device is where tensors are made', async () => {
  await useDevice('small' as 'ref')
  assert.is(tensor([1]).device, 'small')
  await useDevice('ref')
  assert.is(device().name, 'ref')
})

test('out of memory: a typed error, after which everything works and is counted right', () => {
  const before = memoryInfo()
  assert.throws(
    () =>
      scope(() => {
        const held = [zeros([1000], { device: 'small' }), zeros([1000], { device: 'small' })]
        return zeros([1e6], { device: 'small' }).add(held[0]!)
      }),
    (error: Error) => error.name === 'MemoryError' && /dispose tensors, use scope/.test(error.message),
  )
  assert.is(memoryInfo().tensors, before.tensors)
  assert.is(memoryInfo().liveBytes, before.liveBytes)
  scope(() => allClose(zeros([1000], { device: 'small' }).add(1).sum(), 1000))
})

test('what lies unused in the pool makes room for what is asked', () => {
  for (const size of [1000, 2000, 3000, 4000, 5000, 6000]) scope(() => void zeros([size], { device: 'small' }))
  assert.ok(used <= room)
})

test('a size beyond all memory is an error on ref, too', () => {
  assert.throws(() => zeros([2 ** 40]), /out of memory/)
  assert.throws(() => zeros([2 ** 30, 2 ** 30]), /shape of non-negative integers/)
  allClose(zeros([3]).add(1), [1, 1, 1])
})

test.run()
