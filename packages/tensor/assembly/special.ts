/** Functions of four floats at a time. */
import { multiplyAdd } from './multiplyAdd'

@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x)
}

/** a + b c. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return multiplyAdd(a, b, c)
}

/** x within [low, high]; NaN stays. Four times as fast as `min` and `max`, which treat NaN on both sides. */
@inline
export function within4(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmax(f32x4.pmin(x, high), low)
}

/**
 * Constants in memory: one load spreads one over four lanes, where V8 builds a constant of its own out of four
 * instructions, each time it is met.
 *
 * Of exp: bounds of x; 1/ln 2; 1.5 · 2²³, which rounds what is added to it and holds the whole number in its low bits; ln 2
 * in two parts, of which the first is short (Cody and Waite 1980); 1; the polynomial, from the highest.
 */
const ofExp = memory.data<f32>([
  -104, 90, 1.44269504088896340736, 12582912, 0.693359375, -2.12194440054690583e-4, 1,
  0.0013816857244819403, 0.0083686467260122299, 0.041668340563774109, 0.1666652113199234, 0.49999994039535522,
])

/** Of gelu: bound of −x²/2; −1/2; 1/√2π; the bounds of x; 0.4; Mills's ratio, from the highest coefficient. */
const ofGelu = memory.data<f32>([
  -87.3, -0.5, 0.398942280401432677939946, -14.5, 14.5, 0.4,
  0.08075424283742905, -0.44319823384284973, 0.9581714272499084, -0.9372091293334961, 0.2990421950817108,
  -0.066920705139637, 0.22878247499465942, 0.3337728977203369, 0.4001212418079376, 0.399997740983963,
])

@inline
function constant(array: usize, i: i32): v128 {
  return v128.load32_splat(array + (<usize>i << 2))
}

/** round(x / ln 2) + 1.5 · 2²³: n in the low bits, of which eˣ = 2ⁿ e^(x − n ln 2). */
@inline
function exponentOf(x: v128): v128 {
  return madd(constant(ofExp, 3), x, constant(ofExp, 2))
}

/** 2ⁿ for whole n in [-126, 127], made of the exponent's bits; more than the low 8 bits of n do not matter. */
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.add(i32x4.shl(n, 23), constant(ofExp, 6))
}

/**
 * eʳ of r = x − n ln 2 as 1 + r + r² p(r), p fitted to a relative error of 4e-9 for |r| ≤ ln 2 / 2 (least squares,
 * reweighted towards the largest error, Lawson 1961).
 */
@inline
function expOfRest(x: v128, n: v128): v128 {
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, constant(ofExp, 4))), f32x4.mul(n, constant(ofExp, 5)))
  let p = madd(constant(ofExp, 8), r, constant(ofExp, 7))
  p = madd(constant(ofExp, 9), r, p)
  p = madd(constant(ofExp, 10), r, p)
  p = madd(constant(ofExp, 11), r, p)
  // the small part is added up before it meets 1
  return f32x4.add(constant(ofExp, 6), madd(r, f32x4.mul(r, r), p))
}

/**
 * eˣ; 2ⁿ is applied in two halves, so that results below 2⁻¹²⁶ and above 2¹²⁷ come out right. Below −104, where eˣ is 0 in
 * floats, the product is that of e⁰ and put away: processors take a hundred cycles to underflow. NaN stays NaN.
 */
@inline
export function exp4(x: v128): v128 {
  const gone = f32x4.lt(x, constant(ofExp, 0))
  const bounded = v128.andnot(f32x4.pmin(x, constant(ofExp, 1)), gone)
  const shifted = exponentOf(bounded)
  const half = i32x4.shr_s(i32x4.sub(shifted, constant(ofExp, 3)), 1)
  const e = expOfRest(bounded, f32x4.sub(shifted, constant(ofExp, 3)))
  return v128.andnot(f32x4.mul(f32x4.mul(e, powerOfTwo(half)), powerOfTwo(i32x4.sub(shifted, half))), gone)
}

