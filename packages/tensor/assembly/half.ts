/** Numbers of 16 bits, as weights are stored. */
import { storeFew } from './row'
import { splat } from './special'
import { field, pointer } from './walk'

/**
 * IEEE binary16 widened to f32, exactly. Exponent and fraction, moved to their places in an f32, are the number times
 * 2^(15 − 127), subnormals too, and a product by 2^112 is exact; what is infinite or NaN gets the exponent that says so.
 *
 * Plan: 0 halves, 1 y, 2 elements. Units of four elements.
 */
export function widen(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const size = splat(reinterpret<f32>((127 + 112) << 23)) // 2^112
  for (let unit = begin; unit < end; unit++) {
    const half = i32x4.extend_low_i16x8_u(v128.load64_zero(pointer(plan, 0) + (<usize>unit << 3)))
    const bits = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13)
    const special = v128.and(i32x4.gt_s(bits, i32x4.splat(0x0f7fffff)), i32x4.splat(0x7f800000))
    const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16)
    const x = v128.or(v128.or(f32x4.mul(bits, size), special), sign)
    const y = pointer(plan, 1) + (<usize>unit << 4)
    const few = field(plan, 2) - (unit << 2)
    if (few >= 4) v128.store(y, x)
    else storeFew(y, x, few)
  }
}
