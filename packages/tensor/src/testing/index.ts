/** For tests of one's own: derivatives against finite differences, and comparison with a report. */
export { allClose, type Tolerance } from './allClose.ts'
export { type CheckOptions, checkGradients } from './checkGradients.ts'
