/** Scores of sums of rows: a scorer's first layer where its parts are shared by many. */
import { ShapeError, show } from '../errors.ts'
import type { Dropped, RowScoreOperands, View } from '../kernels.ts'
import { apply, defineOp, requireFloat } from '../op.ts'
import { checkRate, dropout } from '../random/dropout.ts'
import { placed, pulledBack, rerun } from '../rerun.ts'
import { sizeOf, stridesOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add } from './arithmetic.ts'
import { checkIndex, indexSelect } from './gather.ts'
import { concat } from './join.ts'
import { matmul } from './matmul.ts'
import { reshape, select, split, squeeze } from './movement.ts'
import { relu } from './unary.ts'

interface RowScoresAttrs {
  readonly dropped: Dropped | null
}

const example = {
  shapes: [[4, 5], [4, 2], [5], [3, 5], [2, 5]],
  attrs: { dropped: { key: [1, 2], rate: 0.3, period: 20 } },
  indices: { 1: 2 },
} as const

const operandsOf = ([dense, index, weight, ...tables]: View[], { dropped }: RowScoresAttrs): RowScoreOperands => ({
  ...{ dense: dense!, index: index!, weight: weight!, tables, dropped },
})

const fused = defineOp<string, RowScoresAttrs>({
  name: 'rowScores',
  inputs: '...', // dense, index, weight, tables
  shape: ([dense]) => [dense!.shape[0]!],
  forward: (kernels, views, y, attrs) => kernels.rowScores!(operandsOf(views, attrs), y),
  derivatives: {},
  joint: {
    readsResult: false,
    vjp: (dy, inputs, y, wanted, attrs) => {
      if (dy.rank > 1) return rerun(byFormula).vjp(dy, inputs, y, wanted, attrs)
      const parts = inputs.filter((_, i) => i !== 1)
      const all = apply(pullback, [dy, ...inputs], attrs)
      const pulled = split(
        all,
        parts.map((x) => x.size),
      ).map((part, i) => reshape(part, parts[i]!.shape))
      return [pulled[0]!, null, ...pulled.slice(1)]
    },
    jvp: (dxs, inputs, y, attrs) => rerun(byFormula).jvp(dxs, inputs, y, attrs),
  },
  decomposition: byFormula,
  cases: [example],
})

/** The cotangents of dense, weight and tables one behind the other as one long vector, so that one kernel makes them. */
const pullback = defineOp<string, RowScoresAttrs>({
  name: 'rowScoresPullback',
  inputs: '...', // d, dense, index, weight, tables
  shape: ([, dense, , ...rest]) => [[dense!, ...rest].reduce((sum, { shape }) => sum + sizeOf(shape), 0)],
  forward: (kernels, [d, ...views], y, attrs) => {
    const x = operandsOf(views, attrs)
    let { offset } = y
    const partOf = ({ shape }: View): View => {
      const part = { buffer: y.buffer, shape, strides: stridesOf(shape), offset }
      offset += sizeOf(shape)
      return part
    }
    const to = { dense: partOf(x.dense), weight: partOf(x.weight), tables: x.tables.map(partOf) }
    kernels.rowScoresPullback!(x, d!, to)
  },
  derivatives: {},
  joint: rerun(pullbackByFormula),
  decomposition: pullbackByFormula,
  cases: [{ ...example, shapes: [[4], ...example.shapes], indices: { 2: 2 } }],
})

function sumsOf([dense, index, , ...tables]: Tensor[]): Tensor {
  return tables.reduce((sum, table, m) => add(sum, indexSelect(table, select(index!, m, 1), -2)), dense!)
}

const kept = (x: Tensor, { dropped }: RowScoresAttrs): Tensor => (dropped ? dropout(x, dropped.rate, dropped.key) : x)

function byFormula(inputs: Tensor[], attrs: RowScoresAttrs): Tensor {
  const weight = inputs[2]!
  return squeeze(matmul(kept(relu(sumsOf(inputs)), attrs), reshape(weight, [...weight.shape, 1])), -1)
}

function pullbackByFormula([d, ...inputs]: Tensor[], attrs: RowScoresAttrs): Tensor {
  const at = inputs.flatMap((_, i) => (i === 1 ? [] : [i]))
  const ofParts = (xs: readonly Tensor[]) => byFormula(placed(inputs, at, xs), attrs)
  const parts = pulledBack(
    ofParts,
    at.map((i) => inputs[i]!),
    d!,
  )
  return concat(parts.map((part) => reshape(part, [part.size])))
}

/**
 * Σ_f dropout(relu(dense[n, f] + Σ_m tables[m][index[n, m], f])) weight[f]: scores of sums whose parts many sums share.
 * In one pass, which stores no sum, and in one back, where there are no axes in front and the device has kernels for it;
 * else out of other operations.
 *
 * @param dense   `[…, n, F]`, the part that no other sum shares
 * @param tables  m parts that are shared, `[…, R, F]` each, R their own
 * @param index   `i32 [n, m]`: of each table the row that a sum takes
 * @param weight  `[F]`
 * @param options.dropped  drops rectified sums with this probability by this key; default: none
 * @returns       `[…, n]`
 * @throws {OptionError} for a rate outside [0, 1)
 * @throws {ShapeError} where shapes do not fit, or an index is not in [0, R)
 */
export function rowScores(
  dense: Tensor,
  tables: readonly Tensor[],
  index: Tensor,
  weight: Tensor,
  options: { dropped?: Pick<Dropped, 'key' | 'rate'> | null } = {},
): Tensor {
  const op = 'rowScores'
  const { dropped: given = null } = options
  if (given) checkRate(op, given.rate)
  for (const x of [dense, ...tables, weight]) requireFloat(op, x)
  const [n, length] = dense.shape.slice(-2) as [number, number]
  const haveWidth = [dense, ...tables].every((x) => x.rank >= 2 && x.shape.at(-1) === length)
  if (!haveWidth || weight.shape.join() !== `${length}` || index.shape.join() !== `${n},${tables.length}`) {
    const got = [dense, ...tables, index, weight].map((x) => show(x.shape)).join(', ')
    const expected = 'dense […, n, F], m tables […, R, F], index [n, m] and weight [F]'
    throw new ShapeError({ op, expected, got })
  }
  for (const [m, table] of tables.entries()) checkIndex(op, select(index, m, 1), table.shape.at(-2)!)
  const dropped = given && given.rate > 0 ? { ...given, period: dense.size } : null
  const inputs = [dense, index, weight, ...tables]
  const isPlain = [dense, ...tables].every((x) => x.rank === 2)
  const isOne = [weight, ...tables].every(({ dtype, device }) => dtype === dense.dtype && device === dense.device)
  return isPlain && isOne && dense.backend.kernels.rowScores
    ? apply(fused, inputs, { dropped })
    : byFormula(inputs, { dropped })
}
