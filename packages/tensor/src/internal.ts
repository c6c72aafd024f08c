/** For the library's own tests and benchmarks: the table of operations. No promise of stability. */
export { apply, type Case, derivativeOf, type Op } from './op.ts'
export { ops } from './ops/index.ts'
