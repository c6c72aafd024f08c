/** What is written is read back, bit by bit, however it is read. */
import fc from 'fast-check'
import {
  blobSource,
  type LazyTensorInput,
  openSource,
  parseSafetensors,
  type RawTensor,
  safetensorsChunks,
  serializeSafetensors,
  streamSafetensors,
  type TensorInput,
} from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bitsOf, metadata, tensorInput, tensorInputs } from './arbitrary.ts'
import { craft, entry, formatError } from './craft.ts'

const test = suite('safetensors: round trips')
const seed = 42

function sameTensor(actual: RawTensor, expected: TensorInput): void {
  assert.is(actual.dtype, expected.dtype)
  assert.equal(actual.shape, expected.shape)
  assert.is(actual.data.constructor, expected.data.constructor)
  assert.equal(bitsOf(actual), bitsOf(expected))
}

const joined = (chunks: Uint8Array[]) => new Uint8Array(Buffer.concat(chunks))

test('any tensors and metadata are read back as they were written', () => {
  const property = fc.property(tensorInputs, metadata, (tensors, metadata) => {
    const file = parseSafetensors(serializeSafetensors(tensors, metadata))
    assert.equal(new Set(file.names), new Set(Object.keys(tensors)))
    assert.equal(file.metadata, metadata)
    for (const [name, tensor] of file) sameTensor(tensor, tensors[name]!)
  })
  fc.assert(property, { seed, numRuns: 500 })
})

test('a file that is read and written again keeps every byte', () => {
  const property = fc.property(tensorInputs, metadata, (tensors, metadata) => {
    const bytes = serializeSafetensors(tensors, metadata)
    const file = parseSafetensors(bytes)
    assert.equal(serializeSafetensors(Object.fromEntries(file), file.metadata), bytes)
  })
  fc.assert(property, { seed })
})

test('the order of tensors and metadata as given does not matter', () => {
  const reversed = <T>(record: Readonly<Record<string, T>>) => Object.fromEntries(Object.entries(record).reverse())
  const property = fc.property(tensorInputs, metadata, (tensors, metadata) => {
    const bytes = serializeSafetensors(tensors, metadata)
    assert.equal(serializeSafetensors(reversed(tensors), reversed(metadata)), bytes)
  })
  fc.assert(property, { seed })
})

test('a file that starts at any address of its buffer reads the same', () => {
  const property = fc.property(tensorInputs, fc.integer({ min: 1, max: 15 }), (tensors, shift) => {
    const bytes = serializeSafetensors(tensors)
    const moved = new Uint8Array(bytes.length + shift).subarray(shift)
    moved.set(bytes)
    for (const [name, tensor] of parseSafetensors(moved)) sameTensor(tensor, tensors[name]!)
  })
  fc.assert(property, { seed })
})

test('chunks, sync and async, with data at once or from functions, are the bytes of the whole', async () => {
  const property = fc.asyncProperty(tensorInputs, metadata, async (tensors, metadata) => {
    const whole = serializeSafetensors(tensors, metadata)
    assert.equal(joined([...safetensorsChunks(tensors, metadata)]), whole)
    const lazy = Object.entries(tensors).map(([name, t]) => [
      name,
      { ...t, data: async () => t.data } as LazyTensorInput,
    ])
    const chunks: Uint8Array[] = []
    for await (const chunk of streamSafetensors(Object.fromEntries(lazy), metadata)) chunks.push(chunk)
    assert.equal(joined(chunks), whole)
  })
  await fc.assert(property, { seed })
})

test('a tensor longer than a chunk comes in several, and halves are rounded across their border', () => {
  const data = Float32Array.from({ length: 2 ** 22 + 3 }, (_, i) => i % 2048)
  const chunks = [...safetensorsChunks({ w: { dtype: 'F16', shape: [data.length], data } })]
  assert.equal(
    chunks.slice(1).map((chunk) => chunk.length),
    [2 ** 23, 6],
  )
  assert.equal(bitsOf(parseSafetensors(joined(chunks)).get('w')), bitsOf({ data }))
})

test('any slice, in memory and lazily, has the elements that index arithmetic picks', async () => {
  const sliced = tensorInput.chain((tensor) =>
    fc.record({
      tensor: fc.constant(tensor),
      ranges: fc
        .tuple(...tensor.shape.map((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.integer({ min: 0, max: n }))))
        .map((pairs) => pairs.map((pair) => pair.toSorted((a, b) => a - b) as [number, number])),
      given: fc.integer({ min: 0, max: tensor.shape.length }),
      gap: fc.constantFrom(0, 3, 4096),
    }),
  )
  const property = fc.asyncProperty(sliced, async ({ tensor, ranges, given, gap }) => {
    const wanted = tensor.shape.map((extent, axis) => (axis < given ? ranges[axis]! : [0, extent]) as [number, number])
    const bytes = serializeSafetensors({ pad: { dtype: 'U8', shape: [3], data: new Uint8Array(3) }, w: tensor })
    const picked = pick(tensor, wanted)
    const lazy = await openSource({ ...blobSource(new Blob([new Uint8Array(bytes)])), gap })
    for (const slice of [parseSafetensors(bytes).slice('w', ranges.slice(0, given)), await lazy.slice('w', wanted)]) {
      assert.is(slice.dtype, tensor.dtype)
      assert.equal(
        slice.shape,
        wanted.map(([start, end]) => end - start),
      )
      assert.equal(bitsOf(slice), picked)
    }
  })
  await fc.assert(property, { seed, numRuns: 500 })
})

