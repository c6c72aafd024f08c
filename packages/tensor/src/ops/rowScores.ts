/** Scores of sums of rows: a scorer's first layer where its parts are shared by many. */
import { ShapeError, show } from '../errors.ts'
import { apply, defineOp, requireFloat } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { isFollowed } from '../trace.ts'
import { add } from './arithmetic.ts'
import { checkIndex, indexSelect } from './gather.ts'
import { matmul } from './matmul.ts'
import { reshape, select, squeeze } from './movement.ts'
import { relu } from './unary.ts'

const fused = defineOp<string>({
  name: 'rowScores',
  inputs: '...', // dense, index, weight, tables
  shape: ([dense]) => [dense!.shape[0]!],
  forward: (kernels, [dense, index, weight, ...tables], y) => kernels.rowScores!(dense!, tables, index!, weight!, y),
  derivatives: {}, // only ever run where no derivative looks on
  decomposition: ([dense, index, weight, ...tables]) => decomposition(dense!, tables, index!, weight!),
  cases: [{ shapes: [[4, 5], [4, 2], [5], [3, 5], [2, 5]], attrs: {}, indices: { 1: 2 } }],
})

function decomposition(dense: Tensor, tables: readonly Tensor[], index: Tensor, weight: Tensor): Tensor {
  const sums = tables.reduce((sum, table, m) => add(sum, indexSelect(table, select(index, m, 1), -2)), dense)
  return squeeze(matmul(relu(sums), reshape(weight, [...weight.shape, 1])), -1)
}

/**
 * Σ_f relu(dense[n, f] + Σ_m tables[m][index[n, m], f]) weight[f]: scores of sums whose parts many sums share. In one
 * pass, which stores no sum, where no derivative looks on and the device has a kernel for it; else out of other
 * operations.
 *
 * @param dense   `[…, n, F]`, the part that no other sum shares
 * @param tables  m parts that are shared, `[…, R, F]` each, R their own
 * @param index   `i32 [n, m]`: of each table the row that a sum takes
 * @param weight  `[F]`
 * @returns       `[…, n]`
 * @throws {ShapeError} where shapes do not fit, or an index is not in [0, R)
 */
export function rowScores(dense: Tensor, tables: readonly Tensor[], index: Tensor, weight: Tensor): Tensor {
  const op = 'rowScores'
  for (const x of [dense, ...tables, weight]) requireFloat(op, x)
  const [n, length] = dense.shape.slice(-2) as [number, number]
  const haveWidth = [dense, ...tables].every((x) => x.rank >= 2 && x.shape.at(-1) === length)
  if (!haveWidth || weight.shape.join() !== `${length}` || index.shape.join() !== `${n},${tables.length}`) {
    const got = [dense, ...tables, index, weight].map((x) => show(x.shape)).join(', ')
    const expected = 'dense […, n, F], m tables […, R, F], index [n, m] and weight [F]'
    throw new ShapeError({ op, expected, got })
  }
  for (const [m, table] of tables.entries()) checkIndex(op, select(index, m, 1), table.shape.at(-2)!)
  const isPlain = [dense, ...tables].every((x) => x.rank === 2) && !isFollowed(dense, weight, ...tables)
  const isOne = [weight, ...tables].every(({ dtype, device }) => dtype === dense.dtype && device === dense.device)
  return isPlain && isOne && dense.backend.kernels.rowScores
    ? apply(fused, [dense, index, weight, ...tables], {})
    : decomposition(dense, tables, index, weight)
}
