/** Scores of sums of rows with what they pull back. */
import type { Kernels } from '../../kernels.ts'
import { dropoutFields, keepBytes } from './dropout.ts'
import { addressOf, type Engine } from './engine.ts'
import { chunkElements } from './rows.ts'
import { denseAddresses } from './walk.ts'

/** Columns that a thread pulls back at a time: their part of a table stays in the cache. */
const columnsAtOnce = 256

export function rowScoreKernels(engine: Engine): Required<Pick<Kernels, 'rowScores' | 'rowScoresPullback'>> {
  return {
    rowScores({ dense, tables, index, weight, dropped }, y) {
      const [n, length] = dense.shape as [number, number]
      const m = tables.length
      denseAddresses(engine, [dense, index, weight, ...tables], (denseAt, indexAt, weightAt, ...tablesAt) => {
        const plan = [denseAt!, indexAt!, weightAt!, addressOf(y), length, m, ...dropoutFields(dropped), ...tablesAt]
        const chunk = Math.max(4, chunkElements / (m + 1) / Math.max(1, length))
        engine.run('rowScores', plan, n, chunk, 4 * m + keepBytes(length))
      })
    },

    rowScoresPullback({ dense, tables, index, weight, dropped }, d, dx) {
      const [n, length] = dense.shape as [number, number]
      const m = tables.length
      denseAddresses(engine, [dense, index, weight, d, ...tables], (denseAt, indexAt, weightAt, dAt, ...tablesAt) => {
        const plan = [denseAt!, indexAt!, weightAt!, dAt!, length, m, ...dropoutFields(dropped)]
        plan.push(n, addressOf(dx.dense), addressOf(dx.weight))
        for (const [i, at] of tablesAt.entries()) plan.push(at, addressOf(dx.tables[i]!), tables[i]!.shape[0]!)
        const scratch = 8 * m + 8 * columnsAtOnce + keepBytes(columnsAtOnce)
        engine.run('rowScoresPullback', plan, length, columnsAtOnce, scratch)
      })
    },
  }
}
