/** Random tensors of every dtype. */
import fc from 'fast-check'
import type { TensorInput, TensorInputs } from 'safetensors-ts'

const bytesToData: { [D in TensorInput['dtype']]: (bytes: Uint8Array) => Extract<TensorInput, { dtype: D }>['data'] } =
  {
    F64: (bytes) => new Float64Array(bytes.buffer),
    F32: (bytes) => new Float32Array(bytes.buffer),
    F16: (bytes) => Float32Array.from(new Int8Array(bytes.buffer), (x) => x / 64),
    BF16: (bytes) => Float32Array.from(new Int8Array(bytes.buffer), (x) => x / 64),
    I64: (bytes) => new BigInt64Array(bytes.buffer),
    I32: (bytes) => new Int32Array(bytes.buffer),
    I16: (bytes) => new Int16Array(bytes.buffer),
    I8: (bytes) => new Int8Array(bytes.buffer),
    U8: (bytes) => bytes,
    BOOL: (bytes) => bytes.map((byte) => byte & 1),
  }

const perElement = { F64: 8, F32: 4, F16: 1, BF16: 1, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 }

/** A tensor of rank 0 to 4 with extents 0 to 4; values are any bits (of 16-bit floats, values they hold exactly). */
export const tensorInput: fc.Arbitrary<TensorInput> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(perElement) as TensorInput['dtype'][])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  })
  .chain(({ dtype, shape }) => {
    const length = perElement[dtype] * shape.reduce((count, extent) => count * extent, 1)
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ dtype, shape, data: bytesToData[dtype](Uint8Array.from(bytes)) }) as TensorInput)
  })

const text = fc.string({ unit: 'grapheme', maxLength: 12 })

/** Tensors by name; names are any well-formed text, `__proto__` among them. */
export const tensorInputs: fc.Arbitrary<TensorInputs> = fc
  .array(fc.tuple(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1')), tensorInput), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries.filter(([name]) => name !== '__metadata__')))

/** Metadata by key. */
export const metadata: fc.Arbitrary<Record<string, string>> = fc
  .array(fc.tuple(text, text), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries))

/** The bits of a tensor's data, for comparisons that tell NaN and -0 apart. */
export const bitsOf = ({ data }: { data: ArrayBufferView }): Uint8Array =>
  new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
