/** Elementwise operations on two operands, with NumPy's broadcasting. Numbers stand for scalars of the other's dtype. */
import { type DType, isFloat, promote } from '../dtype.ts'
import { DTypeError } from '../errors.ts'
import type { BinaryName } from '../kernels.ts'
import { apply, broadcastRule, type Case, type Derivative, defineOp, type Op, stretch, symmetric } from '../op.ts'
import { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { equal, greaterEqual, lessEqual } from './compare.ts'
import { full } from './create.ts'
import { where } from './select.ts'
import { log, neg } from './unary.ts'

/** A tensor, or a number that takes the dtype of the tensor it meets. */
export type Operand = Tensor | number

/** Two operands as tensors of one dtype. A number meets integers as `i32` where it is whole, else all become `f32`. */
export function pair(op: string, a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === 'number' && typeof b === 'number') return [full([], a), full([], b)]
  const like = (a instanceof Tensor ? a : b) as Tensor
  const x = operand(op, a, like)
  const y = operand(op, b, like)
  const dtype = promote(x.dtype, y.dtype)
  return [cast(x, dtype), cast(y, dtype)]
}

function operand(op: string, value: unknown, like: Tensor): Tensor {
  if (value instanceof Tensor) return value
  if (typeof value !== 'number') throw new DTypeError({ op, expected: 'a tensor or a number', got: typeof value })
  const dtype: DType = isFloat(like.dtype) ? like.dtype : Number.isInteger(value) ? 'i32' : 'f32'
  return full([], value, { dtype, device: like.device })
}

const broadcastCases: readonly Case<Record<never, never>>[] = [
  {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    attrs: {},
  },
  { shapes: [[2, 3], [3]], attrs: {} },
  {
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    attrs: {},
  },
  { shapes: [[], [2, 2]], attrs: {} },
  {
    shapes: [
      [0, 3],
      [1, 3],
    ],
    attrs: {},
  },
]

/** An elementwise operation of two inputs, by its kernel and the rule of each input. */
const binary = (
  name: BinaryName,
  derivatives: { a: Derivative<'a' | 'b', Record<never, never>>; b: Derivative<'a' | 'b', Record<never, never>> },
  domain?: readonly [number, number],
): Op<'a' | 'b', Record<never, never>> =>
  defineOp({
    name,
    inputs: ['a', 'b'],
    broadcasts: true,
    shape: broadcastRule(name),
    forward: (kernels, [a, b], y) => kernels.binary(name, stretch(a!, y.shape), stretch(b!, y.shape), y),
    derivatives,
    cases: broadcastCases.map((example) => (domain ? { ...example, domain } : example)),
  })

export const arithmeticOps = {
  add: binary('add', { a: symmetric([], (d) => d), b: symmetric([], (d) => d) }),
  sub: binary('sub', { a: symmetric([], (d) => d), b: symmetric([], (d) => neg(d)) }),
  mul: binary('mul', { a: symmetric(['b'], (d, { b }) => mul(d, b)), b: symmetric(['a'], (d, { a }) => mul(d, a)) }),
  div: binary(
    'div',
    {
      a: symmetric(['b'], (d, { b }) => div(d, b)),
      b: symmetric(['b', 'y'], (d, { b, y }) => neg(div(mul(d, y), b))), // −a/b² = −y/b
    },
    [0.5, 2],
  ),
  pow: binary(
    'pow',
    {
      // b a^(b−1), and 0 where b = 0, even at a = 0
      a: symmetric(['a', 'b'], (d, { a, b }) => mul(d, mul(b, pow(a, where(equal(b, 0), 1, sub(b, 1)))))),
      // a^b ln a, with 0 · ln 0 = 0
      b: symmetric(['a', 'y'], (d, { a, y }) => mul(d, mul(y, log(where(equal(y, 0), 1, a))))),
    },
    [0.5, 2],
  ),
  // where both are equal the first operand takes the whole gradient: the lowest index wins a tie
  maximum: binary('maximum', {
    a: symmetric(['a', 'b'], (d, { a, b }) => where(greaterEqual(a, b), d, 0)),
    b: symmetric(['a', 'b'], (d, { a, b }) => where(greaterEqual(a, b), 0, d)),
  }),
  minimum: binary('minimum', {
    a: symmetric(['a', 'b'], (d, { a, b }) => where(lessEqual(a, b), d, 0)),
    b: symmetric(['a', 'b'], (d, { a, b }) => where(lessEqual(a, b), 0, d)),
  }),
}

/** a + b. */
export const add = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.add, numbers('add', a, b), {})
/** a − b. */
export const sub = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.sub, numbers('sub', a, b), {})
/** a · b, element by element. */
export const mul = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.mul, numbers('mul', a, b), {})
/** a / b; integers are divided as `f32`. 1/0 is Infinity, 0/0 NaN. */
export const div = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.div, floats('div', a, b), {})
/** a to the power b; 0⁰ = 1. Integers as `f32`. */
export const pow = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.pow, floats('pow', a, b), {})
/** The larger of a and b; NaN where either is. In a tie the gradient goes to `a`. */
export const maximum = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.maximum, numbers('maximum', a, b), {})
/** The smaller of a and b; NaN where either is. In a tie the gradient goes to `a`. */
export const minimum = (a: Operand, b: Operand): Tensor => apply(arithmeticOps.minimum, numbers('minimum', a, b), {})

/** A pair of at least `i32`: booleans count as 0 and 1. */
function numbers(op: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const [x, y] = pair(op, a, b)
  return x.dtype === 'bool' ? [cast(x, 'i32'), cast(y, 'i32')] : [x, y]
}

function floats(op: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const [x, y] = pair(op, a, b)
  return isFloat(x.dtype) ? [x, y] : [cast(x, 'f32'), cast(y, 'f32')]
}
