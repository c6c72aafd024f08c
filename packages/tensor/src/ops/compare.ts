/** Comparisons and logic: results are `bool`, and no derivative flows through them. */

import { DTypeError } from '../errors.ts'
import type { CompareName } from '../kernels.ts'
import { apply, broadcastRule, defineOp, type Op, stretch } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { type Operand, pair } from './arithmetic.ts'
import { full } from './create.ts'
import { selectOps } from './select.ts'
import { abs } from './unary.ts'

const compare = (name: CompareName): Op<'a' | 'b', Record<never, never>> =>
  defineOp({
    name,
    inputs: ['a', 'b'],
    broadcasts: true,
    shape: broadcastRule(name),
    dtype: () => 'bool',
    forward: (kernels, [a, b], y) => kernels.compare(name, stretch(a!, y.shape), stretch(b!, y.shape), y),
    derivatives: {},
    cases: [{ shapes: [[2, 3], [3]], attrs: {} }],
  })

export const compareOps = {
  equal: compare('equal'),
  notEqual: compare('notEqual'),
  less: compare('less'),
  lessEqual: compare('lessEqual'),
  greater: compare('greater'),
  greaterEqual: compare('greaterEqual'),
}

/** The public form of a comparison. */
export type CompareOf = (a: Operand, b: Operand) => Tensor

/** a = b. NaN equals nothing; −0 equals 0. */
export const equal = (a: Operand, b: Operand): Tensor => apply(compareOps.equal, pair('equal', a, b), {})
/** a ≠ b; true where either is NaN. */
export const notEqual = (a: Operand, b: Operand): Tensor => apply(compareOps.notEqual, pair('notEqual', a, b), {})
/** a < b; false where either is NaN. */
export const less = (a: Operand, b: Operand): Tensor => apply(compareOps.less, pair('less', a, b), {})
/** a ≤ b; false where either is NaN. */
export const lessEqual = (a: Operand, b: Operand): Tensor => apply(compareOps.lessEqual, pair('lessEqual', a, b), {})
/** a > b; false where either is NaN. */
export const greater = (a: Operand, b: Operand): Tensor => apply(compareOps.greater, pair('greater', a, b), {})
/** a ≥ b; false where either is NaN. */
export const greaterEqual = (a: Operand, b: Operand): Tensor =>
  apply(compareOps.greaterEqual, pair('greaterEqual', a, b), {})

/** True where x is NaN. */
export const isNaNElement = (x: Tensor): Tensor => notEqual(x, x)
/** True where x is neither NaN nor infinite. */
export const isFiniteElement = (x: Tensor): Tensor => less(abs(x), Number.POSITIVE_INFINITY)

function requireBool(op: string, ...operands: Tensor[]): void {
  for (const x of operands) {
    if (x.dtype !== 'bool') {
      throw new DTypeError({ op, expected: 'bool', got: x.dtype, hint: "compare it first, or cast('bool')" })
    }
  }
}

/** a ∧ b, both `bool`. */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  requireBool('logicalAnd', a, b)
  return apply(selectOps.where, [a, b, a], {})
}

/** a ∨ b, both `bool`. */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  requireBool('logicalOr', a, b)
  return apply(selectOps.where, [a, a, b], {})
}

/** ¬x of `bool`. */
export function logicalNot(x: Tensor): Tensor {
  requireBool('logicalNot', x)
  return equal(x, full([], 0, { dtype: 'bool', device: x.device }))
}
