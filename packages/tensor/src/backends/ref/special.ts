/** Functions that JavaScript's Math lacks. */

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI)

/** erf by its series with positive terms, (2/√π) e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!; slow and exact. */
function erfSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return twoOverSqrtPi * Math.exp(-x * x) * sum
}

const perUnit = 16
const limit = 6 // erfc(6) = 2e-17
const terms = 10

/**
 * Taylor coefficients of erf about the multiples of 1/16: with g = erf′, g′ = −2 x g gives
 * (n + 1) gₙ₊₁ = −2 (c gₙ + gₙ₋₁), and erf has the coefficients gₙ₋₁ / n.
 */
const erfTable = (() => {
  const table = new Float64Array((limit * perUnit + 1) * terms)
  for (let k = 0; k <= limit * perUnit; k++) {
    const c = k / perUnit
    table[k * terms] = c === 0 ? 0 : erfSeries(c)
    let previous = 0
    let g = twoOverSqrtPi * Math.exp(-c * c)
    for (let n = 1; n < terms; n++) {
      table[k * terms + n] = g / n
      const next = (-2 * (c * g + previous)) / n
      previous = g
      g = next
    }
  }
  return table
})()

/** The error function, absolute error below 1e-15. */
export function erf(x: number): number {
  const size = Math.abs(x)
  if (x === 0) return x // its sign, too
  if (!(size < limit)) return Number.isNaN(x) ? x : Math.sign(x)
  const k = Math.round(size * perUnit)
  const h = size - k / perUnit
  let y = erfTable[k * terms + terms - 1]!
  for (let n = terms - 2; n >= 0; n--) y = y * h + erfTable[k * terms + n]!
  return x < 0 ? -y : y
}

/** The nearest whole number, halves to even. */
export function roundHalfToEven(x: number): number {
  const y = Math.round(x) // halves towards +∞
  return y - x === 0.5 && y % 2 !== 0 ? y - 1 : y
}

const oneOverSqrtTwoPi = 1 / Math.sqrt(2 * Math.PI)

/** x Φ(x); 0 at −∞. */
export const gelu = (x: number): number => (x === Number.NEGATIVE_INFINITY ? 0 : x * 0.5 * (1 + erf(x * Math.SQRT1_2)))

/** Φ(x) + x φ(x); 0 and 1 at the infinities. */
export function geluDerivative(x: number): number {
  const density = Math.abs(x) === Number.POSITIVE_INFINITY ? 0 : x * oneOverSqrtTwoPi * Math.exp(-0.5 * x * x)
  return 0.5 * (1 + erf(x * Math.SQRT1_2)) + density
}

/** log(1 + eˣ), exact at both ends. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** 1 / (1 + e⁻ˣ), without overflow. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x))
  return (x >= 0 ? 1 : e) / (1 + e)
}
