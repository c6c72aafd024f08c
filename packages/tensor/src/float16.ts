/** Numbers of 16 bits on the host, for devices that do not widen them. */

const exponent = 0x7f800000

/**
 * IEEE binary16 widened to f32, exactly: exponent and fraction, moved to their places in an f32, are the number times
 * 2^(15 − 127), subnormals too, and a product by 2^112 is exact.
 */
export function widened(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length)
  const bits = new Int32Array(floats.buffer)
  for (const [i, half] of halves.entries()) {
    bits[i] = (half & 0x7fff) << 13
    if (bits[i]! >= 0x0f800000)
      bits[i]! |= exponent // infinite or NaN
    else floats[i]! *= 2 ** 112
    bits[i]! |= (half & 0x8000) << 16
  }
  return floats
}
