/** Derivatives against finite differences, in f64 on `ref`. */
import { GradError } from '../errors.ts'
import { tensor } from '../ops/create.ts'
import { valueAndGrad } from '../reverse.ts'
import { scope } from '../scope.ts'
import { isDifferentiable, type Tensor } from '../tensor.ts'

export interface CheckOptions {
  /** step of the central difference; default 1e-5 */
  eps?: number
  /** default 1e-6 */
  rtol?: number
  /** default 1e-8: central differences are no better */
  atol?: number
}

const onRef = { dtype: 'f64', device: 'ref' } as const

/**
 * Compares the gradient of a scalar function with central differences (F(x + ε) − F(x − ε)) / 2ε, for every element of
 * every float input, in f64 on `ref` whatever the inputs' dtype and device.
 *
 * @param f   from the inputs to one scalar
 * @param xs  inputs; integer and boolean ones are held fixed
 * @returns   true
 * @throws {GradError} that names the input, the element, and both numbers of the worst one
 */
export function checkGradients(
  f: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  options: CheckOptions = {},
): true {
  const { eps = 1e-5, rtol = 1e-6, atol = 1e-8 } = options
  return scope(() => {
    const floats = xs.flatMap((x, i) => (isDifferentiable(x) ? [i] : []))
    const data = floats.map((i) => Float64Array.from(xs[i]!.dataSync()))
    const inputs = floats.map((i, k) => tensor(data[k]!, xs[i]!.shape, onRef))
    const call = (parts: readonly Tensor[]): Tensor => {
      const all = [...xs]
      for (const [k, i] of floats.entries()) all[i] = parts[k]!
      return f(...all)
    }
    const [, gradients] = valueAndGrad<readonly Tensor[]>(call)(inputs)
    const valueAt = (k: number, e: number, step: number): number =>
      scope(() => {
        const moved = data[k]!.slice()
        moved[e]! += step
        const parts = [...inputs]
        parts[k] = tensor(moved, inputs[k]!.shape, onRef)
        return call(parts).item()
      })
    for (const [k, gradient] of gradients.entries()) {
      const analytic = gradient.dataSync()
      for (let e = 0; e < analytic.length; e++) {
        const numeric = (valueAt(k, e, eps) - valueAt(k, e, -eps)) / (2 * eps)
        const difference = Math.abs(analytic[e]! - numeric)
        if (difference <= atol + rtol * Math.max(Math.abs(numeric), Math.abs(analytic[e]!))) continue
        throw new GradError({
          op: 'checkGradients',
          expected: `${numeric} by central differences for input ${floats[k]}, element ${e}`,
          got: `${analytic[e]}`,
          hint: `the step was ${eps}; a kink within it would explain the difference`,
        })
      }
    }
    return true
  })
}
