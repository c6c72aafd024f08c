/** Elementwise kernels: one run per operation, four floats at a time. The numbers of operations are the host's lists. */

import { erf, exp4, gelu4, geluDerivative4, pow, sigmoid, softplus, splat, storeGeluWithDerivative4 } from './special'
import { field, pointer, walk } from './walk'

/** f of four floats. The operation is a constant where this is inlined, so one branch is left. */
@inline
function unary4(operation: i32, x: v128): v128 {
  if (operation == 0) return f32x4.neg(x)
  if (operation == 1) return f32x4.abs(x)
  if (operation == 2) {
    // the sign's bit on 1 where x is neither 0 nor NaN, else x itself
    const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), splat(1))
    const ordinary = v128.and(f32x4.ne(x, splat(0)), f32x4.eq(x, x))
    return v128.bitselect(one, x, ordinary)
  }
  if (operation == 3) return f32x4.mul(x, x)
  if (operation == 4) return v128.andnot(x, f32x4.le(x, splat(0)))
  if (operation == 5) return f32x4.floor(x)
  if (operation == 6) return f32x4.nearest(x)
  if (operation == 7) return f32x4.div(splat(1), x)
  if (operation == 8) return f32x4.sqrt(x)
  if (operation == 10) return exp4(x)
  if (operation == 20) return gelu4(x)
  return geluDerivative4(x) // 21
}

/** f of one number in f64, for what is rarely hot: the result, rounded once, is within 1 ulp. */
@inline
function unary1(operation: i32, x: f64): f64 {
  if (operation == 9) return 1 / Math.sqrt(x)
  if (operation == 11) return Math.expm1(x)
  if (operation == 12) return Math.log(x)
  if (operation == 13) return Math.log1p(x)
  if (operation == 14) return Math.sin(x)
  if (operation == 15) return Math.cos(x)
  if (operation == 16) return Math.tanh(x)
  if (operation == 17) return sigmoid(x)
  if (operation == 18) return softplus(x)
  return erf(x) // 19
}

/** Four at a time; the last few in a block of their own, by the same code, so that places do not change bits. */
@inline
function loop4(operation: i32, x: usize, y: usize, n: i32): void {
  const whole = n & ~3
  for (let i = 0; i < whole; i += 4) v128.store(y + (<usize>i << 2), unary4(operation, v128.load(x + (<usize>i << 2))))
  if (whole == n) return
  let last = splat(0)
  if (whole < n) last = f32x4.replace_lane(last, 0, load<f32>(x + (<usize>whole << 2)))
  if (whole + 1 < n) last = f32x4.replace_lane(last, 1, load<f32>(x + (<usize>whole << 2), 4))
  if (whole + 2 < n) last = f32x4.replace_lane(last, 2, load<f32>(x + (<usize>whole << 2), 8))
  const z = unary4(operation, last)
  if (whole < n) store<f32>(y + (<usize>whole << 2), f32x4.extract_lane(z, 0))
  if (whole + 1 < n) store<f32>(y + (<usize>whole << 2), f32x4.extract_lane(z, 1), 4)
  if (whole + 2 < n) store<f32>(y + (<usize>whole << 2), f32x4.extract_lane(z, 2), 8)
}

@inline
function loop1(operation: i32, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    store<f32>(y + at, <f32>unary1(operation, <f64>load<f32>(x + at)))
  }
}

function unaryRun(operation: i32, x: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  switch (operation) {
    case 0: return loop4(0, x, y, n)
    case 1: return loop4(1, x, y, n)
    case 2: return loop4(2, x, y, n)
    case 3: return loop4(3, x, y, n)
    case 4: return loop4(4, x, y, n)
    case 5: return loop4(5, x, y, n)
    case 6: return loop4(6, x, y, n)
    case 7: return loop4(7, x, y, n)
    case 8: return loop4(8, x, y, n)
    case 9: return loop1(9, x, y, n)
    case 10: return loop4(10, x, y, n)
    case 11: return loop1(11, x, y, n)
    case 12: return loop1(12, x, y, n)
    case 13: return loop1(13, x, y, n)
    case 14: return loop1(14, x, y, n)
    case 15: return loop1(15, x, y, n)
    case 16: return loop1(16, x, y, n)
    case 17: return loop1(17, x, y, n)
    case 18: return loop1(18, x, y, n)
    case 19: return loop1(19, x, y, n)
    case 20: return loop4(20, x, y, n)
    default: return loop4(21, x, y, n)
  }
}

/** The integer functions: neg, abs, sign, square, relu. */
function unaryIntRun(operation: i32, x: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const v = load<i32>(x + (<usize>i << 2))
    let z = -v
    if (operation == 1) z = v < 0 ? -v : v
    else if (operation == 2) z = i32(v > 0) - i32(v < 0)
    else if (operation == 3) z = v * v
    else if (operation == 4) z = v > 0 ? v : 0
    store<i32>(y + (<usize>i << 2), z)
  }
}

@inline
function binary4(operation: i32, a: v128, b: v128): v128 {
  if (operation == 0) return f32x4.add(a, b)
  if (operation == 1) return f32x4.sub(a, b)
  if (operation == 2) return f32x4.mul(a, b)
  if (operation == 3) return f32x4.div(a, b)
  if (operation == 5) return f32x4.max(a, b)
  return f32x4.min(a, b) // 6
}

