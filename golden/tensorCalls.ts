/** How the cases of area `tensor` call the library: from attributes to functions, operation by operation. */

import type { DType, Tensor } from '@antecedent/tensor'
import * as T from '@antecedent/tensor'

/** Inputs by name, and in their order for operations that take a list. */
export type Inputs = Record<string, Tensor>

/** One output, or several by name. */
export type Outputs = Tensor | Record<string, Tensor>

/** The attributes of all operations together; each case has those of its own. */
export interface Attrs {
  axis: number
  axes: number[]
  axis0: number
  axis1: number
  keepDims: boolean
  shape: number[]
  exponent?: number
  [name: string]: unknown
}

export type Call = (inputs: Inputs, attrs: Attrs) => Outputs

const of =
  (f: (x: Tensor) => Tensor): Call =>
  ({ x }) =>
    f(x!)

const ofTwo =
  (f: (a: Tensor, b: Tensor) => Tensor): Call =>
  ({ a, b }) =>
    f(a!, b!)

const ofAxis =
  (f: (x: Tensor, axis: number, options: never) => Tensor): Call =>
  ({ x }, { axis, ...options }) =>
    f(x!, axis, options as never)

/** Lists are named x0, x1, … */
const listed = (inputs: Inputs): Tensor[] => Object.values(inputs)

const byNumber = (tensors: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((y, i) => [`y${i}`, y]))

const elementwise: Record<string, Call> = {
  ...Object.fromEntries(
    Object.entries({
      ...{ neg: T.neg, abs: T.abs, sign: T.sign, exp: T.exp, expm1: T.expm1, log: T.log, log1p: T.log1p, sqrt: T.sqrt },
      ...{ rsqrt: T.rsqrt, square: T.square, reciprocal: T.reciprocal, sin: T.sin, cos: T.cos, tanh: T.tanh },
      ...{ sigmoid: T.sigmoid, erf: T.erf, relu: T.relu, softplus: T.softplus, gelu: T.gelu, geluTanh: T.geluTanh },
      ...{ floor: T.floor, round: T.round, isNaN: T.isNaN, isFinite: T.isFinite, logicalNot: T.logicalNot },
    }).map(([name, f]) => [name, of(f)]),
  ),
  ...Object.fromEntries(
    Object.entries({
      ...{ add: T.add, sub: T.sub, mul: T.mul, div: T.div, maximum: T.maximum, minimum: T.minimum },
      ...{ equal: T.equal, notEqual: T.notEqual, less: T.less, lessEqual: T.lessEqual, greater: T.greater },
      ...{ greaterEqual: T.greaterEqual, logicalAnd: T.logicalAnd, logicalOr: T.logicalOr },
    }).map(([name, f]) => [name, ofTwo(f)]),
  ),
  pow: ({ x, exponent }, attrs) => T.pow(x!, exponent ?? attrs.exponent!),
  leakyRelu: ({ x }, { negativeSlope }) => T.leakyRelu(x!, negativeSlope as number),
  elu: ({ x }, { alpha }) => T.elu(x!, alpha as number),
  clamp: ({ x }, { min, max }) => T.clamp(x!, min as number | null, max as number | null),
  where: ({ condition, a, b }) => T.where(condition!, a!, b!),
  cast: ({ x }, { dtype }) => T.cast(x!, dtype as DType),
}

const rows: Record<string, Call> = {
  ...Object.fromEntries(
    Object.entries({
      ...{ sum: T.sum, mean: T.mean, prod: T.prod, max: T.max, min: T.min, argmax: T.argmax, argmin: T.argmin },
      ...{ all: T.all, any: T.any, logSumExp: T.logSumExp, variance: T.variance, norm: T.norm, cumsum: T.cumsum },
      ...{ softmax: T.softmax, logSoftmax: T.logSoftmax },
    }).map(([name, f]) => [name, ofAxis(f)]),
  ),
  maskedSoftmax: ({ x, mask }, { axis }) => T.maskedSoftmax(x!, mask!, axis),
  crossEntropy: ({ logits, labels }, attrs) => T.crossEntropy(logits!, labels!, attrs as T.LabelLossOptions),
  nllLoss: ({ logProbabilities, labels }, attrs) => T.nllLoss(logProbabilities!, labels!, attrs as T.LabelLossOptions),
  binaryCrossEntropyWithLogits: ({ x, target }, attrs) =>
    T.binaryCrossEntropyWithLogits(x!, target!, attrs as T.LossOptions),
  mse: ({ x, target }, attrs) => T.mse(x!, target!, attrs as T.LossOptions),
  layerNorm: ({ x, weight, bias }, attrs) => T.layerNorm(x!, weight, bias, attrs as T.LayerNormOptions),
}

const products: Record<string, Call> = {
  matmul: ({ a, b }, attrs) => T.matmul(a!, b!, attrs as T.MatmulOptions),
  einsum: (inputs, { equation }) => T.einsum(equation as string, ...listed(inputs)),
  linear: ({ x, weight, bias }) => T.linear(x!, weight!, bias),
  outer: ofTwo(T.outer),
  dot: ofTwo(T.dot),
  scaledDotProductAttention: ({ q, k, v, mask }, { scale }) => ({
    ...T.scaledDotProductAttention(q!, k!, v!, { mask: mask ?? null, scale: scale as number }),
  }),
}

