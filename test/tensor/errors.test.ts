/** Errors are data and one sentence. */
import {
  AntecedentError,
  arange,
  concat,
  DeviceError,
  type DeviceName,
  DTypeError,
  device,
  embedding,
  layerNorm,
  linear,
  matmul,
  OptionError,
  ShapeError,
  tensor,
  useDevice,
  where,
  zeros,
} from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('errors')

/** What an error must be: its class, its fields, or patterns of them. */
interface Wanted {
  type: new (...args: never[]) => AntecedentError
  op: string
  expected: string | RegExp
  got: string
  hint?: RegExp
}

function check(error: unknown, { type, op, expected, got, hint }: Wanted): void {
  assert.instance(error, type)
  assert.instance(error, AntecedentError)
  const e = error as AntecedentError
  assert.equal([e.name, e.op, e.got], [type.name, op, got])
  if (typeof expected === 'string') assert.is(e.expected, expected)
  else assert.match(e.expected, expected)
  if (hint) assert.match(e.hint ?? '', hint)
  assert.is(e.message, `${e.op}: expected ${e.expected}, got ${e.got}${e.hint ? ` (${e.hint})` : ''}`)
}

function throws(f: () => unknown, wanted: Wanted): void {
  let error: unknown
  try {
    f()
  } catch (caught) {
    error = caught
  }
  check(error, wanted)
}

const cases: Record<string, [f: () => unknown, wanted: Wanted]> = {
  'matmul of inner sizes that a transposition would mend says so': [
    () => matmul(zeros([2, 3]), zeros([4, 3])),
    {
      type: ShapeError,
      op: 'matmul',
      expected: 'equal inner sizes',
      got: '[2, 3] · [4, 3]',
      hint: /transposeB: true/,
    },
  ],
  'matmul of a scalar': [
    () => matmul(tensor(2), zeros([2, 2])),
    { type: ShapeError, op: 'matmul', expected: 'vectors or matrices', got: '[] · [2, 2]' },
  ],
  'shapes that do not broadcast': [
    () => zeros([2, 3]).add(zeros([2])),
    { type: ShapeError, op: 'add', expected: /broadcast/, got: '[2, 3] and [2]' },
  ],
  'an axis out of range': [
    () => zeros([2, 3]).sum(2),
    { type: ShapeError, op: 'sum', expected: 'an axis from -2 to 1', got: '2' },
  ],
  'an axis named twice': [
    () => zeros([2, 3]).sum([0, -2]),
    { type: ShapeError, op: 'sum', expected: 'each axis once', got: '[-2, -2]' },
  ],
  'a maximum of nothing': [
    () => zeros([2, 0]).max(1),
    { type: ShapeError, op: 'max', expected: /at least one element/, got: '[2, 0]' },
  ],
  'a reshape to another size': [
    () => zeros([2, 3]).reshape([4]),
    { type: ShapeError, op: 'reshape', expected: 'a shape of 6 elements for [2, 3]', got: '[4]' },
  ],
  'ragged rows': [
    () => tensor([[1, 2], [3]]),
    { type: ShapeError, op: 'tensor', expected: 'rectangular nested arrays', got: 'rows of [2] and [1]' },
  ],
  'elements that do not fill the shape': [
    () => tensor([1, 2, 3], [2, 2]),
    { type: ShapeError, op: 'tensor', expected: '4 elements for [2, 2]', got: '3' },
  ],
  'item of several elements': [
    () => zeros([2]).item(),
    { type: ShapeError, op: 'item', expected: 'one element', got: '[2]' },
  ],
  'concat of shapes that disagree': [
    () => concat([zeros([2, 3]), zeros([2, 4])]),
    { type: ShapeError, op: 'concat', expected: 'shapes that agree on all axes but 0', got: '[2, 3] and [2, 4]' },
  ],
  'a linear layer whose weight lies the other way': [
    () => linear(zeros([5, 3]), zeros([3, 4])),
    { type: ShapeError, op: 'linear', expected: 'x […, in] and weight [out, in]', got: '[5, 3] and [3, 4]' },
  ],
  'a layer norm whose weight does not fit': [
    () => layerNorm(zeros([2, 3]), zeros([2])),
    { type: ShapeError, op: 'layerNorm', expected: 'a weight [3]', got: '[2]' },
  ],
  'an id outside the table': [
    () => embedding(zeros([4, 2]), tensor(Int32Array.of(0, 4))),
    { type: ShapeError, op: 'embedding', expected: 'indices from 0 to 3', got: '4' },
  ],
  'ids that are floats': [
    () => embedding(zeros([4, 2]), tensor([0, 1])),
    { type: DTypeError, op: 'embedding', expected: 'i32 indices', got: 'f32', hint: /cast\('i32'\)/ },
  ],
  'a softmax of integers': [
    () => arange(0, 3).softmax(),
    { type: DTypeError, op: 'softmax', expected: 'a float tensor (f32, f64)', got: 'i32', hint: /cast\('f32'\)/ },
  ],
  'a condition that is no boolean': [
    () => where(tensor([1]), 1, 2),
    { type: DTypeError, op: 'where', expected: 'a bool condition', got: 'f32', hint: /compare/ },
  ],
  'a slice of step 0': [
    () => zeros([3]).slice([0], [3], [0]),
    { type: OptionError, op: 'slice', expected: /a step other than 0/, got: '0:3:0' },
  ],
  'a step of 0 in arange': [
    () => arange(0, 3, 0),
    { type: ShapeError, op: 'arange', expected: 'a step other than 0', got: '0' },
  ],
}

for (const [name, [f, wanted]] of Object.entries(cases)) {
  test(`${name} is a ${wanted.type.name}`, () => throws(f, wanted))
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

test('a device that is not open is a DeviceError, and changes nothing', async () => {
  const before = device()
  const error = await failure(Promise.resolve().then(() => zeros([2], { device: 'gpu' })))
  check(error, { type: DeviceError, op: 'useDevice', expected: /open/, got: 'gpu', hint: /await useDevice\('gpu'\)/ })
  assert.equal(device(), before)
})

test('an unknown device lists the known ones', async () => {
  const error = await failure(useDevice('cuda' as string as DeviceName))
  check(error, { type: OptionError, op: 'useDevice', expected: 'a device (ref, wasm, blas, gpu)', got: '"cuda"' })
  assert.equal((error as OptionError).known, ['ref', 'wasm', 'blas', 'gpu'])
})

test.run()
