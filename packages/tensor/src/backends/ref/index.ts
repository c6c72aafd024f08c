/** The reference device: plain TypeScript, f32 and f64, the definition of every kernel. */
import { newArray, type TypedArray } from '../../dtype.ts'
import type { Backend } from '../../kernels.ts'
import { adam } from './adam.ts'
import { attention } from './attention.ts'
import { elementwise } from './elementwise.ts'
import { gathers } from './gather.ts'
import { denseElements } from './loops.ts'
import { matmul } from './matmul.ts'
import { rowScores } from './rowScores.ts'
import { rows } from './rows.ts'

export const refBackend: Backend = {
  name: 'ref',
  description: 'ref (plain TypeScript, one thread)',
  dtypes: ['bool', 'i32', 'f32', 'f64'],
  kernels: { ...elementwise, ...rows, ...gathers, ...rowScores, ...attention, adam, matmul },
  allocate: (dtype, capacity) => ({ dtype, capacity, data: newArray(dtype, capacity) }),
  free: () => {}, // the garbage collector does
  upload: (array, buffer) => (buffer.data as TypedArray).set(array),
  read: async (x) => denseElements(x).slice(),
  readSync: (x) => denseElements(x).slice(),
}
