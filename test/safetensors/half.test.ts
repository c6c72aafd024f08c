/** F16 and BF16: every value widened, and rounding against a search for the nearest value. */
import fc from 'fast-check'
import { parseSafetensors, serializeSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { craft, entry } from './craft.ts'

type Half = 'F16' | 'BF16'

const test = suite('safetensors: 16-bit floats')

/** The value of 16 bits by the definition of the format, in doubles. */
function decoded(bits: number, dtype: Half): number {
  const [exponentBits, fractionBits] = dtype === 'F16' ? [5, 10] : [8, 7]
  const bias = 2 ** (exponentBits! - 1) - 1
  const exponent = (bits >> fractionBits!) & (2 ** exponentBits! - 1)
  const fraction = (bits & (2 ** fractionBits! - 1)) / 2 ** fractionBits!
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 2 ** exponentBits! - 1) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias))
}

const allBits = Uint16Array.from({ length: 65536 }, (_, bits) => bits)

function widen(halves: Uint16Array, dtype: Half): Float32Array {
  const header = `{${entry('w', dtype, [halves.length], [0, halves.byteLength])}}`
  return parseSafetensors(craft(header, new Uint8Array(halves.buffer))).get('w').data as Float32Array
}

function narrow(values: Float32Array, dtype: Half): Uint16Array {
  const bytes = serializeSafetensors({ w: { dtype, shape: [values.length], data: values } })
  return new Uint16Array(bytes.slice(bytes.length - 2 * values.length).buffer)
}

for (const dtype of ['F16', 'BF16'] as const) {
  /** Positive finite values, ascending; index = bits. The one after the largest stands for infinity. */
  const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80
  const ladder = Array.from({ length: infinity }, (_, bits) => decoded(bits, dtype))
  ladder.push(2 * decoded(infinity - 1, dtype) - decoded(infinity - 2, dtype))

  /** Rounds by searching the ladder: nearest, at a tie the even bits. */
  const nearest = (value: number): number => {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
    const size = Math.abs(value)
    if (size >= ladder[infinity]!) return sign | infinity
    let low = 0
    for (let high = infinity; high - low > 1; ) {
      const middle = (low + high) >> 1
      if (ladder[middle]! <= size) low = middle
      else high = middle
    }
    const [below, above] = [size - ladder[low]!, ladder[low + 1]! - size]
    return sign | (below < above || (below === above && low % 2 === 0) ? low : low + 1)
  }

  test(`${dtype}: all 65536 values widen to what the format defines, and narrow back to the same bits`, () => {
    const wide = widen(allBits, dtype)
    for (const bits of allBits) assert.ok(Object.is(wide[bits], decoded(bits, dtype)), `${bits}: ${wide[bits]}`)
    assert.equal(narrow(wide, dtype), allBits)
  })

  test(`${dtype}: floats at, just below and just above every tie round to nearest, ties to even`, () => {
    const values = new Float32Array(6 * infinity)
    const bits = new Uint32Array(values.buffer)
    for (let i = 0; i < infinity; i++) {
      values.fill((ladder[i]! + ladder[i + 1]!) / 2, 6 * i, 6 * i + 6)
      bits[6 * i + 1]!--
      bits[6 * i + 2]!++
      for (let j = 3; j < 6; j++) bits[6 * i + j]! = bits[6 * i + j - 3]! | 0x80000000
    }
    const halves = narrow(values, dtype)
    let wrong = 0
    for (let i = 0; i < values.length; i++) if (halves[i] !== nearest(values[i]!)) wrong++
    assert.is(wrong, 0)
  })

  test(`${dtype}: random floats of any exponent round to nearest, infinities and NaN stay`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 100, maxLength: 1000 }), (words) => {
        const values = new Float32Array(Uint32Array.from(words).buffer)
        narrow(values, dtype).forEach((half, i) => {
          const value = values[i]!
          if (Number.isNaN(value)) assert.ok(Number.isNaN(decoded(half, dtype)))
          else assert.is(half, nearest(value), `${value}`)
        })
      }),
      { seed: 42, numRuns: 200 },
    )
    const special = Float32Array.of(Infinity, -Infinity, NaN, 0, -0, 3.4028234663852886e38, 1e-45, -1e-45)
    const halves = narrow(special, dtype)
    assert.equal([...halves].slice(0, 2), [infinity, 0x8000 | infinity])
    assert.ok(Number.isNaN(decoded(halves[2]!, dtype)))
    assert.equal([...halves].slice(3), [0, 0x8000, infinity, 0, 0x8000])
  })
}

test('F16: 65504 is the largest, 65519.996 rounds to it and 65520 to infinity; 2^-25 rounds to zero', () => {
  const values = Float32Array.of(65504, 65519.99609375, 65520, 2 ** -24, 2 ** -25, 2 ** -25 + 2 ** -48, 1.5 * 2 ** -24)
  assert.equal([...narrow(values, 'F16')], [0x7bff, 0x7bff, 0x7c00, 1, 0, 1, 2])
})

test('a NaN whose payload lies in the dropped bits stays a NaN', () => {
  const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer)
  assert.equal([...narrow(nan, 'F16')], [0x7e00, 0xfe00])
  assert.equal([...narrow(nan, 'BF16')], [0x7fc0, 0xffc0])
})

test.run()
