/** For the library's own tests and benchmarks: the table of operations, the contract of a device. No stability promised. */
export { blasBackend } from './backends/blas/index.ts'
export { type BlasSearch, findBlas } from './backends/blas/library.ts'
export { wasmBackend } from './backends/wasm/index.ts'
export { areVectorsWide } from './backends/wasm/vectors.ts'
export { backendOf, openDevice, registerBackend } from './device.ts'
export { bytesOf, type DType } from './dtype.ts'
export { DeviceError } from './errors.ts'
export type {
  AttentionOperands,
  AttentionViews,
  Backend,
  Buffer,
  Kernels,
  RowScoreOperands,
  RowScoreViews,
  View,
} from './kernels.ts'
export { apply, type Case, hasDerivative, type Op } from './op.ts'
export { ops } from './ops/index.ts'
export { stridesOf } from './shape.ts'
