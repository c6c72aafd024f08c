/**
 * 16-bit floats. F16 is IEEE binary16 (1 sign, 5 exponent, 10 fraction bits); BF16 is the upper half of a binary32.
 * Widening is exact, NaN payloads included. Narrowing rounds to nearest, ties to even; what is too large becomes
 * infinite, and a NaN stays a NaN with the upper bits of its payload.
 */

/** Bits of the binary32 equal to each binary16, made on first use (256 KiB). */
let widened: Uint32Array | undefined

function f16Bits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 21 // brings the subnormal's leading one to bit 10, the implicit one
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

/** Widens F16 values. */
export function widenF16(halves: Uint16Array): Float32Array {
  widened ??= Uint32Array.from({ length: 0x10000 }, (_, half) => f16Bits(half))
  const bits = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) bits[i] = widened[halves[i]!]!
  return new Float32Array(bits.buffer)
}

/** Widens BF16 values. */
export function widenBF16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16
  return new Float32Array(bits.buffer)
}

/** Rounds to F16: 65520 and above become infinite, 2⁻²⁵ and below zero. */
export function narrowF16(values: Float32Array): Uint16Array {
  return narrow(values, (bits) => {
    const sign = (bits >>> 16) & 0x8000
    const size = bits & 0x7fffffff
    if (size > 0x7f800000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff || 0x200)
    if (size >= 0x477ff000) return sign | 0x7c00 // 65520, half-way between the largest F16 and the next power of two
    if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13)
    const shift = 126 - (size >>> 23) // the significand, shifted so, counts steps of 2⁻²⁴
    if (shift > 24) return sign
    const significand = (size & 0x7fffff) | 0x800000
    const steps = significand >>> shift
    const rest = significand & ((1 << shift) - 1)
    const tie = 1 << (shift - 1)
    return sign | (rest > tie || (rest === tie && (steps & 1) === 1) ? steps + 1 : steps)
  })
}

/** Rounds to BF16. */
export function narrowBF16(values: Float32Array): Uint16Array {
  return narrow(values, (bits) => {
    const sign = (bits >>> 16) & 0x8000
    const size = bits & 0x7fffffff
    if (size > 0x7f800000) return sign | 0x7f80 | ((size >>> 16) & 0x7f || 0x40)
    return sign | ((size + 0x7fff + ((size >>> 16) & 1)) >>> 16)
  })
}

/** Applies `round`, from binary32 bits to 16 bits, to each value. */
function narrow(values: Float32Array, round: (bits: number) => number): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < halves.length; i++) halves[i] = round(bits[i]!)
  return halves
}
