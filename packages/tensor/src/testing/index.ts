/** For tests of one's own: derivatives against finite differences, comparison with a report, and arbitraries. */
export { allClose, type Mismatch, MismatchError, type Tolerance } from './allClose.ts'
export { arbitraries, type ShapeOptions, type TensorOptions } from './arbitraries.ts'
export { type CheckOptions, checkGradients, checkJvp, checkSecondGradients } from './finiteDifferences.ts'
