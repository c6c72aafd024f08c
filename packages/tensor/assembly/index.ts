/** The kernels of the `wasm` device. Each takes a plan (see its file), a range of units of work, and scratch memory. */
export { adam } from './adam'
export { attention, attentionPullback, attentionPushforward } from './attention'
export { copy } from './copy'
export { dropout } from './dropout'
export {
  binary,
  binaryInt,
  compare,
  compareBool,
  compareInt,
  fill,
  fillBool,
  geluWithDerivative,
  select,
  unary,
  unaryInt,
} from './elementwise'
export { addRows, gather, scatterAdd, takeRows } from './gather'
export { biasRows, gemm, gemmBatch, pack } from './gemm'
export { gemmPacked, packRows } from './gemmPacked'
export { copyLines, peak } from './limits'
export { widen } from './half'
export { layerNorm, layerNormDerivative } from './norm'
export { rowScores, rowScoresPullback } from './rowScores'
export {
  argReduce,
  cumsum,
  maskedSoftmax,
  reduce,
  reduceInt,
  softmax,
  softmaxDerivative,
  sumColumns,
  sumParts,
} from './rows'

/** The first byte that the host may use. */
export const heapBase: usize = __heap_base
