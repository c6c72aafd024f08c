/** Functions of four floats at a time, and the slow exact ones, one at a time in f64. */

// @ts-expect-error: decorator
@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x)
}

/** a + b c. */
// @ts-expect-error: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(a, f32x4.mul(b, c))
}

/** 2ⁿ for whole n in [-126, 127], made of the exponent's bits. */
// @ts-expect-error: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
}

/**
 * eˣ = 2ⁿ eʳ with n = round(x / ln 2) and r = x − n ln 2, ln 2 in two parts of which the first is short (Cody and Waite
 * 1980); eʳ by its Taylor polynomial of degree 7, whose remainder is 5e-9 at |r| = ln 2 / 2. 2ⁿ is applied in two
 * halves, so that results below 2⁻¹²⁶ and above 2¹²⁷ come out right. NaN stays NaN.
 */
// @ts-expect-error: decorator
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, splat(90)), splat(-110))
  const n = f32x4.nearest(f32x4.mul(bounded, splat(1.44269504088896340736)))
  let r = f32x4.sub(bounded, f32x4.mul(n, splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, splat(-2.12194440054690583e-4)))
  let p = madd(splat(<f32>(1.0 / 720)), r, splat(<f32>(1.0 / 5040)))
  p = madd(splat(<f32>(1.0 / 120)), r, p)
  p = madd(splat(<f32>(1.0 / 24)), r, p)
  p = madd(splat(<f32>(1.0 / 6)), r, p)
  p = madd(splat(0.5), r, p)
  // 1 + (r + r² p): the small part is added up before it meets 1
  p = f32x4.add(splat(1), madd(r, f32x4.mul(r, r), p))
  const half = f32x4.floor(f32x4.mul(n, splat(0.5)))
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(f32x4.sub(n, half)))
}

/** e^(−x²/2), the square split so that its rounding does not grow with x. */
// @ts-expect-error: decorator
@inline
function gauss4(x: v128): v128 {
  // x = h + l with h of 12 bits: h² is exact
  const h = v128.and(x, i32x4.splat(0xfffff000))
  const l = f32x4.sub(x, h)
  const head = exp4(f32x4.mul(f32x4.mul(h, h), splat(-0.5)))
  return f32x4.mul(head, exp4(f32x4.mul(f32x4.mul(l, f32x4.add(x, h)), splat(-0.5))))
}

const oneOverSqrtTwoPi: f32 = 0.398942280401432677939946

/**
 * Φ(−x) / φ(x) for x ≥ 0, Mills's ratio, as t P(t) with t = 1 / (1 + 0.4 x): a least-squares fit of relative error,
 * reweighted towards the largest (Lawson 1961), on [0, 14.5]; 1.6e-8 before rounding, 2.5e-7 in floats.
 */
// @ts-expect-error: decorator
@inline
function mills4(x: v128): v128 {
  const t = f32x4.div(splat(1), madd(splat(1), splat(0.4), x))
  let p = madd(splat(-0.44319823384284973), splat(0.08075424283742905), t)
  p = madd(splat(0.9581714272499084), p, t)
  p = madd(splat(-0.9372091293334961), p, t)
  p = madd(splat(0.2990421950817108), p, t)
  p = madd(splat(-0.066920705139637), p, t)
  p = madd(splat(0.22878247499465942), p, t)
  p = madd(splat(0.3337728977203369), p, t)
  p = madd(splat(0.4001212418079376), p, t)
  p = madd(splat(0.399997740983963), p, t)
  return f32x4.mul(p, t)
}

/** Φ(x) from φ(x): Φ(−|x|) = φ M, reflected for x > 0. */
// @ts-expect-error: decorator
@inline
function normal4(x: v128, density: v128): v128 {
  const tail = f32x4.mul(density, mills4(f32x4.abs(x)))
  return v128.bitselect(tail, f32x4.sub(splat(1), tail), f32x4.lt(x, splat(0)))
}

/** Beyond ±14.5 both Φ(−|x|) and φ are 0 in floats; the bound keeps infinities out of products with 0. NaN stays. */
// @ts-expect-error: decorator
@inline
function bounded4(x: v128): v128 {
  return f32x4.max(f32x4.min(x, splat(14.5)), splat(-14.5))
}

/** x Φ(x); 0 at −∞. */
// @ts-expect-error: decorator
@inline
export function gelu4(x: v128): v128 {
  const z = bounded4(x)
  const density = f32x4.mul(gauss4(z), splat(oneOverSqrtTwoPi))
  const y = f32x4.mul(f32x4.max(x, splat(-14.5)), normal4(z, density))
  return v128.bitselect(splat(0), y, f32x4.le(x, splat(-14.5)))
}

/** Φ(x) + x φ(x). */
// @ts-expect-error: decorator
@inline
export function geluDerivative4(x: v128): v128 {
  const z = bounded4(x)
  const density = f32x4.mul(gauss4(z), splat(oneOverSqrtTwoPi))
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
// @ts-expect-error: decorator
@inline
export function softplus(x: f64): f64 {
  return max(x, 0) + Math.log1p(Math.exp(-abs(x)))
}

/** 1 / (1 + e⁻ˣ). */
// @ts-expect-error: decorator
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
