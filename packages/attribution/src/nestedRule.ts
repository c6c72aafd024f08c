/**
 * Three nested rules, Gauss 10 ⊂ Kronrod 21 ⊂ Patterson 43 (the QNG of QUADPACK), under a map that puts their nodes
 * where paths of word embeddings bend. Every node of a rule is one of the next, so no evaluation is lost.
 */
import { OptionError } from '@antecedent/tensor'
import { type Interpolation, interpolationAt } from './lagrange.ts'
import { type Quadrature, quadrature } from './quadrature.ts'

/** Points of the three rules. */
export const nestedSizes = [10, 21, 43] as const

export type NestedSize = (typeof nestedSizes)[number]

/** What records call these rules. */
export const nestedMethod = 'gausskronrodpatterson'

/** Chebyshev polynomial Tₖ on [−1, 1]. */
const chebyshev = (k: number, x: number): number => Math.cos(k * Math.acos(x))

/** Solves A c = b by elimination with partial pivoting, in place. */
function solve(rows: number[][], b: number[]): number[] {
  const n = b.length
  for (let i = 0; i < n; i++) {
    let pivot = i
    for (let r = i + 1; r < n; r++) if (Math.abs(rows[r]![i]!) > Math.abs(rows[pivot]![i]!)) pivot = r
    ;[rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!]
    ;[b[i], b[pivot]] = [b[pivot]!, b[i]!]
    for (let r = i + 1; r < n; r++) {
      const factor = rows[r]![i]! / rows[i]![i]!
      for (let c = i; c < n; c++) rows[r]![c]! -= factor * rows[i]![c]!
      b[r]! -= factor * b[i]!
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let c = i + 1; c < n; c++) b[i]! -= rows[i]![c]! * b[c]!
    b[i]! /= rows[i]![i]!
  }
  return b
}

/**
 * The polynomial of degree n + 1 which, times Π (x − nodes), is orthogonal to all of lower degree (Kronrod 1965,
 * Patterson 1968). Nodes are symmetric, so it is even or odd, and half of the conditions hold by themselves.
 */
function addedPolynomial(nodes: Float64Array): (x: number) => number {
  const degree = nodes.length + 1
  const parity = (offset: number) =>
    Array.from({ length: degree }, (_, k) => k).filter((k) => (k + offset + degree) % 2 === 0)
  const [basis, tests] = [parity(0), parity(nodes.length)]
  const { nodes: points, weights } = quadrature('gausslegendre', 2 * nodes.length + 3)
  const at = points.map((x) => 2 * x - 1)
  const weighted = at.map((x, i) => nodes.reduce((product, z) => product * 2 * (x - z), weights[i]!))
  const moment = (k: number, l: number) =>
    at.reduce((sum, x, i) => sum + weighted[i]! * chebyshev(k, x) * chebyshev(l, x), 0)
  const coefficients = solve(
    tests.map((k) => basis.map((l) => moment(k, l))),
    tests.map((k) => -moment(k, degree)),
  )
  return (x) => basis.reduce((sum, l, i) => sum + coefficients[i]! * chebyshev(l, x), chebyshev(degree, x))
}

/** The zeros of the added polynomial, which lie one in each gap between −1, the nodes and 1. */
function addedNodes(nodes: Float64Array): Float64Array {
  const sorted = nodes.slice().sort()
  const p = addedPolynomial(sorted)
  const ends = [-1, ...sorted, 1]
  const zeros = ends.slice(1).map((end, i) => {
    let [a, b] = [ends[i]!, end]
    const sign = Math.sign(p(a))
    for (let step = 0; step < 60; step++) {
      const middle = (a + b) / 2
      if (Math.sign(p(middle)) === sign) a = middle
      else b = middle
    }
    return (a + b) / 2
  })
  return Float64Array.from(zeros, (x, i) => (x - zeros[zeros.length - 1 - i]!) / 2)
}

/** All 43 nodes on [0, 1], the 10 first, then the 11 of Kronrod, then the 22 of Patterson. */
function makeNodes(): Float64Array {
  const gauss = quadrature('gausslegendre', nestedSizes[0]).nodes.map((x) => 2 * x - 1)
  const kronrod = Float64Array.of(...gauss, ...addedNodes(gauss))
  return Float64Array.of(...kronrod, ...addedNodes(kronrod)).map((x) => (1 + x) / 2)
}

/** α(u) = c + d sinh(k (u − u₀)): dense about c. The values are those measured on BERT's embeddings. */
const [center, steepness] = [0.45, 4]
const ratio = center / (1 - center)
/** α(0) = 0 and α(1) = 1 */
const origin = Math.atanh((ratio * Math.sinh(steepness)) / (1 + ratio * Math.cosh(steepness))) / steepness
const stretch = center / Math.sinh(steepness * origin)

/** The map from u in [0, 1], where the rules live, to the parameter α of the path. */
export const alphaOf = (u: number): number => center + stretch * Math.sinh(steepness * (u - origin))

/** dα/du. */
export const slopeOf = (u: number): number => stretch * steepness * Math.cosh(steepness * (u - origin))

let interpolations: ReadonlyMap<NestedSize, Interpolation> | undefined

/** Interpolation in u at the nodes of a rule; a prefix of those of the next. Made once. */
export function nestedInterpolation(size: NestedSize): Interpolation {
  if (!interpolations) {
    const nodes = makeNodes()
    interpolations = new Map(nestedSizes.map((n) => [n, interpolationAt(nodes.subarray(0, n))]))
  }
  return interpolations.get(size)!
}

/** Weights at the nodes of a rule, in their order, for the part [from, to] of the range of u. */
export function nestedWeights(size: NestedSize, from = 0, to = 1): Float64Array {
  const { nodes, integrals } = nestedInterpolation(size)
  return integrals(from, to).map((w, j) => w * slopeOf(nodes[j]!))
}

/**
 * One of the nested rules on [0, 1].
 *
 * @param size    10 (Gauss, exact to degree 19), 21 (Kronrod, 31) or 43 (Patterson, 65) points
 * @param mapped  under the map α(u) = c + d sinh(k (u − u₀)) with c = 0.45, k = 4 (default): then exact for
 *                polynomials no more, but nearly for 1, α and α²
 * @throws {OptionError} for another size
 */
export function nestedQuadrature(size: NestedSize, mapped = true): Quadrature {
  if (!nestedSizes.includes(size)) {
    const expected = `a size (${nestedSizes.join(', ')})`
    throw new OptionError({ op: 'nestedQuadrature', expected, got: String(size) }, nestedSizes.map(String))
  }
  const { nodes, integrals } = nestedInterpolation(size)
  const weights = mapped ? nestedWeights(size) : integrals(0, 1)
  const order = [...nodes.keys()].sort((a, b) => nodes[a]! - nodes[b]!)
  return {
    nodes: Float64Array.from(order, (j) => (mapped ? alphaOf(nodes[j]!) : nodes[j]!)),
    weights: Float64Array.from(order, (j) => weights[j]!),
  }
}
