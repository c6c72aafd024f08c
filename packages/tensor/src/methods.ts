/** The chainable methods: each is the function of the same name with the tensor as its first argument. */
import type { DType } from './dtype.ts'
import type { Operand } from './ops/arithmetic.ts'
import * as arithmetic from './ops/arithmetic.ts'
import { cast } from './ops/cast.ts'
import * as compare from './ops/compare.ts'
import { type MatmulOptions, matmul } from './ops/matmul.ts'
import * as movement from './ops/movement.ts'
import type { Axis, ReduceOptions } from './ops/reduce.ts'
import * as reduce from './ops/reduce.ts'
import { logSoftmax, softmax } from './ops/softmax.ts'
import * as unary from './ops/unary.ts'
import type { Shape } from './shape.ts'
import { Tensor } from './tensor.ts'

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
  neg(): Tensor
  abs(): Tensor
  square(): Tensor
  sqrt(): Tensor
  exp(): Tensor
  log(): Tensor
  tanh(): Tensor
  sigmoid(): Tensor
  relu(): Tensor
  gelu(): Tensor
  sum(axis?: Axis, options?: ReduceOptions): Tensor
  mean(axis?: Axis, options?: ReduceOptions): Tensor
  max(axis?: Axis, options?: ReduceOptions): Tensor
  min(axis?: Axis, options?: ReduceOptions): Tensor
  norm(axis?: Axis, options?: ReduceOptions): Tensor
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
  cast(dtype: DType): Tensor
}

type Functions = { [Name in keyof Methods]: (x: Tensor, ...args: Parameters<Methods[Name]>) => Tensor }

const { add, sub, mul, div, pow, maximum, minimum } = arithmetic
const { equal, notEqual, less, lessEqual, greater, greaterEqual } = compare
const { neg, abs, square, sqrt, exp, log, tanh, sigmoid, relu, gelu } = unary
const { sum, mean, max, min, norm, argmax, argmin } = reduce
const { reshape, transpose, permute, swapAxes, squeeze, unsqueeze, expand, slice, select } = movement

const functions: Functions = {
  ...{ add, sub, mul, div, pow, maximum, minimum },
  ...{ equal, notEqual, less, lessEqual, greater, greaterEqual },
  ...{ neg, abs, square, sqrt, exp, log, tanh, sigmoid, relu, gelu },
  ...{ sum, mean, max, min, norm, argmax, argmin, softmax, logSoftmax },
  ...{ reshape, transpose, permute, swapAxes, squeeze, unsqueeze, expand, slice, select },
  ...{ matmul, cast },
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
