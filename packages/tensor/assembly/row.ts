/** What kernels do with one dense row of floats. Sums are taken in f64, in pairs of lanes. */
import { exp4, splat } from './special'

/** The first n < 4 floats at x; zeros behind. */
@inline
export function loadFew(x: usize, n: i32): v128 {
  let few = splat(0)
  if (n > 0) few = v128.load_lane<f32>(x, few, 0)
  if (n > 1) few = v128.load_lane<f32>(x, few, 1, 4)
  if (n > 2) few = v128.load_lane<f32>(x, few, 2, 8)
  return few
}

/** The first n < 4 lanes to y. */
@inline
export function storeFew(y: usize, few: v128, n: i32): void {
  if (n > 0) v128.store_lane<f32>(y, few, 0)
  if (n > 1) v128.store_lane<f32>(y, few, 1, 4)
  if (n > 2) v128.store_lane<f32>(y, few, 2, 8)
}

/** Four bytes as integers. */
@inline
export function bytes4(x: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(x)))
}

/** Lanes 0 and 1 in f64. */
@inline
export function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}

/** Lanes 2 and 3 in f64. */
@inline
export function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3))
}

@inline
export function sumOfPair(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
}

/** Two floats in memory, in f64. */
@inline
function two(x: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(x))
}

/** Σ x of a row, in four sums that do not wait for each other. */
@inline
export function sumOf(x: usize, length: i32): f64 {
  let p = f64x2.splat(0)
  let q = p
  let s = p
  let t = p
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const at = x + (<usize>i << 2)
    p = f64x2.add(p, two(at))
    q = f64x2.add(q, two(at + 8))
    s = f64x2.add(s, two(at + 16))
    t = f64x2.add(t, two(at + 24))
  }
  let sum = sumOfPair(f64x2.add(f64x2.add(p, q), f64x2.add(s, t)))
  for (; i < length; i++) sum += <f64>load<f32>(x + (<usize>i << 2))
  return sum
}

/** Σ a b of two rows, products in f64. */
@inline
export function dotOf(a: usize, b: usize, length: i32): f64 {
  let p = f64x2.splat(0)
  let q = f64x2.splat(0)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const v = v128.load(a + (<usize>i << 2))
    const w = v128.load(b + (<usize>i << 2))
    p = f64x2.add(p, f64x2.mul(low(v), low(w)))
    q = f64x2.add(q, f64x2.mul(high(v), high(w)))
  }
  const v = loadFew(a + (<usize>i << 2), length - i)
  const w = loadFew(b + (<usize>i << 2), length - i)
  return sumOfPair(f64x2.add(f64x2.add(p, f64x2.mul(low(v), low(w))), f64x2.add(q, f64x2.mul(high(v), high(w)))))
}

/** (x − mean)² of two floats in memory. */
@inline
function squares(x: usize, mean: v128): v128 {
  const d = f64x2.sub(two(x), mean)
  return f64x2.mul(d, d)
}

/** Σ (x − mean)² of a row. */
@inline
export function squaresOf(x: usize, length: i32, mean: f64): f64 {
  const m = f64x2.splat(mean)
  let p = f64x2.splat(0)
  let q = p
  let s = p
  let t = p
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const at = x + (<usize>i << 2)
    p = f64x2.add(p, squares(at, m))
    q = f64x2.add(q, squares(at + 8, m))
    s = f64x2.add(s, squares(at + 16, m))
    t = f64x2.add(t, squares(at + 24, m))
  }
  let sum = sumOfPair(f64x2.add(f64x2.add(p, q), f64x2.add(s, t)))
  for (; i < length; i++) {
    const d = <f64>load<f32>(x + (<usize>i << 2)) - mean
    sum += d * d
  }
  return sum
}

/** The largest element, or the smallest; NaN if there is one, ∓∞ of nothing. */
@inline
function extremeOf(x: usize, length: i32, largest: bool): f32 {
  let best = splat(largest ? -Infinity : Infinity)
  let second = best
  // a comparison keeps the first operand where the other is NaN, so NaNs are noted apart
  let nan = splat(0)
  let i = 0
  for (; i + 8 <= length; i += 8) {
    const v = v128.load(x + (<usize>i << 2))
    const w = v128.load(x + (<usize>i << 2), 16)
    best = largest ? f32x4.pmax(best, v) : f32x4.pmin(best, v)
    second = largest ? f32x4.pmax(second, w) : f32x4.pmin(second, w)
    nan = v128.or(nan, v128.or(f32x4.ne(v, v), f32x4.ne(w, w)))
  }
  for (; i < length; i++) {
    const v = v128.load32_splat(x + (<usize>i << 2))
    best = largest ? f32x4.pmax(best, v) : f32x4.pmin(best, v)
    nan = v128.or(nan, f32x4.ne(v, v))
  }
  if (v128.any_true(nan)) return NaN
  best = largest ? f32x4.pmax(best, second) : f32x4.pmin(best, second)
  const turned = v128.shuffle<f32>(best, best, 2, 3, 0, 1)
  best = largest ? f32x4.pmax(best, turned) : f32x4.pmin(best, turned)
  const a = f32x4.extract_lane(best, 0)
  const b = f32x4.extract_lane(best, 1)
  return largest ? max(a, b) : min(a, b)
}

export function maxOf(x: usize, length: i32): f32 {
  return extremeOf(x, length, true)
}

export function minOf(x: usize, length: i32): f32 {
  return extremeOf(x, length, false)
}

/** Stores e^(x − top) and returns the sum. */
export function expRow(x: usize, y: usize, length: i32, top: f32): f64 {
  const shift = splat(top)
  let p = f64x2.splat(0)
  let q = f64x2.splat(0)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = <usize>i << 2
    const e = exp4(f32x4.sub(v128.load(x + at), shift))
    v128.store(y + at, e)
    p = f64x2.add(p, low(e))
    q = f64x2.add(q, high(e))
  }
  let sum = sumOfPair(f64x2.add(p, q))
  if (i == length) return sum
  const at = <usize>i << 2
  storeFew(y + at, exp4(f32x4.sub(loadFew(x + at, length - i), shift)), length - i)
  for (; i < length; i++) sum += <f64>load<f32>(y + (<usize>i << 2))
  return sum
}