/** The bits of a slice, element by element. */
function pick(tensor: TensorInput, ranges: [number, number][]): Uint8Array {
  const size = tensor.data.BYTES_PER_ELEMENT
  const bits = bitsOf(tensor)
  const picked: number[] = []
  const count = tensor.shape.reduce((product, extent) => product * extent, 1)
  for (let flat = 0; flat < count; flat++) {
    let rest = flat
    let inside = true
    for (let axis = tensor.shape.length - 1; axis >= 0; axis--) {
      const index = rest % tensor.shape[axis]!
      rest = (rest - index) / tensor.shape[axis]!
      inside &&= ranges[axis]![0] <= index && index < ranges[axis]![1]
    }
    if (inside) picked.push(...bits.subarray(flat * size, (flat + 1) * size))
  }
  return Uint8Array.from(picked)
}

test('data are shared with the file where aligned, copied where not', () => {
  const header = (pad: string) => `{${entry('w', 'F32', [2], [0, 8])}}${pad}`
  const aligned = craft(header(' '.repeat((8 - (header('').length % 8)) % 8)), 8)
  const shifted = craft(header(' '.repeat((8 - (header('').length % 8)) % 8 || 8).slice(1)), 8)
  assert.is(parseSafetensors(aligned).get('w').data.buffer, aligned.buffer)
  assert.is.not(parseSafetensors(shifted).get('w').data.buffer, shifted.buffer)
  assert.equal(parseSafetensors(shifted).get('w').data, new Float32Array(2))
})

test('the header is padded with spaces to 8 bytes; tensors go by element size, then name', () => {
  const one = { shape: [1] } as const
  const bytes = serializeSafetensors(
    {
      z: { ...one, dtype: 'F64', data: Float64Array.of(1) },
      b: { ...one, dtype: 'U8', data: Uint8Array.of(2) },
      a: { ...one, dtype: 'I8', data: Int8Array.of(3) },
      h: { ...one, dtype: 'F16', data: Float32Array.of(4) },
      c: { ...one, dtype: 'I64', data: BigInt64Array.of(5n) },
    },
    { b: '2', a: '1' },
  )
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  assert.is(length % 8, 0)
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length))
  const entries = [
    '"__metadata__":{"a":"1","b":"2"}',
    entry('c', 'I64', [1], [0, 8]),
    entry('z', 'F64', [1], [8, 16]),
    entry('h', 'F16', [1], [16, 18]),
    entry('a', 'I8', [1], [18, 19]),
    entry('b', 'U8', [1], [19, 20]),
  ]
  assert.is(header.trimEnd(), `{${entries}}`)
  assert.equal([...bytes.subarray(8 + length)], [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0x44, 3, 2])
  assert.equal(serializeSafetensors({}), craft('{}      '))
})

test('what can not be written is refused, naming the tensor', () => {
  const write = (name: string, tensor: object, metadata = {}) =>
    serializeSafetensors({ [name]: tensor as TensorInput }, metadata)
  const data = new Float32Array(2)
  const good = { dtype: 'F32', shape: [2], data }
  formatError(
    () => write('w', { ...good, shape: [3] }),
    /tensor "w": expected Float32Array of 3 .* got Float32Array of 2/,
  )
  formatError(() => write('w', { ...good, dtype: 'F64' }), /expected Float64Array of 2 as data of F64 \[2\]/)
  formatError(() => write('w', { ...good, data: [1, 2] }), /got Array of 2/)
  formatError(() => write('w', { ...good, data: undefined }), /got Undefined of undefined/)
  formatError(() => write('w', { ...good, dtype: 'U32' }), /tensor "w": expected a dtype among F64.*got U32/)
  formatError(() => write('w', { ...good, dtype: undefined }), /expected a dtype among/)
  for (const extent of [-1, 1.5, NaN, 2 ** 53]) {
    formatError(() => write('w', { ...good, shape: [extent] }), /tensor "w": expected extents that are integers/)
  }
  formatError(() => write('w', { ...good, shape: [2 ** 32, 2 ** 32] }), /product below 2\^53/)
  formatError(() => write('__metadata__', good), /reserves/)
  formatError(() => write('\ud800', good), /lone surrogate/)
  formatError(() => write('w', good, { k: 1 }), /key "k": expected a string, got number/)
  formatError(() => write('w', good, { k: '\udfff' }), /lone surrogate/)
  formatError(() => write('w', { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 2) }), /got 2 as element 1/)
  formatError(() => safetensorsChunks({ w: { dtype: 'F32', shape: [-1], data } }), /expected extents/)
})

test('slices that do not fit are refused, naming axis and extent', () => {
  const file = parseSafetensors(serializeSafetensors({ w: { dtype: 'U8', shape: [2, 3], data: new Uint8Array(6) } }))
  const refused = (ranges: [number, number][], message: RegExp) => {
    assert.throws(() => file.slice('w', ranges), message)
    assert.throws(
      () => file.slice('w', ranges),
      (error: unknown) => error instanceof RangeError,
    )
  }
  refused([[0, 3]], /slice: tensor "w" \[2, 3\]: expected 0 <= start <= end <= 2 on axis 0, got \[0, 3\]/)
  refused([[1, 0]], /axis 0/)
  refused(
    [
      [0, 1],
      [-1, 2],
    ],
    /axis 1/,
  )
  refused([[0.5, 1]], /axis 0/)
  refused([[NaN, 1]], /axis 0/)
  refused(
    [
      [0, 1],
      [0, 1],
      [0, 1],
    ],
    /expected at most 2 ranges, got 3/,
  )
  assert.equal(file.slice('w', [null, [1, 2]]).shape, [2, 1])
  formatError(() => file.slice('v', []), /expected one of "w"/)
})

test.run()
