/** Dropout, with the mask of sixteen elements at a time from Philox4x32-10 on four counters, a lane each. */
import { loadFew, storeFew } from './row'
import { field, pointer, scalar } from './walk'

/** x · factor where `kept` has all bits, 0 where it has none. Of `few` < 4 elements, where there are no more. */
@inline
function put(x: usize, y: usize, few: i32, factor: v128, kept: v128): void {
  if (few >= 4) v128.store(y, v128.and(f32x4.mul(v128.load(x), factor), kept))
  else storeFew(y, v128.and(f32x4.mul(loadFew(x, few), factor), kept), few)
}

/**
 * Plan: 0 x, 1 y, 2 elements of a period, 3 periods, 4 the least word >>> 8 that is kept, 5 factor (f32), 6 and 7 key,
 * 8 the counters' third word. A unit is sixteen places of a period, in all periods.
 */
export function dropout(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const period = field(plan, 2)
  const least = i32x4.splat(field(plan, 4))
  const factor = f32x4.splat(scalar(plan, 5))
  const first = i32x4.splat(0xd2511f53)
  const second = i32x4.splat(0xcd9e8d57)
  for (let unit = begin; unit < end; unit++) {
    let c0 = i32x4.add(i32x4.splat(unit << 2), i32x4(0, 1, 2, 3))
    let c1 = i32x4.splat(0) // no memory here holds 2³⁴ elements
    let c2 = i32x4.splat(field(plan, 8))
    let c3 = c1
    let k0 = i32x4.splat(field(plan, 6))
    let k1 = i32x4.splat(field(plan, 7))
    for (let round = 0; round < 10; round++) {
      const p = i64x2.extmul_low_i32x4_u(c0, first)
      const q = i64x2.extmul_high_i32x4_u(c0, first)
      const r = i64x2.extmul_low_i32x4_u(c2, second)
      const s = i64x2.extmul_high_i32x4_u(c2, second)
      c0 = v128.xor(v128.xor(v128.shuffle<i32>(r, s, 1, 3, 5, 7), c1), k0)
      c1 = v128.shuffle<i32>(r, s, 0, 2, 4, 6)
      c2 = v128.xor(v128.xor(v128.shuffle<i32>(p, q, 1, 3, 5, 7), c3), k1)
      c3 = v128.shuffle<i32>(p, q, 0, 2, 4, 6)
      k0 = i32x4.add(k0, i32x4.splat(0x9e3779b9))
      k1 = i32x4.add(k1, i32x4.splat(0xbb67ae85))
    }
    c0 = i32x4.ge_s(i32x4.shr_u(c0, 8), least)
    c1 = i32x4.ge_s(i32x4.shr_u(c1, 8), least)
    c2 = i32x4.ge_s(i32x4.shr_u(c2, 8), least)
    c3 = i32x4.ge_s(i32x4.shr_u(c3, 8), least)
    // a counter's four words, which lie in one lane, stand side by side
    const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
    const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
    const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
    const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
    const few = period - (unit << 4)
    const at = <usize>unit << 6
    let x = pointer(plan, 0) + at
    let y = pointer(plan, 1) + at
    for (let i = field(plan, 3); i > 0; i--, x += <usize>period << 2, y += <usize>period << 2) {
      put(x, y, few, factor, v128.shuffle<i64>(low01, low23, 0, 2))
      put(x + 16, y + 16, few - 4, factor, v128.shuffle<i64>(low01, low23, 1, 3))
      put(x + 32, y + 32, few - 8, factor, v128.shuffle<i64>(high01, high23, 0, 2))
      put(x + 48, y + 48, few - 12, factor, v128.shuffle<i64>(high01, high23, 1, 3))
    }
  }
}
