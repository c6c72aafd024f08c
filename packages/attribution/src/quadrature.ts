/** Rules for ∫₀¹ g(α) dα ≈ Σ wₖ g(αₖ). Names and weights are Captum's where it has the rule. */
import { OptionError, unknownName } from '@antecedent/tensor'

export interface Quadrature {
  /** on [0, 1], ascending */
  nodes: Float64Array
  weights: Float64Array
}

const evenly = (n: number, node: (k: number) => number, weight: (k: number) => number): Quadrature => ({
  nodes: Float64Array.from({ length: n }, (_, k) => node(k)),
  weights: Float64Array.from({ length: n }, (_, k) => weight(k)),
})

const halvedEnds = (n: number, h: number) => (k: number) => (k === 0 || k === n - 1 ? h / 2 : h)

/** The value of the Legendre polynomial Pₙ and of its derivative, by the three-term recurrence. */
function legendre(n: number, x: number): [value: number, derivative: number] {
  let [previous, value] = [1, x]
  for (let k = 2; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k]
  return [value, (n * (x * value - previous)) / (x * x - 1)]
}

/** Nodes by Newton's method from cos(π (i − 1/4) / (n + 1/2)); weights 2 / ((1 − x²) Pₙ′(x)²); exact to degree 2n − 1. */
function gaussLegendre(n: number): Quadrature {
  const rule = { nodes: new Float64Array(n), weights: new Float64Array(n) }
  for (let i = 0; i < n; i++) {
    let x = n === 1 ? 0 : Math.cos((Math.PI * (n - i - 0.25)) / (n + 0.5))
    for (let step = 0; step < 20; step++) {
      const [value, derivative] = legendre(n, x)
      if (n === 1 || Math.abs(value / derivative) < 1e-16) break
      x -= value / derivative
    }
    const derivative = n === 1 ? 1 : legendre(n, x)[1]
    rule.nodes[i] = (1 + x) / 2
    rule.weights[i] = 1 / ((1 - x * x) * derivative * derivative)
  }
  return rule
}

/** Σ of the interpolation at (1 − cos(πk/(n−1)))/2; exact to degree n − 1. */
function clenshawCurtis(n: number): Quadrature {
  const last = n - 1
  const weight = (k: number): number => {
    let sum = 1
    for (let j = 1; j <= last / 2; j++) {
      const share = 2 * j === last ? 1 : 2
      sum -= (share * Math.cos((2 * Math.PI * j * k) / last)) / (4 * j * j - 1)
    }
    return sum / (k === 0 || k === last ? 2 * last : last)
  }
  return evenly(n, (k) => (1 - Math.cos((Math.PI * k) / last)) / 2, weight)
}

/** Every rule, by name, with the fewest points that it takes. */
const rules = {
  gausslegendre: { least: 1, make: gaussLegendre },
  riemann_left: {
    least: 2,
    make: (n: number) =>
      evenly(
        n,
        (k) => k / n,
        () => 1 / n,
      ),
  },
  riemann_right: {
    least: 2,
    make: (n: number) =>
      evenly(
        n,
        (k) => (k + 1) / n,
        () => 1 / n,
      ),
  },
  riemann_middle: {
    least: 2,
    make: (n: number) =>
      evenly(
        n,
        (k) => (k + 0.5) / n,
        () => 1 / n,
      ),
  },
  // Captum's: the weights add up to 1 − 1/n, so every integral comes out low by that factor
  riemann_trapezoid: { least: 2, make: (n: number) => evenly(n, (k) => k / (n - 1), halvedEnds(n, 1 / n)) },
  trapezoid: { least: 2, make: (n: number) => evenly(n, (k) => k / (n - 1), halvedEnds(n, 1 / (n - 1))) },
  clenshawcurtis: { least: 2, make: clenshawCurtis },
} satisfies Record<string, { least: number; make: (n: number) => Quadrature }>

export type QuadratureMethod = keyof typeof rules

export const quadratureMethods = Object.keys(rules) as QuadratureMethod[]

/**
 * The nodes and weights of a rule on [0, 1].
 *
 * @throws {OptionError} for an unknown name, which lists the known ones, or fewer points than the rule takes
 */
export function quadrature(method: QuadratureMethod, n: number): Quadrature {
  if (!Object.hasOwn(rules, method)) throw unknownName('quadrature', 'a method', method, quadratureMethods)
  const { least, make } = rules[method]
  if (!Number.isInteger(n) || n < least) {
    throw new OptionError({ op: 'quadrature', expected: `at least ${least} points for ${method}`, got: String(n) })
  }
  return make(n)
}
