/** Choice by a condition. */
import { DTypeError } from '../errors.ts'
import { apply, broadcastRule, defineOp, stretch, symmetric } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { type Operand, pair } from './arithmetic.ts'

export const selectOps = {
  where: defineOp<'condition' | 'a' | 'b'>({
    name: 'where',
    inputs: ['condition', 'a', 'b'],
    broadcasts: true,
    shape: broadcastRule('where'),
    dtype: ([, a]) => a!.dtype,
    forward: (kernels, [condition, a, b], y) =>
      kernels.select(stretch(condition!, y.shape), stretch(a!, y.shape), stretch(b!, y.shape), y),
    derivatives: {
      a: symmetric(['condition'], (d, { condition }) => where(condition, d, 0)),
      b: symmetric(['condition'], (d, { condition }) => where(condition, 0, d)),
    },
    cases: [
      {
        shapes: [
          [2, 3],
          [2, 3],
          [2, 3],
        ],
        attrs: {},
        booleans: [0],
      },
      { shapes: [[3], [2, 1], []], attrs: {}, booleans: [0] },
      { shapes: [[3, 6], [6], [3, 1]], attrs: {}, booleans: [0] },
    ],
  }),
}

/**
 * `a` where the condition holds, `b` elsewhere; all three broadcast. The branch not taken contributes nothing, neither
 * to the value nor to the gradient, not even as NaN.
 *
 * @param condition  bool
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (condition.dtype !== 'bool') {
    throw new DTypeError({ op: 'where', expected: 'a bool condition', got: condition.dtype, hint: 'compare it first' })
  }
  return apply(selectOps.where, [condition, ...pair('where', a, b)], {})
}

/** x with `value` wherever `mask` (bool, broadcast) holds; no gradient there. */
export const maskedFill = (x: Tensor, mask: Tensor, value: number): Tensor => where(mask, value, x)
