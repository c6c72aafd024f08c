/** Scores of sums of rows with what they pull back. */
import type { Kernels, RowScoreOperands } from '../../kernels.ts'
import { keepFactors } from './elementwise.ts'
import { denseElements, elementsOf } from './loops.ts'

/** Calls `body` for every element: row, column, sum, and what dropout multiplies it by. */
function eachSum(x: RowScoreOperands, body: (i: number, f: number, sum: number, keep: number) => void): void {
  const [own, at] = [denseElements(x.dense), denseElements(x.index)]
  const tables = x.tables.map(denseElements)
  const [n, length] = x.dense.shape as [number, number]
  const keep = x.dropped && keepFactors(x.dropped, x.dense.buffer.dtype)
  for (let i = 0; i < n; i++) {
    for (let f = 0; f < length; f++) {
      let sum = own[i * length + f]!
      for (const [m, table] of tables.entries()) sum += table[at[i * tables.length + m]! * length + f]!
      body(i, f, sum, keep ? keep[i * length + f]! : 1)
    }
  }
}

export const rowScores: Required<Pick<Kernels, 'rowScores' | 'rowScoresPullback'>> = {
  rowScores(x, y) {
    const [weight, to] = [denseElements(x.weight), elementsOf(y)]
    const totals = new Float64Array(x.dense.shape[0]!)
    eachSum(x, (i, f, sum, keep) => {
      totals[i]! += Math.max(0, sum) * keep * weight[f]!
    })
    to.set(totals, y.offset)
  },

  rowScoresPullback(x, d, dx) {
    const [along, weight, at] = [d, x.weight, x.index].map(denseElements)
    const [toDense, toWeight, ...toTables] = [dx.dense, dx.weight, ...dx.tables].map(({ buffer, shape, offset }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return elementsOf({ buffer, shape, strides: [], offset })
        .subarray(offset, offset + size)
        .fill(0)
    })
    const length = x.weight.shape[0]!
    eachSum(x, (i, f, sum, keep) => {
      toWeight![f]! += along![i]! * keep * Math.max(0, sum)
      if (!(sum > 0)) return
      const pulled = along![i]! * keep * weight![f]!
      toDense![i * length + f] = pulled
      for (const [m, to] of toTables.entries()) to[at![i * toTables.length + m]! * length + f]! += pulled
    })
  },
}
