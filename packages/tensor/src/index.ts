/** The public list of `@antecedent/tensor`. */
import './methods.ts'

export { allowFastVectors } from './backends/wasm/vectors.ts'
export { type CustomOp, type CustomValues, checkpoint, customOp } from './customOp.ts'
export {
  type DeviceInfo,
  type DeviceName,
  type DeviceOptions,
  device,
  deviceNames,
  fastestDevice,
  useDevice,
} from './device.ts'
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
export { gather, scatter, scatterAdd } from './ops/alongAxis.ts'
export { add, div, maximum, minimum, mul, type Operand, pow, sub } from './ops/arithmetic.ts'
export {
  type DiagonalOptions,
  diagonal,
  meshgrid,
  oneHot,
  repeat,
  roll,
  tile,
  tril,
  triu,
} from './ops/arrange.ts'
export { at, type IndexEntry } from './ops/at.ts'
export { type AttentionOptions, attention, type HeadsOptions, scaledDotProductAttention } from './ops/attention.ts'
export { cast } from './ops/cast.ts'
export {
  equal,
  greater,
  greaterEqual,
  isFiniteElement as isFinite,
  isNaNElement as isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
} from './ops/compare.ts'
export { arange, type CreateOptions, eye, fromFloat16, full, linspace, ones, tensor, zeros } from './ops/create.ts'
export { einsum } from './ops/einsum.ts'
export { type EmbeddingOptions, embedding, indexSelect } from './ops/gather.ts'
export { concat, stack } from './ops/join.ts'
export {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  type LabelLossOptions,
  type LossOptions,
  mse,
  nllLoss,
  type Reduction,
} from './ops/loss.ts'
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
export { argsort, type Sorted, type SortOptions, sort, topK } from './ops/order.ts'
export { clamp, elu, leakyRelu } from './ops/piecewise.ts'
export {
  type Axis,
  all,
  any,
  argmax,
  argmin,
  logSumExp,
  max,
  mean,
  min,
  norm,
  prod,
  type ReduceOptions,
  sum,
  type VarianceOptions,
  variance,
} from './ops/reduce.ts'
export { rowScores } from './ops/rowScores.ts'
export { cumsum } from './ops/scan.ts'
export { maskedFill, where } from './ops/select.ts'
export { logSoftmax, maskedSoftmax, softmax } from './ops/softmax.ts'
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
export { type AdamOptions, adam, adamBertTf, adamW, adamwHfLegacy } from './optim/adam.ts'
export type { Optimizer, OptimizerState, Updated } from './optim/optimizer.ts'
export {
  clipGradNorm,
  constantSchedule,
  gradNorm,
  type LinearScheduleOptions,
  linearSchedule,
  type Schedule,
  type WarmupOptions,
} from './optim/schedule.ts'
export { type SgdOptions, sgd } from './optim/sgd.ts'
export { type Drop, type Dropout, dropout, dropoutOf, noDropout } from './random/dropout.ts'
export { bertNormal, glorotNormal, glorotUniform, heNormal } from './random/initializers.ts'
export {
  fold,
  type NormalOptions,
  normal,
  permutation,
  type RandomKey,
  randomKey,
  truncatedNormal,
  type UniformOptions,
  uniform,
} from './random/random.ts'
export { grad, type OneOrMany, type Pullback, valueAndGrad, vjp } from './reverse.ts'
export { dispose, keep, scope } from './scope.ts'
export type { Shape } from './shape.ts'
export { inSite, isTapped, type Replacement, site, type TapOptions, tap } from './site.ts'
export { type MemoryInfo, memoryInfo, resetPeak } from './storage.ts'
export { type Nested, Tensor } from './tensor.ts'
export { stopGradient } from './trace.ts'
export { to } from './transfer.ts'
