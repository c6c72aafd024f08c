/** The chainable methods: each is the function of the same name with the tensor as its first argument. */
import type { DType } from './dtype.ts'
import type { Operand } from './ops/arithmetic.ts'
import * as arithmetic from './ops/arithmetic.ts'
import { at, type IndexEntry } from './ops/at.ts'
import { cast } from './ops/cast.ts'
import * as compare from './ops/compare.ts'
import { type MatmulOptions, matmul } from './ops/matmul.ts'
import * as movement from './ops/movement.ts'
import * as piecewise from './ops/piecewise.ts'
import type { Axis, ReduceOptions, VarianceOptions } from './ops/reduce.ts'
import * as reduce from './ops/reduce.ts'
import { cumsum } from './ops/scan.ts'
import { logSoftmax, softmax } from './ops/softmax.ts'
import * as unary from './ops/unary.ts'
import type { Shape } from './shape.ts'
import { Tensor } from './tensor.ts'
import { to } from './transfer.ts'

interface Methods {
  add(b: Operand): Tensor
  sub(b: Operand): Tensor
  mul(b: Operand): Tensor
  div(b: Operand): Tensor
  pow(b: Operand): Tensor
  maximum(b: Operand): Tensor
  minimum(b: Operand): Tensor
  equal(b: Operand): Tensor
  notEqual(b: Operand): Tensor
  less(b: Operand): Tensor
  lessEqual(b: Operand): Tensor
  greater(b: Operand): Tensor
  greaterEqual(b: Operand): Tensor
  logicalAnd(b: Tensor): Tensor
  logicalOr(b: Tensor): Tensor
  logicalNot(): Tensor
  neg(): Tensor
  abs(): Tensor
  sign(): Tensor
  floor(): Tensor
  round(): Tensor
  reciprocal(): Tensor
  rsqrt(): Tensor
  expm1(): Tensor
  log1p(): Tensor
  sin(): Tensor
  cos(): Tensor
  erf(): Tensor
  softplus(): Tensor
  square(): Tensor
  sqrt(): Tensor
  exp(): Tensor
  log(): Tensor
  tanh(): Tensor
  sigmoid(): Tensor
  relu(): Tensor
  gelu(): Tensor
  clamp(min: number | null, max?: number | null): Tensor
  sum(axis?: Axis, options?: ReduceOptions): Tensor
  mean(axis?: Axis, options?: ReduceOptions): Tensor
  max(axis?: Axis, options?: ReduceOptions): Tensor
  min(axis?: Axis, options?: ReduceOptions): Tensor
  norm(axis?: Axis, options?: ReduceOptions): Tensor
  prod(axis?: Axis, options?: ReduceOptions): Tensor
  variance(axis?: Axis, options?: VarianceOptions): Tensor
  logSumExp(axis?: Axis, options?: ReduceOptions): Tensor
  all(axis?: Axis, options?: ReduceOptions): Tensor
  any(axis?: Axis, options?: ReduceOptions): Tensor
  cumsum(axis?: number): Tensor
  argmax(axis?: number | null, options?: ReduceOptions): Tensor
  argmin(axis?: number | null, options?: ReduceOptions): Tensor
  softmax(axis?: number): Tensor
  logSoftmax(axis?: number): Tensor
  matmul(b: Tensor, options?: MatmulOptions): Tensor
  reshape(shape: Shape): Tensor
  transpose(axes?: readonly number[] | null): Tensor
  permute(axes: readonly number[]): Tensor
  swapAxes(axis0: number, axis1: number): Tensor
  squeeze(axis?: number | readonly number[] | null): Tensor
  unsqueeze(axis: number): Tensor
  expand(shape: Shape): Tensor
  slice(begin: readonly (number | null)[], end?: readonly (number | null)[], step?: readonly (number | null)[]): Tensor
  select(i: number, axis?: number): Tensor
  flip(axes: number | readonly number[]): Tensor
  at(...entries: readonly IndexEntry[]): Tensor
  cast(dtype: DType): Tensor
  to(device: string): Tensor
}

type Functions = { [Name in keyof Methods]: (x: Tensor, ...args: Parameters<Methods[Name]>) => Tensor }

const { add, sub, mul, div, pow, maximum, minimum } = arithmetic
const { equal, notEqual, less, lessEqual, greater, greaterEqual, logicalAnd, logicalOr, logicalNot } = compare
const { neg, abs, sign, square, floor, round, reciprocal, sqrt, rsqrt, exp, expm1, log, log1p, sin, cos } = unary
const { tanh, sigmoid, softplus, erf, relu, gelu } = unary
const { clamp } = piecewise
const { sum, mean, max, min, norm, prod, variance, logSumExp, all, any, argmax, argmin } = reduce
const { reshape, transpose, permute, swapAxes, squeeze, unsqueeze, expand, slice, select, flip } = movement

const functions: Functions = {
  ...{ add, sub, mul, div, pow, maximum, minimum },
  ...{ equal, notEqual, less, lessEqual, greater, greaterEqual, logicalAnd, logicalOr, logicalNot },
  ...{ neg, abs, sign, square, floor, round, reciprocal, sqrt, rsqrt, exp, expm1, log, log1p, sin, cos },
  ...{ tanh, sigmoid, softplus, erf, relu, gelu, clamp },
  ...{ sum, mean, max, min, norm, prod, variance, logSumExp, all, any, argmax, argmin, softmax, logSoftmax, cumsum },
  ...{ reshape, transpose, permute, swapAxes, squeeze, unsqueeze, expand, slice, select, flip, at },
  ...{ matmul, cast, to },
}

for (const [name, f] of Object.entries(functions) as [string, (x: Tensor, ...args: unknown[]) => Tensor][]) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return f(this, ...args)
    },
    writable: true,
    configurable: true,
  })
}

declare module './tensor.ts' {
  interface Tensor extends Methods {}
}
