/** The public list of `@antecedent/tensor`. */
import './methods.ts'

export { type DeviceInfo, type DeviceName, device, deviceNames, useDevice } from './device.ts'
export type { DType, TypedArray } from './dtype.ts'
export {
  AntecedentError,
  DeviceError,
  DTypeError,
  type ErrorParts,
  GradError,
  MemoryError,
  OptionError,
  ShapeError,
  unknownName,
} from './errors.ts'
export { hessian, hvp, jacobian, jvp } from './forward.ts'
export { add, div, maximum, minimum, mul, type Operand, pow, sub } from './ops/arithmetic.ts'
export { cast } from './ops/cast.ts'
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from './ops/compare.ts'
export { arange, type CreateOptions, eye, full, ones, tensor, zeros } from './ops/create.ts'
export { embedding, indexSelect } from './ops/gather.ts'
export { concat, stack } from './ops/join.ts'
export { dot, linearLayer as linear, type MatmulOptions, matmul, outer } from './ops/matmul.ts'
export {
  contiguous,
  expand,
  flip,
  moveAxis,
  pad,
  permute,
  reshape,
  select,
  slice,
  split,
  squeeze,
  swapAxes,
  transpose,
  unsqueeze,
} from './ops/movement.ts'
export { type LayerNormOptions, layerNorm } from './ops/norm.ts'
export { type Axis, argmax, argmin, logSumExp, max, mean, min, norm, type ReduceOptions, sum } from './ops/reduce.ts'
export { maskedFill, where } from './ops/select.ts'
export { logSoftmax, softmax } from './ops/softmax.ts'
export {
  abs,
  cos,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  geluTanh,
  log,
  log1p,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  tanh,
} from './ops/unary.ts'
export { grad, type OneOrMany, type Pullback, valueAndGrad, vjp } from './reverse.ts'
export { keep, scope } from './scope.ts'
export type { Shape } from './shape.ts'
export { inSite, type Replacement, site, type TapOptions, tap } from './site.ts'
export { type MemoryInfo, memoryInfo, resetPeak } from './storage.ts'
export { type Nested, Tensor } from './tensor.ts'