const movement: Record<string, Call> = {
  reshape: ({ x }, { shape }) => T.reshape(x!, shape),
  transpose: ({ x }, { axes }) => T.transpose(x!, axes),
  permute: ({ x }, { axes }) => T.permute(x!, axes),
  swapAxes: ({ x }, { axis0, axis1 }) => T.swapAxes(x!, axis0, axis1),
  squeeze: ({ x }, { axis }) => T.squeeze(x!, axis),
  unsqueeze: ({ x }, { axis }) => T.unsqueeze(x!, axis),
  expand: ({ x }, { shape }) => T.expand(x!, shape),
  concat: (inputs, { axis }) => T.concat(listed(inputs), axis),
  stack: (inputs, { axis }) => T.stack(listed(inputs), axis),
  split: ({ x }, { sizes, axis }) => byNumber(T.split(x!, sizes as number[], axis)),
  slice: ({ x }, { begin, end, step }) => T.slice(x!, begin as number[], end as number[], step as number[]),
  pad: ({ x }, { pads, value }) => T.pad(x!, pads as [number, number][], value as number),
  flip: ({ x }, { axes }) => T.flip(x!, axes),
  roll: ({ x }, { shifts, axes }) => T.roll(x!, shifts as number[], axes),
  tile: ({ x }, { repetitions }) => T.tile(x!, repetitions as number[]),
  repeat: ({ x }, { repeats, axis }) => T.repeat(x!, repeats as number, axis),
  tril: ({ x }, { diagonal }) => T.tril(x!, diagonal as number),
  triu: ({ x }, { diagonal }) => T.triu(x!, diagonal as number),
  diagonal: ({ x }, attrs) => T.diagonal(x!, attrs as T.DiagonalOptions),
  gather: ({ x, index }, { axis }) => T.gather(x!, index!, axis),
  indexSelect: ({ x, index }, { axis }) => T.indexSelect(x!, index!, axis),
  embedding: ({ weight, ids }, attrs) => T.embedding(weight!, ids!, attrs as T.EmbeddingOptions),
  scatterAdd: ({ x, index, source }, { axis }) => T.scatterAdd(x!, index!, source!, axis),
  scatter: ({ x, index, source }, { axis }) => T.scatter(x!, index!, source!, axis),
  maskedFill: ({ x, mask }, { value }) => T.maskedFill(x!, mask!, value as number),
  topK: ({ x }, { k, axis }) => ({ ...T.topK(x!, k as number, axis) }),
  sort: ({ x }, { axis, descending }) => ({ ...T.sort(x!, axis, { descending: descending as boolean }) }),
  argsort: ({ x }, { axis, descending }) => T.argsort(x!, axis, { descending: descending as boolean }),
  oneHot: ({ ids }, { classes }) => T.oneHot(ids!, classes as number),
  meshgrid: (inputs, { indexing }) => byNumber(T.meshgrid(listed(inputs), { indexing: indexing as 'ij' | 'xy' })),
}

const creation: Record<string, Call> = {
  arange: (_, { start, stop, step, dtype }) =>
    T.arange(start as number, stop as number, step as number, { dtype: dtype as DType }),
  linspace: (_, { start, stop, count, dtype }) =>
    T.linspace(start as number, stop as number, count as number, { dtype: dtype as DType }),
  eye: (_, { rows, columns, dtype }) => T.eye(rows as number, columns as number, { dtype: dtype as DType }),
  full: (_, { shape, value, dtype }) => T.full(shape, Number(value), { dtype: dtype as DType }),
}

/** Three steps from zero state. */
const optimiser =
  <Options>(make: (options: Options) => T.Optimizer): Call =>
  ({ p, ...gradients }, attrs) => {
    const { init, update } = make(attrs as Options)
    const start = { params: [p!], state: init([p!]) }
    const first = update(start.params, [gradients.g1!], start.state)
    const second = update(first.params, [gradients.g2!], first.state)
    const third = update(second.params, [gradients.g3!], second.state)
    return { p1: first.params[0]!, p2: second.params[0]!, p3: third.params[0]! }
  }

const optim: Record<string, Call> = {
  sgd: optimiser(T.sgd),
  adam: optimiser(T.adam),
  adamW: optimiser(T.adamW),
  adamBertTf: optimiser(T.adamBertTf),
  adamwHfLegacy: optimiser(T.adamwHfLegacy),
  clipGradNorm: (inputs, { maxNorm }) => {
    const { norm, gradients } = T.clipGradNorm(listed(inputs), maxNorm as number)
    return { norm, ...byNumber(gradients) }
  },
  linearSchedule: (_, { count, dtype, ...options }) => {
    const at = T.linearSchedule(options as unknown as T.LinearScheduleOptions)
    const rates = Array.from({ length: count as number }, (_, step) => at(step))
    return T.tensor(rates, null, { dtype: dtype as DType })
  },
}

export const tensorCalls: Record<string, Call> = {
  ...elementwise,
  ...rows,
  ...products,
  ...movement,
  ...creation,
  ...optim,
}
