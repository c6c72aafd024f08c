/** Absurd sizes, wherever memory is asked for: a typed error, after which everything works and is counted right. */
import {
  arange,
  dropout,
  eye,
  grad,
  linspace,
  MemoryError,
  matmul,
  memoryInfo,
  permutation,
  randomKey,
  scope,
  sum,
  type Tensor,
  tensor,
  uniform,
  useDevice,
  zeros,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('out of memory')
const n = 2 ** 40
const key = randomKey(1)
/** Many elements in the memory of one. */
const wide = () => zeros([1]).expand([n])

const calls: Record<string, () => unknown> = {
  zeros: () => zeros([n]),
  uniform: () => uniform([n], key),
  permutation: () => permutation(n, key),
  dropout: () => dropout(wide(), 0.5, key),
  eye: () => eye(2 ** 20),
  arange: () => arange(0, n),
  linspace: () => linspace(0, 1, n),
  'an operation on a broadcast view': () => wide().add(1),
  'the scratch memory of a kernel': () => matmul(wide(), wide()),
  'reading a broadcast view': () => wide().dataSync(),
  'a gradient': () => grad((x: Tensor) => sum(x.exp().unsqueeze(-1).expand([3, n]).mul(2)))(tensor([1, 2, 3])),
}

/** the others fill or read arrays of the host */
const onDevice = new Set(['zeros', 'dropout', 'an operation on a broadcast view', 'a gradient'])

for (const [name, call] of Object.entries(calls)) {
  test(`${name}: a MemoryError with its parts, and nothing is left behind`, () => {
    const before = memoryInfo()
    try {
      scope(call)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, MemoryError)
      const { op, expected, got, hint, cause } = error as MemoryError
      assert.is(op, 'allocate')
      assert.match(expected, new RegExp(`^room for \\d+ bytes on ${onDevice.has(name) ? 'ref' : 'the host'}$`))
      assert.match(got, /out of memory/)
      assert.match(hint!, /scope\(\)/)
      assert.instance(cause, Error)
    }
    const after = memoryInfo()
    assert.equal([after.tensors, after.buffers, after.liveBytes], [before.tensors, before.buffers, before.liveBytes])
    scope(() =>
      allClose(matmul(eye(2), zeros([2, 2]).add(1)), [
        [1, 1],
        [1, 1],
      ]),
    )
  })
}

test.run()
