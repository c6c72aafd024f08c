/**
 * Functions of two numbers in f64, for results in f32 that f32 itself could not give within 1 ulp. Polynomials are fitted
 * by least squares, reweighted towards the largest error (Lawson 1961); all are exact to 4e-9 or better, which is a
 * fifteenth of the last rounding. Constants lie in memory, each polynomial from its highest coefficient.
 */
import { high, low } from './row'
import { splat, within4 } from './special'

/** 1/ln 2; 1.5 · 2⁵², which rounds what is added to it and holds the whole number in its low bits; ln 2; 1; (eʳ − 1 − r)/r². */
const ofExp = memory.data<f64>([
  1.44269504088896340736, 6755399441055744, 0.693147180559945309417, 1,
  0.00019846048502728496, 0.0013940595163613753, 0.0083333890260245853, 0.041666361438835869, 0.16666666372125535,
  0.50000000439767722,
])

/** √½; 2⁵² + 1023; 2; (2 artanh s − 2s)/s³ in s². */
const ofLog = memory.data<f64>([
  0.707106781186547524401, 4503599627371519, 2,
  0.23576358280728937, 0.2853766239149243, 0.4000032846412514, 0.66666665684028559,
])

/** 2/π; π/2 in two parts, of which the first has 33 bits; (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ in r²; −1/2. */
const ofSine = memory.data<f64>([
  0.636619772367581343076, 1.57079632673412561417, 6.07710050650619224932e-11,
  -0.0001951550540321982, 0.0083321629591330184, -0.16666654660138694,
  0.000024433947510388862, -0.0013887324443283937, 0.041666645889213962, -0.5,
])

/** erf x / x in x² below 1; −ln(1 − erf x) from 1 to 4, beyond which erf is 1. */
const ofErf = memory.data<f64>([
  0.00007853884172402273, -0.0008010201105757063, 0.0051883286306479998, -0.026853812509630436, 0.11283585165642046,
  -0.37612625826407531, 1.12837916572751,
  -0.00018557392891081973, 0.0029396064787455597, -0.02180531490914734, 0.10303736137113523, 0.63822568600159835,
  1.1270400306223642, 0.00035372084491351596,
])

@inline
function constant(array: usize, i: i32): v128 {
  return v128.load64_splat(array + (<usize>i << 3))
}

/** a + b c. */
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  return f64x2.add(a, f64x2.mul(b, c))
}

/** n in the low bits, of which eˣ = 2ⁿ eʳ with r = x − n ln 2. */
@inline
function exponentOf(x: v128): v128 {
  return madd(constant(ofExp, 1), x, constant(ofExp, 0))
}

/** eʳ − 1. */
@inline
function expOfRest(x: v128, shifted: v128): v128 {
  const r = f64x2.sub(x, f64x2.mul(f64x2.sub(shifted, constant(ofExp, 1)), constant(ofExp, 2)))
  let p = madd(constant(ofExp, 5), r, constant(ofExp, 4))
  p = madd(constant(ofExp, 6), r, p)
  p = madd(constant(ofExp, 7), r, p)
  p = madd(constant(ofExp, 8), r, p)
  p = madd(constant(ofExp, 9), r, p)
  return madd(r, f64x2.mul(r, r), p)
}

/** 2ⁿ. */
@inline
function powerOfTwo(shifted: v128): v128 {
  return i64x2.add(i64x2.shl(shifted, 52), constant(ofExp, 3))
}

/** eˣ for |x| < 700. */
@inline
function exp2(x: v128): v128 {
  const shifted = exponentOf(x)
  const power = powerOfTwo(shifted)
  return madd(power, power, expOfRest(x, shifted))
}

/** eˣ − 1 for |x| < 700, exact near 0, where n is 0 and r is x. */
@inline
function expm12(x: v128): v128 {
  const shifted = exponentOf(x)
  const power = powerOfTwo(shifted)
  return madd(f64x2.sub(power, constant(ofExp, 3)), power, expOfRest(x, shifted))
}

/** ln x of normal x > 0: k ln 2 + 2 artanh s, s = (m − 1)/(m + 1), x = 2ᵏ m with m in [√½, √2). */
@inline
function log2(x: v128): v128 {
  const biased = i64x2.add(i64x2.sub(x, constant(ofLog, 0)), constant(ofExp, 3))
  const m = i64x2.add(v128.and(biased, i64x2.splat(0x000fffffffffffff)), constant(ofLog, 0))
  const one = constant(ofExp, 3)
  return logOf(f64x2.sub(m, one), f64x2.add(m, one), powerIn(biased))
}

/** ln(1 + x) of x > −1: where 1 + x needs no power of 2, m − 1 is x itself, to all its digits. */
@inline
function log1p2(x: v128): v128 {
  const one = constant(ofExp, 3)
  const u = f64x2.add(one, x)
  const biased = i64x2.add(i64x2.sub(u, constant(ofLog, 0)), one)
  const m = i64x2.add(v128.and(biased, i64x2.splat(0x000fffffffffffff)), constant(ofLog, 0))
  const k = powerIn(biased)
  const rest = v128.bitselect(x, f64x2.sub(m, one), f64x2.eq(k, f64x2.splat(0)))
  return logOf(rest, f64x2.add(rest, constant(ofLog, 2)), k)
}

