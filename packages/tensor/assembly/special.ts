/** Functions of four floats at a time, and the slow exact ones, one at a time in f64. */

@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x)
}

/** a + b c. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(a, f32x4.mul(b, c))
}

/**
 * Constants in memory: one load spreads one over four lanes, where V8 builds a constant of its own out of four
 * instructions, each time it is met. In order: 90, −110, 1/ln 2, ln 2 in two parts, 1/7! … 1/2!, 1; −87.3, −1/2,
 * 1/√2π, 14.5, −14.5, 0.4; the coefficients of Mills's ratio from the highest.
 */
const constants = memory.data<f32>([
  90, -110, 1.44269504088896340736, 0.693359375, -2.12194440054690583e-4,
  0.000198412698412698413, 0.00138888888888888889, 0.00833333333333333333, 0.0416666666666666667, 0.166666666666666667,
  0.5, 1,
  -87.3, -0.5, 0.398942280401432677939946, 14.5, -14.5, 0.4,
  0.08075424283742905, -0.44319823384284973, 0.9581714272499084, -0.9372091293334961, 0.2990421950817108,
  -0.066920705139637, 0.22878247499465942, 0.3337728977203369, 0.4001212418079376, 0.399997740983963,
])

@inline
function constant(i: i32): v128 {
  return v128.load32_splat(constants + (<usize>i << 2))
}

/** 2ⁿ for whole n in [-126, 127], made of the exponent's bits. */
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
}

/** n = round(x / ln 2), of which eˣ = 2ⁿ e^(x − n ln 2). */
@inline
function exponentOf(x: v128): v128 {
  return f32x4.nearest(f32x4.mul(x, constant(2)))
}

/**
 * eʳ of r = x − n ln 2, ln 2 in two parts of which the first is short (Cody and Waite 1980), by the Taylor polynomial of
 * degree 7, whose remainder is 5e-9 at |r| = ln 2 / 2.
 */
@inline
export function expOfRest(x: v128, n: v128): v128 {
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, constant(3))), f32x4.mul(n, constant(4)))
  let p = madd(constant(6), r, constant(5))
  p = madd(constant(7), r, p)
  p = madd(constant(8), r, p)
  p = madd(constant(9), r, p)
  p = madd(constant(10), r, p)
  // 1 + (r + r² p): the small part is added up before it meets 1
  return f32x4.add(constant(11), madd(r, f32x4.mul(r, r), p))
}

/** eˣ; 2ⁿ is applied in two halves, so that results below 2⁻¹²⁶ and above 2¹²⁷ come out right. NaN stays NaN. */
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, constant(0)), constant(1))
  const n = exponentOf(bounded)
  const half = f32x4.floor(f32x4.mul(n, constant(10)))
  return f32x4.mul(f32x4.mul(expOfRest(bounded, n), powerOfTwo(half)), powerOfTwo(f32x4.sub(n, half)))
}

/** φ(x) = e^(−x²/2) / √2π; what is below 2⁻¹²⁶ is cut off there. */
@inline
function density4(x: v128): v128 {
  const exponent = f32x4.max(f32x4.mul(f32x4.mul(x, x), constant(13)), constant(12))
  const n = exponentOf(exponent)
  return f32x4.mul(f32x4.mul(expOfRest(exponent, n), constant(14)), powerOfTwo(n))
}

/**
 * Φ(−x) / φ(x) for x ≥ 0, Mills's ratio, as t P(t) with t = 1 / (1 + 0.4 x): a least-squares fit of relative error,
 * reweighted towards the largest (Lawson 1961), on [0, 14.5]; 1.6e-8 before rounding, 2.5e-7 in floats.
 */
@inline
function mills4(x: v128): v128 {
  const t = f32x4.div(constant(11), madd(constant(11), constant(17), x))
  let p = madd(constant(19), constant(18), t)
  p = madd(constant(20), p, t)
  p = madd(constant(21), p, t)
  p = madd(constant(22), p, t)
  p = madd(constant(23), p, t)
  p = madd(constant(24), p, t)
  p = madd(constant(25), p, t)
  p = madd(constant(26), p, t)
  p = madd(constant(27), p, t)
  return f32x4.mul(p, t)
}

/** Φ(x) from φ(x): Φ(−|x|) = φ M, reflected for x > 0. */
@inline
function normal4(x: v128, density: v128): v128 {
  const tail = f32x4.mul(density, mills4(f32x4.abs(x)))
  return v128.bitselect(tail, f32x4.sub(constant(11), tail), f32x4.lt(x, f32x4.splat(0)))
}

/** Beyond ±14.5 both Φ(−|x|) and φ are 0 in floats; the bound keeps infinities out of products with 0. NaN stays. */
@inline
function bounded4(x: v128): v128 {
  return f32x4.max(f32x4.min(x, constant(15)), constant(16))
}

/** x Φ(x); 0 from −13 down, where it is below 1e-36. */
@inline
export function gelu4(x: v128): v128 {
  const z = bounded4(x)
  const y = f32x4.mul(f32x4.max(x, constant(16)), normal4(z, density4(z)))
  return v128.andnot(y, f32x4.le(x, splat(-13)))
}

/** Φ(x) + x φ(x). */
@inline
export function geluDerivative4(x: v128): v128 {
  const z = bounded4(x)
  const density = density4(z)
  return madd(normal4(z, density), z, density)
}

const twoOverSqrtPi: f64 = 1.12837916709551257389616

/** erf, by its Taylor series below 2, else 1 minus the continued fraction of erfc (Abramowitz and Stegun 7.1.5, 7.1.14). */
export function erf(x: f64): f64 {
  const size = abs(x)
  if (size > 6) return x > 0 ? 1 : -1
  if (size < 2) {
    let term = x
    let sum = x
    for (let n = 1; n < 40; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return twoOverSqrtPi * sum
  }
  let fraction = size
  for (let k = 40; k > 0; k--) fraction = size + (0.5 * k) / fraction
  const complement = (0.5 * twoOverSqrtPi * Math.exp(-size * size)) / fraction
  return x > 0 ? 1 - complement : complement - 1
}

/** log(1 + eˣ), exact at both ends. */
@inline
export function softplus(x: f64): f64 {
  return max(x, 0) + Math.log1p(Math.exp(-abs(x)))
}

/** 1 / (1 + e⁻ˣ). */
@inline
export function sigmoid(x: f64): f64 {
  const e = Math.exp(-abs(x))
  return (x >= 0 ? 1 : e) / (1 + e)
}

/** C's pow: 1 to any power is 1, and so is (−1) to an infinite one. */
export function pow(a: f64, b: f64): f64 {
  if (a == 1 || (a == -1 && abs(b) == Infinity)) return 1
  return a ** b
}
