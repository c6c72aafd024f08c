import { type QuadratureMethod, quadrature, quadratureMethods } from '@antecedent/attribution'
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

test.run()