/** k of 2ᵏ m, its bits over those of √½: the biased exponent put below the leading bit of 2⁵². */
@inline
function powerIn(biased: v128): v128 {
  return f64x2.sub(v128.or(i64x2.shr_u(biased, 52), i64x2.splat(0x4330000000000000)), constant(ofLog, 1))
}

/** 2 artanh(a/b) + k ln 2. */
@inline
function logOf(a: v128, b: v128, k: v128): v128 {
  const s = f64x2.div(a, b)
  const z = f64x2.mul(s, s)
  let p = madd(constant(ofLog, 4), z, constant(ofLog, 3))
  p = madd(constant(ofLog, 5), z, p)
  p = madd(constant(ofLog, 6), z, p)
  return madd(madd(f64x2.add(s, s), f64x2.mul(s, z), p), k, constant(ofExp, 2))
}

/** sin(x + turns π/2) for |x| ≤ 2²⁰: the nearest multiple n of π/2 tells whether sin or cos of the rest, and its sign. */
@inline
function sine2(x: v128, turns: i64): v128 {
  const shifted = madd(constant(ofExp, 1), x, constant(ofSine, 0))
  const n = f64x2.sub(shifted, constant(ofExp, 1))
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, constant(ofSine, 1))), f64x2.mul(n, constant(ofSine, 2)))
  const z = f64x2.mul(r, r)
  const one = constant(ofExp, 3)
  let p = madd(constant(ofSine, 4), z, constant(ofSine, 3))
  p = madd(constant(ofSine, 5), z, p)
  const sin = f64x2.mul(r, madd(one, z, p)) // so that −0 stays
  let q = madd(constant(ofSine, 7), z, constant(ofSine, 6))
  q = madd(constant(ofSine, 8), z, q)
  q = madd(constant(ofSine, 9), z, q)
  const cos = madd(one, z, q)
  // quadrant: an odd one exchanges the two, the second bit turns the sign
  const quadrant = i64x2.add(shifted, i64x2.splat(turns))
  const odd = i64x2.sub(i64x2.splat(0), v128.and(quadrant, i64x2.splat(1)))
  const sign = i64x2.shl(i64x2.shr_u(quadrant, 1), 63)
  return v128.xor(v128.bitselect(cos, sin, odd), sign)
}

/** erf x for 0 ≤ x ≤ 4. */
@inline
function erf2(x: v128): v128 {
  const z = f64x2.mul(x, x)
  let p = madd(constant(ofErf, 1), z, constant(ofErf, 0))
  p = madd(constant(ofErf, 2), z, p)
  p = madd(constant(ofErf, 3), z, p)
  p = madd(constant(ofErf, 4), z, p)
  p = madd(constant(ofErf, 5), z, p)
  p = madd(constant(ofErf, 6), z, p)
  let q = madd(constant(ofErf, 8), x, constant(ofErf, 7))
  q = madd(constant(ofErf, 9), x, q)
  q = madd(constant(ofErf, 10), x, q)
  q = madd(constant(ofErf, 11), x, q)
  q = madd(constant(ofErf, 12), x, q)
  q = madd(constant(ofErf, 13), x, q)
  const tail = expm12(f64x2.neg(q))
  return v128.bitselect(f64x2.mul(x, p), f64x2.neg(tail), f64x2.lt(x, constant(ofExp, 3)))
}

/** (1 − e⁻²ˣ) / (1 + e⁻²ˣ). */
@inline
function tanh2(x: v128): v128 {
  const e = expm12(f64x2.mul(x, f64x2.splat(-2)))
  return f64x2.div(f64x2.neg(e), f64x2.add(constant(ofLog, 2), e))
}

@inline
function sigmoid2(x: v128): v128 {
  const one = constant(ofExp, 3)
  return f64x2.div(one, f64x2.add(one, exp2(f64x2.neg(x))))
}

@inline
function softplus2(x: v128): v128 {
  const e = exp2(f64x2.neg(f64x2.pmin(f64x2.abs(x), f64x2.splat(110))))
  return f64x2.add(f64x2.pmax(x, f64x2.splat(0)), log1p2(e))
}

@inline
function rsqrt2(x: v128): v128 {
  return f64x2.div(constant(ofExp, 3), f64x2.sqrt(x))
}

@inline
function demoted(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5)
}

/** |y| with the sign of x: of odd functions, so that −0 gives −0. */
@inline
function signed(y: v128, x: v128): v128 {
  return v128.or(f32x4.abs(y), v128.xor(x, f32x4.abs(x)))
}

/** 1/√x. */
export function rsqrt4(x: v128): v128 {
  return demoted(rsqrt2(low(x)), rsqrt2(high(x)))
}

