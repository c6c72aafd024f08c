/** For the library's own tests and benchmarks: the table of operations, the contract of a device. No stability promised. */
export { type BlasSearch, findBlas } from './backends/blas/library.ts'
export { registerBackend } from './device.ts'
export type { DType } from './dtype.ts'
export { DeviceError } from './errors.ts'
export type { Backend, Buffer, Kernels, View } from './kernels.ts'
export { apply, type Case, derivativeOf, type Op } from './op.ts'
export { ops } from './ops/index.ts'
