/** Dropout, and scores of sums of rows with what they pull back. */
import type { Dropped, Kernels } from '../../kernels.ts'
import { uses } from '../../random/philox.ts'
import { sizeOf } from '../../shape.ts'
import { addressOf, type Engine, floatBits } from './engine.ts'
import { cheap, denseAddresses } from './walk.ts'

/** The fields of a plan that say what is dropped, as assembly/dropout.ts reads them. */
const fieldsOf = (dropped: Dropped | null): number[] =>
  dropped
    ? [
        1,
        ...dropped.key.map((word) => word | 0),
        uses.dropout,
        Math.ceil(dropped.rate * 2 ** 24),
        floatBits(1 / (1 - dropped.rate)),
      ]
    : [0, 0, 0, 0, 0, 0]

/** Bytes of a row of factors, with what the kernel writes around it. */
const keepBytes = (length: number): number => 4 * (length + 32)

/** Columns that a thread pulls back at a time: their part of a table stays in the cache. */
const columnsAtOnce = 256

/** Elements of rows that make a chunk. */
const chunkElements = 8192

export function rowScoreKernels(
  engine: Engine,
): Required<Pick<Kernels, 'dropout' | 'rowScores' | 'rowScoresPullback'>> {
  return {
    dropout(x, dropped, y) {
      denseAddresses(engine, [x], (at) => {
        const plan = [at!, addressOf(y), dropped.period, ...fieldsOf(dropped)]
        engine.run('dropout', plan, sizeOf(x.shape), cheap, keepBytes(cheap))
      })
    },

    rowScores({ dense, tables, index, weight, dropped }, y) {
      const [n, length] = dense.shape as [number, number]
      const m = tables.length
      denseAddresses(engine, [dense, index, weight, ...tables], (denseAt, indexAt, weightAt, ...tablesAt) => {
        const plan = [denseAt!, indexAt!, weightAt!, addressOf(y), length, m, ...fieldsOf(dropped), ...tablesAt]
        const chunk = Math.max(4, chunkElements / (m + 1) / Math.max(1, length))
        engine.run('rowScores', plan, n, chunk, 4 * m + keepBytes(length))
      })
    },

    rowScoresPullback({ dense, tables, index, weight, dropped }, d, dx) {
      const [n, length] = dense.shape as [number, number]
      const m = tables.length
      denseAddresses(engine, [dense, index, weight, d, ...tables], (denseAt, indexAt, weightAt, dAt, ...tablesAt) => {
        const plan = [denseAt!, indexAt!, weightAt!, dAt!, length, m, ...fieldsOf(dropped)]
        plan.push(n, addressOf(dx.dense), addressOf(dx.weight))
        for (const [i, at] of tablesAt.entries()) plan.push(at, addressOf(dx.tables[i]!), tables[i]!.shape[0]!)
        const scratch = 8 * m + 8 * columnsAtOnce + keepBytes(columnsAtOnce)
        engine.run('rowScoresPullback', plan, length, columnsAtOnce, scratch)
      })
    },
  }
}