/** eˣ for x ≤ 0, cut off to 0 below −87.3, where it would leave the normal numbers, which are slow. NaN stays NaN. */
@inline
export function expOfNegative4(x: v128): v128 {
  const least = constant(ofGelu, 0)
  const exponent = f32x4.pmax(x, least)
  const shifted = exponentOf(exponent)
  const e = expOfRest(exponent, f32x4.sub(shifted, constant(ofExp, 3)))
  return v128.andnot(f32x4.mul(e, powerOfTwo(shifted)), f32x4.lt(x, least))
}

/** φ(x) = e^(−x²/2) / √2π; what is below 2⁻¹²⁶ is cut off there. */
@inline
function density4(x: v128): v128 {
  const exponent = f32x4.pmax(f32x4.mul(f32x4.mul(x, x), constant(ofGelu, 1)), constant(ofGelu, 0))
  const shifted = exponentOf(exponent)
  const e = expOfRest(exponent, f32x4.sub(shifted, constant(ofExp, 3)))
  return f32x4.mul(f32x4.mul(e, constant(ofGelu, 2)), powerOfTwo(shifted))
}

/**
 * Φ(−x) / φ(x) for x ≥ 0, Mills's ratio, as t P(t) with t = 1 / (1 + 0.4 x): a least-squares fit of relative error,
 * reweighted towards the largest (Lawson 1961), on [0, 14.5]; 1.6e-8 before rounding, 2.5e-7 in floats.
 */
@inline
function mills4(x: v128): v128 {
  const t = f32x4.div(constant(ofExp, 6), madd(constant(ofExp, 6), constant(ofGelu, 5), x))
  let p = madd(constant(ofGelu, 7), constant(ofGelu, 6), t)
  p = madd(constant(ofGelu, 8), p, t)
  p = madd(constant(ofGelu, 9), p, t)
  p = madd(constant(ofGelu, 10), p, t)
  p = madd(constant(ofGelu, 11), p, t)
  p = madd(constant(ofGelu, 12), p, t)
  p = madd(constant(ofGelu, 13), p, t)
  p = madd(constant(ofGelu, 14), p, t)
  p = madd(constant(ofGelu, 15), p, t)
  return f32x4.mul(p, t)
}

/** Φ(x) from φ(x): Φ(−|x|) = φ M, reflected for x > 0. */
@inline
function normal4(x: v128, density: v128): v128 {
  const tail = f32x4.mul(density, mills4(f32x4.abs(x)))
  return v128.bitselect(tail, f32x4.sub(constant(ofExp, 6), tail), f32x4.lt(x, f32x4.splat(0)))
}

/** Beyond ±14.5 both Φ(−|x|) and φ are 0 in floats; the bound keeps infinities out of products with 0. NaN stays. */
@inline
function bounded4(x: v128): v128 {
  return within4(x, constant(ofGelu, 3), constant(ofGelu, 4))
}

/** x Φ(x) from Φ(x); 0 from −13 down, where it is below 1e-36. */
@inline
function geluOf(x: v128, normal: v128): v128 {
  return v128.andnot(f32x4.mul(f32x4.pmax(x, constant(ofGelu, 3)), normal), f32x4.le(x, splat(-13)))
}

/** x Φ(x). */
@inline
export function gelu4(x: v128): v128 {
  const z = bounded4(x)
  return geluOf(x, normal4(z, density4(z)))
}

/** Φ(x) + x φ(x). */
@inline
export function geluDerivative4(x: v128): v128 {
  const z = bounded4(x)
  const density = density4(z)
  return madd(normal4(z, density), z, density)
}

/** Stores gelu(x) and gelu′(x), which share Φ and φ; the bits are those of the two alone. */
@inline
export function storeGeluWithDerivative4(x: v128, y: usize, slope: usize): void {
  const z = bounded4(x)
  const density = density4(z)
  const normal = normal4(z, density)
  v128.store(y, geluOf(x, normal))
  v128.store(slope, madd(normal, z, density))
}
