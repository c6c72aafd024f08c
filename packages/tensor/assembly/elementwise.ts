/** Elementwise kernels: one run per operation, four floats at a time. The numbers of operations are the host's lists. */

import { cos4, erf4, expm14, log1p4, log4, pow, pow4, rsqrt4, sigmoid4, sin4, softplus4, tanh4 } from './double'
import { bytes4, loadFew, storeFew } from './row'
import { exp4, gelu4, geluDerivative4, splat, storeGeluWithDerivative4 } from './special'
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

/** Four at a time, and the last few by the same code, so that places do not change bits. */
@inline
function loop4(operation: i32, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2
    const few = n - i
    const z = unary4(operation, few >= 4 ? v128.load(x + at) : loadFew(x + at, few))
    if (few >= 4) v128.store(y + at, z)
    else storeFew(y + at, z, few)
  }
}

/** The same for longer functions, which are called. */
function each4(f: (x: v128) => v128, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2
    const few = n - i
    if (few >= 4) v128.store(y + at, f(v128.load(x + at)))
    else storeFew(y + at, f(loadFew(x + at, few)), few)
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
    case 9: return each4(rsqrt4, x, y, n)
    case 10: return loop4(10, x, y, n)
    case 11: return each4(expm14, x, y, n)
    case 12: return each4(log4, x, y, n)
    case 13: return each4(log1p4, x, y, n)
    case 14: return each4(sin4, x, y, n)
    case 15: return each4(cos4, x, y, n)
    case 16: return each4(tanh4, x, y, n)
    case 17: return each4(sigmoid4, x, y, n)
    case 18: return each4(softplus4, x, y, n)
    case 19: return each4(erf4, x, y, n)
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
  if (operation == 4) return pow4(a, b)
  if (operation == 5) return f32x4.max(a, b)
  return f32x4.min(a, b) // 6
}

@inline
function binaryLoop(operation: i32, a: usize, b: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2
    const few = n - i
    if (few >= 4) v128.store(y + at, binary4(operation, v128.load(a + at), v128.load(b + at)))
    else storeFew(y + at, binary4(operation, loadFew(a + at, few), loadFew(b + at, few)), few)
  }
}

function binaryRun(operation: i32, a: usize, b: usize, _c: usize, y: usize, n: i32): void {
  switch (operation) {
    case 0: return binaryLoop(0, a, b, y, n)
    case 1: return binaryLoop(1, a, b, y, n)
    case 2: return binaryLoop(2, a, b, y, n)
    case 3: return binaryLoop(3, a, b, y, n)
    case 4: return binaryLoop(4, a, b, y, n)
    case 5: return binaryLoop(5, a, b, y, n)
    default: return binaryLoop(6, a, b, y, n)
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
export function wrapped(x: f64): i32 {
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

/** The same of lanes: all bits or none. */
@inline
function holds4<T>(operation: i32, a: usize, b: usize): v128 {
  const p = v128.load(a)
  const q = v128.load(b)
  if (operation == 0) return v128.eq<T>(p, q)
  if (operation == 1) return v128.ne<T>(p, q)
  if (operation == 2) return v128.lt<T>(p, q)
  if (operation == 3) return v128.le<T>(p, q)
  if (operation == 4) return v128.gt<T>(p, q)
  return v128.ge<T>(p, q)
}

/** Four masks of four lanes as sixteen truth values, 0 or 1. */
@inline
export function storeTruths(y: usize, a: v128, b: v128, c: v128, d: v128): void {
  const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
  v128.store(y, v128.and(bytes, i8x16.splat(1)))
}

@inline
function compareLoop<T>(operation: i32, a: usize, b: usize, y: usize, n: i32): void {
  let i = 0
  if (sizeof<T>() == 4) {
    for (; i + 16 <= n; i += 16) {
      const p = a + (<usize>i << 2)
      const q = b + (<usize>i << 2)
      storeTruths(
        y + i,
        holds4<T>(operation, p, q),
        holds4<T>(operation, p + 16, q + 16),
        holds4<T>(operation, p + 32, q + 32),
        holds4<T>(operation, p + 48, q + 48),
      )
    }
  }
  for (; i < n; i++) {
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
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at = <usize>i << 2
    v128.store(y + at, v128.bitselect(v128.load(a + at), v128.load(b + at), i32x4.ne(bytes4(condition + i), splat(0))))
  }
  for (; i < n; i++) {
    const at = <usize>i << 2
    store<i32>(y + at, load<i32>((load<u8>(condition + i) ? a : b) + at))
  }
}

/** The bits of `operation` into words. */
function fillRun(operation: i32, _a: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  const words = i32x4.splat(operation)
  let i = 0
  for (; i + 4 <= n; i += 4) v128.store(y + (<usize>i << 2), words)
  for (; i < n; i++) store<i32>(y + (<usize>i << 2), operation)
}

function fillBoolRun(operation: i32, _a: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  memory.fill(y, <u8>operation, n)
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
export function fill(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, fillRun)
}
export function fillBool(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, fillBoolRun)
}

/** gelu and its slope in one pass. Plan: 0 x, 1 y, 2 slope, 3 elements; units of four. Scratch holds the last few. */
export function geluWithDerivative(plan: usize, begin: i32, end: i32, scratch: usize): void {
  for (let unit = begin; unit < end; unit++) {
    const at = <usize>unit << 4
    const x = pointer(plan, 0) + at
    const y = pointer(plan, 1) + at
    const slope = pointer(plan, 2) + at
    const few = field(plan, 3) - (unit << 2)
    if (few >= 4) storeGeluWithDerivative4(v128.load(x), y, slope)
    else {
      storeGeluWithDerivative4(loadFew(x, few), scratch, scratch + 16)
      storeFew(y, v128.load(scratch), few)
      storeFew(slope, v128.load(scratch, 16), few)
    }
  }
}