@inline
function binaryLoop(operation: i32, a: usize, b: usize, y: usize, n: i32): void {
  const whole = n & ~3
  for (let i = 0; i < whole; i += 4) {
    const at = <usize>i << 2
    v128.store(y + at, binary4(operation, v128.load(a + at), v128.load(b + at)))
  }
  for (let i = whole; i < n; i++) {
    const at = <usize>i << 2
    const z = binary4(operation, v128.load32_splat(a + at), v128.load32_splat(b + at))
    store<f32>(y + at, f32x4.extract_lane(z, 0))
  }
}

function binaryRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  switch (operation) {
    case 0: return binaryLoop(0, a, b, y, n)
    case 1: return binaryLoop(1, a, b, y, n)
    case 2: return binaryLoop(2, a, b, y, n)
    case 3: return binaryLoop(3, a, b, y, n)
    case 5: return binaryLoop(5, a, b, y, n)
    case 6: return binaryLoop(6, a, b, y, n)
  }
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    store<f32>(y + at, <f32>pow(<f64>load<f32>(a + at), <f64>load<f32>(b + at)))
  }
}

/** Integers as JavaScript computes them: exactly, then modulo 2³²; what is not finite is 0. */
function binaryIntRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const p = load<i32>(a + (<usize>i << 2))
    const q = load<i32>(b + (<usize>i << 2))
    let z = p + q
    if (operation == 1) z = p - q
    else if (operation == 2) z = p * q
    else if (operation == 3) z = q == 0 ? 0 : <i32>((<i64>p) / (<i64>q))
    else if (operation == 4) z = wrapped(pow(<f64>p, <f64>q))
    else if (operation == 5) z = max(p, q)
    else if (operation == 6) z = min(p, q)
    store<i32>(y + (<usize>i << 2), z)
  }
}

/** A number cut to an integer, modulo 2³². */
function wrapped(x: f64): i32 {
  return abs(x) < 9.2e18 ? <i32>(<i64>x) : 0
}

@inline
function holds<T>(operation: i32, a: T, b: T): bool {
  if (operation == 0) return a == b
  if (operation == 1) return a != b
  if (operation == 2) return a < b
  if (operation == 3) return a <= b
  if (operation == 4) return a > b
  return a >= b
}

@inline
function compareLoop<T>(operation: i32, a: usize, b: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const at = <usize>i * sizeof<T>()
    store<u8>(y + i, u8(holds<T>(operation, load<T>(a + at), load<T>(b + at))))
  }
}

function compareRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  compareLoop<f32>(operation, a, b, y, n)
}

function compareIntRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  compareLoop<i32>(operation, a, b, y, n)
}

function compareBoolRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  compareLoop<u8>(operation, a, b, y, n)
}

/** `operation`: log2 of an element's bytes. */
function selectRun(operation: i32, condition: usize, a: usize, b: usize, y: usize, n: i32): void {
  if (operation == 0) {
    for (let i = 0; i < n; i++) store<u8>(y + i, load<u8>(load<u8>(condition + i) ? a + i : b + i))
    return
  }
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    store<i32>(y + at, load<i32>((load<u8>(condition + i) ? a : b) + at))
  }
}

/** Conversions: 0 words, 1 bytes, 2 f32 to i32, 3 i32 to f32, 4 f32 to bool, 5 i32 to bool, 6 bool to i32, 7 bool to f32. */
function copyRun(operation: i32, x: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  if (operation == 0) return memory.copy(y, x, <usize>n << 2)
  if (operation == 1) return memory.copy(y, x, n)
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2
    if (operation == 2) store<i32>(y + at, wrapped(<f64>load<f32>(x + at)))
    else if (operation == 3) store<f32>(y + at, <f32>load<i32>(x + at))
    else if (operation == 4) store<u8>(y + i, u8(load<f32>(x + at) != 0))
    else if (operation == 5) store<u8>(y + i, u8(load<i32>(x + at) != 0))
    else if (operation == 6) store<i32>(y + at, <i32>load<u8>(x + i))
    else store<f32>(y + at, <f32>load<u8>(x + i))
  }
}

export function unary(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, unaryRun)
}
export function unaryInt(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, unaryIntRun)
}
export function binary(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, binaryRun)
}
export function binaryInt(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, binaryIntRun)
}
export function compare(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, compareRun)
}
export function compareInt(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, compareIntRun)
}
export function compareBool(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, compareBoolRun)
}
export function select(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, selectRun)
}
export function copy(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, copyRun)
}

/** gelu and its slope in one pass. Plan: 0 x, 1 y, 2 slope, 3 elements; units of four. Scratch holds the last few. */
export function geluWithDerivative(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const x = pointer(plan, 0)
  const y = pointer(plan, 1)
  const slope = pointer(plan, 2)
  const whole = min(end, field(plan, 3) >> 2)
  for (let unit = begin; unit < whole; unit++) {
    const at = <usize>unit << 4
    storeGeluWithDerivative4(v128.load(x + at), y + at, slope + at)
  }
  if (whole == end) return
  const at = <usize>whole << 4
  const bytes = <usize>(field(plan, 3) & 3) << 2
  memory.copy(scratch, x + at, bytes)
  storeGeluWithDerivative4(v128.load(scratch), scratch + 16, scratch + 32)
  memory.copy(y + at, scratch + 16, bytes)
  memory.copy(slope + at, scratch + 32, bytes)
}