/** eˣ − 1. */
export function expm14(x: v128): v128 {
  const z = within4(x, splat(-110), splat(90))
  return signed(demoted(expm12(low(z)), expm12(high(z))), x)
}

/** y where least < x < ∞; −∞ at `least`, NaN below, and ∞ and NaN as they are. */
@inline
function above(least: v128, x: v128, y: v128): v128 {
  const below = v128.bitselect(splat(-Infinity), splat(NaN), f32x4.eq(x, least))
  const beyond = v128.bitselect(below, x, f32x4.le(x, least))
  return v128.bitselect(y, beyond, v128.and(f32x4.gt(x, least), f32x4.lt(x, splat(Infinity))))
}

/** ln x. */
export function log4(x: v128): v128 {
  return above(splat(0), x, demoted(log2(low(x)), log2(high(x))))
}

/** ln(1 + x). */
export function log1p4(x: v128): v128 {
  return above(splat(-1), x, signed(demoted(log1p2(low(x)), log1p2(high(x))), x))
}

/** tanh x; 1 from 20 on. */
export function tanh4(x: v128): v128 {
  const z = f32x4.pmin(f32x4.abs(x), splat(20))
  return signed(demoted(tanh2(low(z)), tanh2(high(z))), x)
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid4(x: v128): v128 {
  const z = within4(x, splat(-110), splat(110))
  return demoted(sigmoid2(low(z)), sigmoid2(high(z)))
}

/** max(x, 0) + ln(1 + e^(−|x|)). */
export function softplus4(x: v128): v128 {
  return demoted(softplus2(low(x)), softplus2(high(x)))
}

/** erf x; 1 from 4 on. */
export function erf4(x: v128): v128 {
  const z = f32x4.pmin(f32x4.abs(x), splat(4))
  return signed(demoted(erf2(low(z)), erf2(high(z))), x)
}

/** sin x. */
export function sin4(x: v128): v128 {
  return sine4(x, false)
}

/** cos x. */
export function cos4(x: v128): v128 {
  return sine4(x, true)
}

@inline
function sine4(x: v128, cosine: bool): v128 {
  const y = demoted(sine2(low(x), cosine), sine2(high(x), cosine))
  const near = f32x4.le(f32x4.abs(x), splat(1048576))
  return i32x4.all_true(near) ? y : farSine4(x, cosine, y, near)
}

/** y with the lanes that are not `near` computed one at a time, where π needs more digits. */
function farSine4(x: v128, cosine: bool, y: v128, near: v128): v128 {
  let z = y
  if (!i32x4.extract_lane(near, 0)) z = f32x4.replace_lane(z, 0, farSine(f32x4.extract_lane(x, 0), cosine))
  if (!i32x4.extract_lane(near, 1)) z = f32x4.replace_lane(z, 1, farSine(f32x4.extract_lane(x, 1), cosine))
  if (!i32x4.extract_lane(near, 2)) z = f32x4.replace_lane(z, 2, farSine(f32x4.extract_lane(x, 2), cosine))
  if (!i32x4.extract_lane(near, 3)) z = f32x4.replace_lane(z, 3, farSine(f32x4.extract_lane(x, 3), cosine))
  return z
}

function farSine(x: f32, cosine: bool): f32 {
  return <f32>(cosine ? Math.cos(x) : Math.sin(x))
}

/** a to the power b: e^(b ln a) where a > 0 and both are finite. */
export function pow4(a: v128, b: v128): v128 {
  const y = demoted(powerOf(low(a), low(b)), powerOf(high(a), high(b)))
  const finite = v128.and(f32x4.lt(a, splat(Infinity)), f32x4.lt(f32x4.abs(b), splat(Infinity)))
  const usual = v128.and(f32x4.gt(a, splat(0)), finite)
  return i32x4.all_true(usual) ? y : unusualPow4(a, b, y, usual)
}

@inline
function powerOf(a: v128, b: v128): v128 {
  return exp2(f64x2.pmax(f64x2.pmin(f64x2.mul(b, log2(a)), f64x2.splat(90)), f64x2.splat(-110)))
}

/** y with the lanes that are not `usual` computed one at a time. */
function unusualPow4(a: v128, b: v128, y: v128, usual: v128): v128 {
  let z = y
  if (!i32x4.extract_lane(usual, 0)) z = f32x4.replace_lane(z, 0, powOf(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)))
  if (!i32x4.extract_lane(usual, 1)) z = f32x4.replace_lane(z, 1, powOf(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)))
  if (!i32x4.extract_lane(usual, 2)) z = f32x4.replace_lane(z, 2, powOf(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)))
  if (!i32x4.extract_lane(usual, 3)) z = f32x4.replace_lane(z, 3, powOf(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)))
  return z
}

function powOf(a: f32, b: f32): f32 {
  return <f32>pow(a, b)
}

/** C's pow: 1 to any power is 1, and so is (−1) to an infinite one. */
export function pow(a: f64, b: f64): f64 {
  if (a == 1 || (a == -1 && abs(b) == Infinity)) return 1
  return a ** b
}
