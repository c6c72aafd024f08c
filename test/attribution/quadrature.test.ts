import {
  type NestedSize,
  nestedQuadrature,
  type QuadratureMethod,
  quadrature,
  quadratureMethods,
} from '@antecedent/attribution'
import { OptionError } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('quadrature')

const integral = (method: QuadratureMethod, n: number, f: (x: number) => number): number => {
  const { nodes, weights } = quadrature(method, n)
  return nodes.reduce((sum, x, k) => sum + weights[k]! * f(x), 0)
}
const near = (a: number, b: number, bound = 1e-13) => assert.ok(Math.abs(a - b) <= bound, `${a} is not ${b}`)

test('gausslegendre with n points is exact to degree 2n − 1 within 1e-13, and not beyond', () => {
  for (const n of [1, 2, 3, 5, 10, 20, 50]) {
    for (let degree = 0; degree <= 2 * n - 1; degree++)
      near(
        integral('gausslegendre', n, (x) => x ** degree),
        1 / (degree + 1),
      )
  }
  assert.ok(Math.abs(integral('gausslegendre', 2, (x) => x ** 4) - 0.2) > 1e-3)
})

test('clenshawcurtis with n points is exact to degree n − 1 within 1e-13', () => {
  for (const n of [2, 3, 4, 5, 9, 17]) {
    for (let degree = 0; degree < n; degree++)
      near(
        integral('clenshawcurtis', n, (x) => x ** degree),
        1 / (degree + 1),
      )
  }
})

test('weights add up to 1, but for Captum’s trapezoid, whose sum is 1 − 1/n', () => {
  for (const method of quadratureMethods) {
    near(
      integral(method, 7, () => 1),
      method === 'riemann_trapezoid' ? 6 / 7 : 1,
    )
  }
})

test('nodes ascend within [0, 1]', () => {
  for (const method of quadratureMethods) {
    const { nodes } = quadrature(method, 9)
    for (const [k, x] of nodes.entries()) assert.ok(x >= 0 && x <= 1 && (k === 0 || x > nodes[k - 1]!))
  }
})

test('an unknown rule lists the known ones, and too few points are an error', () => {
  assert.throws(
    () => quadrature('simpson' as QuadratureMethod, 3),
    (error: Error) => error instanceof OptionError && error.known.includes('gausslegendre'),
  )
  assert.throws(() => quadrature('riemann_left', 1), /at least 2 points/)
  assert.throws(() => quadrature('gausslegendre', 0), /at least 1/)
  assert.throws(() => quadrature('gausslegendre', 2.5), /2\.5/)
})

/** Degrees to which 10, 21 and 43 points are exact; the next even one is beyond each. */
const nested: [NestedSize, degree: number][] = [
  [10, 19],
  [21, 31],
  [43, 65],
]

test('the nested rules are exact on [−1, 1] to degree 19, 31 and 65, and not beyond', () => {
  for (const [size, exact] of nested) {
    const { nodes, weights } = nestedQuadrature(size, false)
    // Legendre polynomials, since powers are small where the nodes are
    const moment = (degree: number) =>
      nodes.reduce((sum, u, k) => {
        let [before, p] = [0, 1]
        for (let n = 0; n < degree; n++) [before, p] = [p, ((2 * n + 1) * (2 * u - 1) * p - n * before) / (n + 1)]
        return sum + weights[k]! * p
      }, 0)
    for (let degree = 0; degree <= exact; degree++) near(moment(degree), degree === 0 ? 1 : 0, 2e-14)
    assert.ok(Math.abs(moment(exact + 1)) > 1e-9, `${size}: ${moment(exact + 1)}`)
  }
})

test('the nested rules have the nodes of QUADPACK, positive weights, and each the nodes of the one before', () => {
  const unmapped = (size: NestedSize) => nestedQuadrature(size, false)
  const has = (size: NestedSize, x: number) => unmapped(size).nodes.some((u) => Math.abs(2 * u - 1 - x) < 1e-15)
  // the largest node that each rule adds (qng.f: x1, x2, x3)
  for (const [size, x] of [
    [10, 0.9739065285171717],
    [21, 0.9956571630258081],
    [43, 0.9993333609019321],
    [43, 0.07465061746138332],
  ] as const)
    assert.ok(has(size, x) && has(size, -x), `${size} ${x}`)
  for (const [size] of nested) assert.ok(unmapped(size).weights.every((w) => w > 0))
  for (const u of unmapped(10).nodes) assert.ok(unmapped(21).nodes.includes(u))
  for (const u of unmapped(21).nodes) assert.ok(unmapped(43).nodes.includes(u))
})

test('the mapped rules of 21 and 43 points integrate 1, α and α², and a bend in the middle ten times better than Gauss–Legendre', () => {
  for (const size of [21, 43] as const) {
    const { nodes, weights } = nestedQuadrature(size)
    for (const power of [0, 1, 2])
      near(
        nodes.reduce((sum, x, k) => sum + weights[k]! * x ** power, 0),
        1 / (power + 1),
        1e-14,
      )
    assert.ok(nodes.every((x, k) => x > (nodes[k - 1] ?? 0) && x < 1))
  }
  const bend = (x: number) => 1 / ((x - 0.45) ** 2 + 0.01)
  const exact = 10 * (Math.atan(5.5) + Math.atan(4.5))
  const error = (rule: { nodes: Float64Array; weights: Float64Array }) =>
    Math.abs(rule.nodes.reduce((sum, x, k) => sum + rule.weights[k]! * bend(x), 0) - exact) / exact
  assert.ok(error(nestedQuadrature(21)) < 0.1 * error(quadrature('gausslegendre', 21)))
})

test('a nested rule of another size is an error that lists the sizes', () => {
  assert.throws(() => nestedQuadrature(20 as NestedSize), /10, 21, 43/)
})

test.run()
