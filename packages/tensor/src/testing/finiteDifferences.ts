/** Derivatives against central differences, in f64 on `ref` whatever the inputs' dtype and device. */
import { withDevice } from '../device.ts'
import { jvp } from '../forward.ts'
import { mul } from '../ops/arithmetic.ts'
import { tensor, zeros } from '../ops/create.ts'
import { sum } from '../ops/reduce.ts'
import { normal, randomKey } from '../random/random.ts'
import { grad, vjp } from '../reverse.ts'
import { scope } from '../scope.ts'
import type { Shape } from '../shape.ts'
import { isDifferentiable, type Tensor } from '../tensor.ts'
import { MismatchError, type Tolerance, worstMismatch } from './allClose.ts'

export interface CheckOptions extends Tolerance {
  /** step of the central difference; default 1e-5 */
  eps?: number
  /** default 1e-6 */
  rtol?: number
  /** default 1e-8: central differences are no better */
  atol?: number
}

type Many = readonly Tensor[]

const onRef = { dtype: 'f64', device: 'ref' } as const
const toleranceOf = ({ rtol = 1e-6, atol = 1e-8 }: CheckOptions): Tolerance => ({ rtol, atol })

/** The float inputs in f64 on `ref`, and `f` of these alone. */
function onFloats<Y>(f: (...xs: Tensor[]) => Y, xs: Many) {
  const positions = xs.flatMap((x, i) => (isDifferentiable(x) ? [i] : []))
  const inputs: Many = positions.map((i) => tensor(Float64Array.from(xs[i]!.dataSync()), xs[i]!.shape, onRef))
  const call = (parts: Many): Y => {
    const all = xs.map((x) => x.to('ref'))
    for (const [k, i] of positions.entries()) all[i] = parts[k]!
    return withDevice('ref', () => f(...all))
  }
  return { positions, inputs, call }
}

/** The numbers of a tensor as f64. */
const numbers = (x: Tensor): Float64Array => Float64Array.from(x.dataSync())

/** (g(x + ε v) − g(x − ε v)) / 2ε for a function to plain numbers. */
function centralDifference(g: (xs: Many) => Float64Array, xs: Many, vs: Many, eps: number): Float64Array {
  const at = (step: number) => scope(() => g(xs.map((x, i) => x.add(vs[i]!.mul(step)))))
  const [above, below] = [at(eps), at(-eps)]
  return above.map((value, i) => (value - below[i]!) / (2 * eps))
}

/** Throws a `MismatchError` unless the numbers agree. */
function compare(
  op: string,
  what: string,
  analytic: Float64Array,
  numeric: Float64Array,
  shape: Shape,
  options: CheckOptions,
): void {
  const mismatch = worstMismatch(analytic, numeric, shape, toleranceOf(options))
  if (!mismatch) return
  const { index, actualValue, expectedValue, differing, count } = mismatch
  const place = `${what} at [${index.join(', ')}]`
  const hint = `${differing} of ${count} elements differ; a kink within the step of ${options.eps ?? 1e-5} would explain it`
  const parts = { op, expected: `${expectedValue} by central differences for ${place}`, got: String(actualValue), hint }
  throw new MismatchError(parts, mismatch)
}

/** Fixed directions, a different one for each input. */
const directionsFor = (xs: Many, seed: number): Many =>
  xs.map((x, i) => normal(x.shape, randomKey(seed * 1000 + i), onRef))

/**
 * Compares the gradient of a scalar function with central differences, element by element.
 *
 * @param f   from the inputs to one scalar
 * @param xs  inputs; integer and boolean ones are held fixed. Empty ones have nothing to compare
 * @returns   true
 * @throws {MismatchError} that names the input and its worst element
 */
export function checkGradients(f: (...xs: Tensor[]) => Tensor, xs: Many, options: CheckOptions = {}): true {
  return scope(() => {
    const { positions, inputs, call } = onFloats(f, xs)
    for (const [k, gradient] of grad<Many>(call)(inputs).entries()) {
      const x = inputs[k]!
      const numeric = new Float64Array(x.size)
      for (let e = 0; e < x.size; e++) {
        const unit = new Float64Array(x.size)
        unit[e] = 1
        const vs = inputs.map((other, i) => (i === k ? tensor(unit, x.shape, onRef) : zeros(other.shape, other)))
        numeric[e] = centralDifference((parts) => numbers(call(parts)), inputs, vs, options.eps ?? 1e-5)[0]!
      }
      compare('checkGradients', `input ${positions[k]}`, numbers(gradient), numeric, x.shape, options)
    }
    return true
  })
}

/**
 * Compares `jvp` with central differences along a fixed direction, and with `vjp` by ⟨u, J v⟩ = ⟨Jᵀ u, v⟩.
 *
 * @param f   from the inputs to a tensor of any shape
 * @param xs  inputs; integer and boolean ones are held fixed
 * @returns   true
 * @throws {MismatchError} that names the worst element of the result, or the two inner products
 */
export function checkJvp(f: (...xs: Tensor[]) => Tensor, xs: Many, options: CheckOptions = {}): true {
  return scope(() => {
    const { inputs, call } = onFloats(f, xs)
    const vs = directionsFor(inputs, 1)
    const { value, tangent } = jvp<Many, Tensor>(call, inputs, vs)
    const numeric = centralDifference((parts) => numbers(call(parts)), inputs, vs, options.eps ?? 1e-5)
    compare('checkJvp', 'the tangent', numbers(tangent), numeric, value.shape, options)
    const [u] = directionsFor([value], 2) as [Tensor]
    const { pullback } = vjp<Many, Tensor>(call, inputs)
    const pulled = pullback(u)
    pullback.dispose()
    const forward = sum(mul(u, tangent)).item()
    const reverse = pulled.reduce((total, g, i) => total + sum(mul(g, vs[i]!)).item(), 0)
    const mismatch = worstMismatch([reverse], [forward], [], { rtol: 1e-9, atol: 1e-9 })
    if (!mismatch) return true
    const parts = { op: 'checkJvp', expected: `⟨Jᵀu, v⟩ = ⟨u, Jv⟩ = ${forward}`, got: String(reverse) }
    throw new MismatchError({ ...parts, hint: 'the vjp and the jvp are not transposes of each other' }, mismatch)
  })
}

/**
 * Compares the second derivatives of a scalar function, forward over reverse along a fixed direction, with central
 * differences of its gradient.
 *
 * @param f   from the inputs to one scalar
 * @param xs  inputs; integer and boolean ones are held fixed
 * @returns   true
 * @throws {MismatchError} that names the input and the worst element of its Hessian-vector product
 */
export function checkSecondGradients(f: (...xs: Tensor[]) => Tensor, xs: Many, options: CheckOptions = {}): true {
  return scope(() => {
    const { positions, inputs, call } = onFloats(f, xs)
    const vs = directionsFor(inputs, 3)
    const gradient = grad<Many>(call)
    const products = jvp<Many, Many>(gradient, inputs, vs).tangent
    for (const [k, product] of products.entries()) {
      const partial = (parts: Many) => numbers(gradient(parts)[k]!)
      const numeric = centralDifference(partial, inputs, vs, options.eps ?? 1e-5)
      compare('checkSecondGradients', `input ${positions[k]}`, numbers(product), numeric, product.shape, options)
    }
    return true
  })
}
