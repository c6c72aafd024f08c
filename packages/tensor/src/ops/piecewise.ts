/** Functions in pieces, out of the operations on two operands. */
import { OptionError } from '../errors.ts'
import { requireFloat } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { maximum, minimum, mul } from './arithmetic.ts'
import { greater } from './compare.ts'
import { where } from './select.ts'
import { expm1 } from './unary.ts'

/** x within [min, max]; null leaves a side open. NaN stays NaN. Derivative 1 inside and on the bounds, 0 outside. */
export function clamp(x: Tensor, min: number | null, max: number | null = null): Tensor {
  if (min !== null && max !== null && !(min <= max)) {
    throw new OptionError({ op: 'clamp', expected: 'min ≤ max', got: `min ${min} and max ${max}` })
  }
  const raised = min === null ? x : maximum(x, min)
  return max === null ? raised : minimum(raised, max)
}

/** x above 0, `negativeSlope` · x (default 0.01) elsewhere; at 0 the derivative is `negativeSlope`. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  requireFloat('leakyRelu', x)
  return where(greater(x, 0), x, mul(x, negativeSlope))
}

/** x above 0, `alpha` (eˣ − 1) elsewhere (Clevert, Unterthiner and Hochreiter 2016); `alpha` is 1 by default. */
export function elu(x: Tensor, alpha = 1): Tensor {
  requireFloat('elu', x)
  // the exponential sees no positive number, so that the branch not taken has no infinite derivative
  return where(greater(x, 0), x, mul(expm1(minimum(x, 0)), alpha))
}
