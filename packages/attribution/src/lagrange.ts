/** Polynomial interpolation at fixed nodes, by the barycentric formula (Berrut and Trefethen 2004). */
import { quadrature } from './quadrature.ts'

export interface Interpolation {
  readonly nodes: Float64Array
  /** ℓⱼ(x) for every node j: the interpolant of y at x is Σ ℓⱼ(x) yⱼ */
  basisAt(x: number): Float64Array
  /** ∫ₐᵇ ℓⱼ(x) dx for every node j, exact up to rounding */
  integrals(a: number, b: number): Float64Array
}

/** Interpolation at distinct nodes within [0, 1], in any order. */
export function interpolationAt(nodes: Float64Array): Interpolation {
  // the factor 4 is the inverse of the interval's capacity: the products neither grow nor vanish
  const weights = nodes.map((x, j) => 1 / nodes.reduce((p, z, k) => (k === j ? p : p * 4 * (x - z)), 1))
  const gauss = quadrature('gausslegendre', Math.ceil(nodes.length / 2))
  const basisAt = (x: number): Float64Array => {
    const hit = nodes.indexOf(x)
    if (hit >= 0) return nodes.map((_, j) => (j === hit ? 1 : 0))
    const terms = weights.map((w, j) => w / (x - nodes[j]!))
    const total = terms.reduce((sum, term) => sum + term, 0)
    return terms.map((term) => term / total)
  }
  const integrals = (a: number, b: number): Float64Array => {
    const sums = new Float64Array(nodes.length)
    for (const [k, x] of gauss.nodes.entries()) {
      const share = (b - a) * gauss.weights[k]!
      for (const [j, value] of basisAt(a + (b - a) * x).entries()) sums[j]! += share * value
    }
    return sums
  }
  return { nodes, basisAt, integrals }
}
