/** Indexing against NumPy's answers, and functions whose results are short enough to be written down. */
import {
  at,
  diagonal,
  grad,
  scatter,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  topK,
  useDevice,
} from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('indexing')

/** np.arange(24).reshape(2, 3, 4) */
const x = tensor(
  Float64Array.from({ length: 24 }, (_, i) => i),
  [2, 3, 4],
)

test('integers drop an axis, also from the end', () => {
  assert.equal(x.at(1, -1).toArray(), [20, 21, 22, 23])
  assert.is(x.at(-1, 0, 2).item(), 14)
})

test('slices are Python’s', () => {
  assert.equal(x.at(0, '1:', '::-2').toArray(), [
    [7, 5],
    [11, 9],
  ])
  assert.equal(x.at(':', 0, '-2:').toArray(), [
    [2, 3],
    [14, 15],
  ])
  assert.equal(x.at('5:').shape, [0, 3, 4])
})

test('null adds an axis, and dots stand for the rest', () => {
  assert.equal(x.at('...', null).shape, [2, 3, 4, 1])
  assert.equal(x.at(null, '...', 0).shape, [1, 2, 3])
  assert.equal(x.at('...', 3).toArray(), [
    [3, 7, 11],
    [15, 19, 23],
  ])
})

test('lists and index vectors pick places', () => {
  assert.equal(x.at(0, [2, 0, -1], 1).toArray(), [9, 1, 9])
  assert.equal(x.at(':', tensor(Int32Array.of(1)), '0:1').toArray(), [[[4]], [[16]]])
})

test('masks pick where they are true, over as many axes as they have', () => {
  assert.equal(x.at(x.greater(20)).toArray(), [21, 22, 23])
  assert.equal(x.at(':', tensor([true, false, true]), 0).toArray(), [
    [0, 8],
    [12, 20],
  ])
  const mask = tensor([
    [true, false, false],
    [false, false, true],
  ])
  assert.equal(x.at(mask, 0).toArray(), [0, 20])
})

test('a gradient goes to the places that were read, as often as they were', () => {
  const loss = (t: Tensor) => sum(t.at([0, 2, 2], '::2').mul(tensor(Float64Array.of(1, 2), null)))
  assert.equal(grad(loss)(x.at(0)).toArray(), [
    [1, 0, 2, 0],
    [0, 0, 0, 0],
    [2, 0, 4, 0],
  ])
})

test('wrong entries are errors that say what is right', () => {
  assert.throws(() => x.at(0, 0, 0, 0), /at most 3 axes/)
  assert.throws(() => x.at(2), /from -2 to 1/)
  assert.throws(() => x.at('1-3'), /such as '1:3'/)
  assert.throws(() => x.at([0], [1]), /at most one list/)
  assert.throws(() => x.at('...', '...'), /at most one '\.\.\.'/)
  assert.throws(() => x.at([7]), /indices from 0 to 1/)
  assert.throws(() => at(x, tensor([true])), /a mask \[2\]/)
})

test('a diagonal of any two axes, in either order', () => {
  assert.equal(diagonal(x.at(0)).toArray(), [0, 5, 10])
  assert.equal(diagonal(x, { axis0: 0, axis1: 2 }).toArray(), [
    [0, 13],
    [4, 17],
    [8, 21],
  ])
  assert.equal(diagonal(x, { axis0: 2, axis1: 0, offset: -1 }).toArray(), [
    [1, 14],
    [5, 18],
    [9, 22],
  ])
  assert.equal(diagonal(x.at(0), { offset: 9 }).shape, [0])
})

test('NaN counts as the largest number, and equal ones keep their order', () => {
  const found = topK(tensor([1, Number.NaN, 3, 3, -0, 0]), 4)
  assert.equal(found.indices.toArray(), [1, 2, 3, 0])
  assert.equal(tensor([0, -0]).equal(0).all().item(), 1)
})

test('scatter refuses to write one place twice', () => {
  const index = tensor(Int32Array.of(1, 1))
  assert.throws(() => scatter(tensor([0, 0]), index, tensor([1, 2]), 0), /each place once/)
})

test('stopGradient makes a constant at every level', () => {
  const f = (t: Tensor) => sum(t.mul(stopGradient(t)))
  assert.equal(grad(f)(tensor([2, 3])).toArray(), [2, 3])
  assert.equal(grad((t: Tensor) => sum(grad(f)(t)))(tensor([2, 3])).toArray(), [0, 0])
})

test.run()
