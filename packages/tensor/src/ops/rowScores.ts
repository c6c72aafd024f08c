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

const fused = defineOp<'dense' | 'table' | 'index' | 'weight'>({
  name: 'rowScores',
  inputs: ['dense', 'table', 'index', 'weight'],
  shape: ([dense]) => [dense!.shape[0]!],
  forward: (kernels, [dense, table, index, weight], y) => kernels.rowScores!(dense!, table!, index!, weight!, y),
  derivatives: {}, // only ever run where no derivative looks on
  decomposition: ([dense, table, index, weight]) => decomposition(dense!, table!, index!, weight!),
  cases: [{ shapes: [[4, 5], [3, 5], [4, 2], [5]], attrs: {}, indices: { 2: 3 } }],
})

function decomposition(dense: Tensor, table: Tensor, index: Tensor, weight: Tensor): Tensor {
  let sums = dense
  for (let m = 0; m < index.shape[1]!; m++) sums = add(sums, indexSelect(table, select(index, m, 1), -2))
  return squeeze(matmul(relu(sums), reshape(weight, [...weight.shape, 1])), -1)
}

/**
 * Σ_f relu(dense[n, f] + Σ_m table[index[n, m], f]) weight[f]: scores of sums whose parts many sums share. In one pass,
 * which stores no sum, where no derivative looks on and the device has a kernel for it; else out of other operations.
 *
 * @param dense   `[…, n, F]`, the part that no other sum shares
 * @param table   `[…, R, F]`
 * @param index   `i32 [n, m]`, rows of the table
 * @param weight  `[F]`
 * @returns       `[…, n]`
 * @throws {ShapeError} where shapes do not fit, or an index is not in [0, R)
 */
export function rowScores(dense: Tensor, table: Tensor, index: Tensor, weight: Tensor): Tensor {
  const op = 'rowScores'
  for (const x of [dense, table, weight]) requireFloat(op, x)
  const [n, length] = dense.shape.slice(-2) as [number, number]
  const fits =
    dense.rank >= 2 && table.rank >= 2 && table.shape.at(-1) === length && weight.shape.join() === `${length}`
  if (!fits || index.rank !== 2 || index.shape[0] !== n) {
    const got = [dense, table, index, weight].map((x) => show(x.shape)).join(', ')
    throw new ShapeError({ op, expected: 'dense […, n, F], table […, R, F], index [n, m] and weight [F]', got })
  }
  checkIndex(op, index, table.shape.at(-2)!)
  const isPlain = dense.rank === 2 && table.rank === 2 && !isFollowed(dense, table, weight)
  const isOne = [table, weight].every(({ dtype, device }) => dtype === dense.dtype && device === dense.device)
  return isPlain && isOne && dense.backend.kernels.rowScores
    ? apply(fused, [dense, table, index, weight], {})
    : decomposition(dense, table, index, weight)
}
