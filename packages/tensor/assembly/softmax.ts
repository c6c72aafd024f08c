/** Softmax of rows that stay in the cache, and its derivative; rows are dense and filled up to a multiple of four. */
import { expOfRest, splat } from './special'

/** −87.3, 1/ln 2, 1.5 · 2²³: constants in memory, as in `special`. */
const constants = memory.data<f32>([-87.3, 1.44269504088896340736, 12582912])

/**
 * eˣ for x ≤ 0, cut off to 0 below −87.3, where it would leave the normal numbers, which are slow. NaN stays NaN. Added
 * to 1.5 · 2²³, x / ln 2 is rounded to the whole number n that the lowest bits then hold.
 */
@inline
function expOfNegative4(x: v128): v128 {
  const least = v128.load32_splat(constants)
  const shift = v128.load32_splat(constants, 8)
  const bounded = f32x4.max(x, least)
  const shifted = f32x4.add(f32x4.mul(bounded, v128.load32_splat(constants, 4)), shift)
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23) // 2ⁿ
  return v128.andnot(f32x4.mul(expOfRest(bounded, f32x4.sub(shifted, shift)), power), f32x4.lt(x, least))
}

/** softmax(scale x + mask) in place; zeros where that is −∞ throughout. `keys` are a multiple of four. */
export function softmaxInPlace(x: usize, mask: usize, keys: i32, scale: v128): void {
  let tops = splat(-Infinity)
  const end = x + (<usize>keys << 2)
  for (let at = x; at < end; at += 16, mask += 16) {
    const s = f32x4.add(f32x4.mul(v128.load(at), scale), v128.load(mask))
    v128.store(at, s)
    tops = f32x4.max(tops, s)
  }
  tops = f32x4.max(tops, v128.shuffle<f32>(tops, tops, 2, 3, 0, 1))
  tops = f32x4.max(tops, v128.shuffle<f32>(tops, tops, 1, 0, 3, 2))
  if (f32x4.extract_lane(tops, 0) == -Infinity) {
    memory.fill(x, 0, end - x)
    return
  }
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  for (let at = x; at < end; at += 16) {
    const e = expOfNegative4(f32x4.sub(v128.load(at), tops))
    v128.store(at, e)
    low = f64x2.add(low, f64x2.promote_low_f32x4(e))
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(e, e, 2, 3, 2, 3)))
  }
  low = f64x2.add(low, high)
  const factor = splat(<f32>(1 / (f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1))))
  for (let at = x; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factor))
}

/** d becomes scale p ∘ (d − ⟨d, p⟩), softmax's derivative along it. */
export function softmaxDerivativeInPlace(d: usize, p: usize, keys: i32, scale: v128): void {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  const bytes = <usize>keys << 2
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(d + i)
    const y = v128.load(p + i)
    low = f64x2.add(low, f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y)))
    const x1 = v128.shuffle<f32>(x, x, 2, 3, 2, 3)
    const y1 = v128.shuffle<f32>(y, y, 2, 3, 2, 3)
    high = f64x2.add(high, f64x2.mul(f64x2.promote_low_f32x4(x1), f64x2.promote_low_f32x4(y1)))
  }
  low = f64x2.add(low, high)
  const mean = splat(<f32>(f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)))
  for (let i: usize = 0; i < bytes; i += 16) {
    const p4 = f32x4.mul(v128.load(p + i), scale)
    v128.store(d + i, f32x4.mul(p4, f32x4.sub(v128.load(d + i), mean)))
  }
}
