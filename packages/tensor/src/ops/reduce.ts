/** Reductions over axes. The operations reduce trailing axes; the functions move the named axes there first. */
import { isFloat } from '../dtype.ts'
import { DTypeError, ShapeError, show } from '../errors.ts'
import type { ArgReduceName, ReduceName } from '../kernels.ts'
import { apply, type Case, type Derivative, defineOp, linear, type Op, type Rule, requireFloat } from '../op.ts'
import { axesFromEnd, type Shape, sameShape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { div, mul, sub } from './arithmetic.ts'
import { cast } from './cast.ts'
import { equal, greater } from './compare.ts'
import { ones } from './create.ts'
import { gatherLast, scatterAddLast } from './gather.ts'
import { concat } from './join.ts'
import { expand, permute, reshape, slice, squeeze } from './movement.ts'
import { where } from './select.ts'
import { exp, sqrt, square } from './unary.ts'

/** Attributes of a reduction. */
export interface Axes {
  /** how many trailing axes are reduced */
  readonly axes: number
}

const outerShape = (shape: Shape, { axes }: Axes): Shape => shape.slice(0, shape.length - axes)

const reduceCases: readonly Case<Axes>[] = [
  { shapes: [[2, 3, 4]], attrs: { axes: 1 } },
  { shapes: [[2, 3]], attrs: { axes: 2 } },
  { shapes: [[]], attrs: { axes: 0 } },
]

const reduction = (name: ReduceName, x: Derivative<'x', Axes>, emptyCase = true): Op<'x', Axes> =>
  defineOp({
    name,
    inputs: ['x'],
    shape: ([x], attrs) => outerShape(x!.shape, attrs),
    forward: (kernels, [x], y, { axes }) => kernels.reduce(name, x!, axes, y),
    derivatives: { x },
    cases: emptyCase ? [...reduceCases, { shapes: [[2, 0]], attrs: { axes: 1 } }] : reduceCases,
    large: { shapes: [[256, 512]], attrs: { axes: 1 } },
  })

/** Adds trailing axes of size 1. */
const unsqueezeTrailing = (x: Tensor, count: number): Tensor =>
  reshape(x, [...x.shape, ...new Array<number>(count).fill(1)])

/** dy, repeated along the axes that the reduction took. */
function spread(dy: Tensor, shape: Shape, axes: number): Tensor {
  return expand(unsqueezeTrailing(dy, axes), [...dy.shape, ...shape.slice(shape.length - axes)])
}

/** The last `axes` axes as one. */
const flattenTrailing = (x: Tensor, axes: number): Tensor => {
  const split = x.rank - axes
  return reshape(x, [...x.shape.slice(0, split), sizeOf(x.shape.slice(split))])
}

const position = (name: ArgReduceName, x: Tensor, axes: number): Tensor => apply(reduceOps[name], [x], { axes })

/** The gradient of a maximum or minimum goes to the element that won: the first of the largest. */
const winner = (name: ArgReduceName): Derivative<'x', Axes> => ({
  reads: ['x'],
  vjp: (dy, { x }, { attrs: { axes }, shapes }) => {
    const tail = shapes.x.slice(shapes.x.length - axes)
    const at = unsqueezeTrailing(position(name, x, axes), 1)
    const d = scatterAddLast(unsqueezeTrailing(dy, 1), at, sizeOf(tail))
    return reshape(d, [...dy.shape, ...tail])
  },
  jvp: (dx, { x }, { attrs: { axes } }) => {
    const at = unsqueezeTrailing(position(name, x, axes), 1)
    return squeeze(gatherLast(flattenTrailing(dx, axes), at), -1)
  },
})

/** e^(x − y), the softmax over the reduced axes, where a row of −∞ gives zeros. */
function softmaxOfRows(x: Tensor, y: Tensor, axes: number): Tensor {
  const finite = where(equal(y, Number.NEGATIVE_INFINITY), 0, y)
  return exp(sub(x, unsqueezeTrailing(finite, axes)))
}

const argReduction = (name: ArgReduceName): Op<'x', Axes> =>
  defineOp({
    name,
    inputs: ['x'],
    shape: ([x], attrs) => outerShape(x!.shape, attrs),
    dtype: () => 'i32',
    forward: (kernels, [x], y, { axes }) => kernels.argReduce(name, x!, axes, y),
    derivatives: {},
    cases: reduceCases,
  })

const sumTrailing = (x: Tensor, axes: number): Tensor => apply(reduceOps.sum, [x], { axes })

const logSumExpVjp: Rule<'x', Axes> = (dy, { x, y }, { attrs: { axes } }) =>
  mul(unsqueezeTrailing(dy, axes), softmaxOfRows(x, y, axes))

export const reduceOps = {
  sum: reduction(
    'sum',
    linear([], (dy, _, { attrs: { axes }, shapes }) => spread(dy, shapes.x, axes)),
  ),
  max: reduction('max', winner('argmax'), false),
  min: reduction('min', winner('argmin'), false),
  logSumExp: reduction('logSumExp', {
    reads: ['x', 'y'],
    vjp: logSumExpVjp,
    jvp: (dx, { x, y }, { attrs: { axes } }) => sumTrailing(mul(dx, softmaxOfRows(x, y, axes)), axes),
  }),
  sumOfSquares: reduction('sumOfSquares', {
    reads: ['x'],
    vjp: (dy, { x }, { attrs: { axes } }) => mul(unsqueezeTrailing(mul(dy, 2), axes), x),
    jvp: (dx, { x }, { attrs: { axes } }) => sumTrailing(mul(dx, mul(x, 2)), axes),
  }),
  argmax: argReduction('argmax'),
  argmin: argReduction('argmin'),
}

/** Axes and form of a reduction's result. */
export interface ReduceOptions {
  /** keep the reduced axes with size 1; default false */
  keepDims?: boolean
}

export type Axis = number | readonly number[] | null

/** x with the named axes at its end, how many they are, and the shape that `keepDims` asks for. */
function reducedLast(op: string, x: Tensor, axis: Axis | undefined) {
  const reduced = axesFromEnd(op, axis, x.rank).sort((a, b) => a - b)
  const kept = x.shape.map((_, i) => i - x.rank).filter((i) => !reduced.includes(i))
  const keptShape = x.shape.map((n, i) => (reduced.includes(i - x.rank) ? 1 : n))
  return { turned: permute(x, [...kept, ...reduced]), count: reduced.length, keptShape }
}

/** Moves the named axes to the end, reduces them, and puts axes of size 1 in their place where asked. */
function reduce(op: Op<'x', Axes>, x: Tensor, axis: Axis | undefined, { keepDims = false }: ReduceOptions): Tensor {
  const { turned, count, keptShape } = reducedLast(op.name, x, axis)
  const y = apply(op, [turned], { axes: count })
  return keepDims ? reshape(y, keptShape) : y
}

const countOf = (x: Tensor, axis: Axis | undefined): number =>
  axesFromEnd('mean', axis, x.rank).reduce((n, i) => n * x.shape.at(i)!, 1)

function requireSome(op: string, x: Tensor, axis: Axis | undefined): void {
  if (countOf(x, axis) === 0 && axesFromEnd(op, axis, x.rank).some((i) => x.shape.at(i) === 0)) {
    throw new ShapeError({ op, expected: 'at least one element along the reduced axes', got: show(x.shape) })
  }
}

/** The sum over axes (default all). Nothing sums to 0; integers stay `i32`, booleans are counted. */
export const sum = (x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor =>
  reduce(reduceOps.sum, x.dtype === 'bool' ? cast(x, 'i32') : x, axis, options)

/** The arithmetic mean over axes (default all); NaN of nothing. Integers as `f32`. */
export function mean(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  const floats = isFloat(x.dtype) ? x : cast(x, 'f32')
  return div(sum(floats, axis, options), countOf(x, axis))
}

/** The largest element over axes (default all); a NaN wins. In a tie the gradient goes to the first. */
export function max(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireSome('max', x, axis)
  return reduce(reduceOps.max, x, axis, options)
}

/** The smallest element over axes (default all); a NaN wins. In a tie the gradient goes to the first. */
export function min(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireSome('min', x, axis)
  return reduce(reduceOps.min, x, axis, options)
}

/** The index (`i32`) of the first largest element along one axis, or in the flattened tensor; the first NaN wins. */
export function argmax(x: Tensor, axis?: number | null, options: ReduceOptions = {}): Tensor {
  requireSome('argmax', x, axis)
  return reduce(reduceOps.argmax, x, axis, options)
}

/** The index (`i32`) of the first smallest element along one axis, or in the flattened tensor; the first NaN wins. */
export function argmin(x: Tensor, axis?: number | null, options: ReduceOptions = {}): Tensor {
  requireSome('argmin', x, axis)
  return reduce(reduceOps.argmin, x, axis, options)
}

/** log Σ eˣ over axes (default all), without overflow. A row of −Infinity, or of nothing, gives −Infinity, gradient 0. */
export function logSumExp(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireFloat('logSumExp', x)
  return reduce(reduceOps.logSumExp, x, axis, options)
}

/**
 * The product over axes (default all); of nothing 1. Integers stay `i32`. Multiplied in pairs, half of the row by the
 * other half: exact derivatives of any order follow from those of `mul`, also where elements are 0.
 */
export function prod(x: Tensor, axis?: Axis, { keepDims = false }: ReduceOptions = {}): Tensor {
  const numbers = x.dtype === 'bool' ? cast(x, 'i32') : x
  const { turned, count, keptShape } = reducedLast('prod', numbers, axis)
  const shape = keepDims ? keptShape : turned.shape.slice(0, turned.rank - count)
  if (turned.size === 0 && sizeOf(shape) > 0) return ones(shape, turned)
  let product = flattenTrailing(turned, count)
  let n = product.shape.at(-1)!
  const part = (begin: number, end: number) => {
    const here = (bound: number) => product.shape.map((_, i) => (i === product.rank - 1 ? bound : null))
    return slice(product, here(begin), here(end))
  }
  for (; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2)
    const pairs = mul(part(0, half), part(half, 2 * half))
    product = n % 2 === 0 ? pairs : concat([pairs, part(n - 1, n)], -1)
  }
  return reshape(product, shape)
}

const requireBool = (op: string, x: Tensor): void => {
  if (x.dtype !== 'bool') throw new DTypeError({ op, expected: 'bool', got: x.dtype, hint: 'compare it first' })
}

/** Whether all elements along axes (default all) are true; of nothing, true. */
export function all(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireBool('all', x)
  return equal(sum(equal(x, 0), axis, options), 0)
}

/** Whether any element along axes (default all) is true; of nothing, false. */
export function any(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireBool('any', x)
  return greater(sum(x, axis, options), 0)
}

export interface VarianceOptions extends ReduceOptions {
  /** the sum of squares is divided by n − correction; default 1, the unbiased estimate, as in PyTorch */
  correction?: number
}

/** Σ (x − mean)² / (n − correction) over axes (default all), in two passes; NaN where n = correction. */
export function variance(x: Tensor, axis?: Axis, { correction = 1, ...options }: VarianceOptions = {}): Tensor {
  requireFloat('variance', x)
  const deviations = sub(x, mean(x, axis, { keepDims: true }))
  return div(sum(square(deviations), axis, options), Math.max(0, countOf(x, axis) - correction))
}

/** Σ x² over axes (default all), in one pass. */
export const sumOfSquares = (x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor =>
  reduce(reduceOps.sumOfSquares, x, axis, options)

/** The 2-norm √Σ x² over axes (default all); derivative 0 where the norm is 0. */
export function norm(x: Tensor, axis?: Axis, options: ReduceOptions = {}): Tensor {
  requireFloat('norm', x)
  const squares = sumOfSquares(x, axis, options)
  const zero = equal(squares, 0)
  return where(zero, 0, sqrt(where(zero, 1, squares)))
}

/**
 * @internal Sums a stretched tensor back to `shape`, whose first `lead` axes are directions and not stretched: the
 * transpose of broadcasting.
 */
export function sumTo(x: Tensor, shape: Shape, lead = 0): Tensor {
  if (sameShape(x.shape, shape)) return x
  const added = x.rank - shape.length
  const stretched = x.shape
    .map((_, i) => i)
    .filter((i) => i >= lead && (i < lead + added || (shape[i - added] === 1 && x.shape[i] !== 1)))
  return reshape(sum(x, stretched), shape)
}
