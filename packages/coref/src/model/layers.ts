/** What the stages share: parameters by name, dropout, scorers, vectors side by side. */
import {
  add,
  concat,
  type Drop,
  type Dropout,
  embedding,
  expand,
  indexSelect,
  linear,
  relu,
  reshape,
  rowScores,
  type Shape,
  slice,
  squeeze,
  type Tensor,
  tensor,
} from '@antecedent/tensor'
import type { CorefConfig } from './config.ts'

/** What a stage needs: settings, parameters of the task layers, the dropout of this pass. */
export interface Context {
  readonly config: CorefConfig
  readonly parameters: Readonly<Record<string, Tensor>>
  readonly drops: Dropout
}

/** An `i32` vector, or of another shape, on the device of `like`. */
export const integers = (values: Int32Array | readonly number[], like: Tensor, shape?: Shape): Tensor =>
  tensor(Int32Array.from(values), shape ?? null, { device: like.device })

/** A `bool` tensor on the device of `like`. */
export const booleans = (values: Uint8Array, shape: Shape, like: Tensor): Tensor =>
  tensor(values, shape, { dtype: 'bool', device: like.device })

/** Rows `begin` to `end` of the second last axis. */
export const rowsOf = (x: Tensor, begin: number, end: number): Tensor =>
  slice(x, [...x.shape.slice(0, -2).map(() => null), begin], [...x.shape.slice(0, -2).map(() => null), end])

/** Columns `begin` to `end` of the last axis. */
export const columnsOf = (x: Tensor, begin: number, end: number): Tensor =>
  slice(x, [...x.shape.slice(0, -1).map(() => null), begin], [...x.shape.slice(0, -1).map(() => null), end])

/** Rows of the second last axis by index, `[…, …shape, width]` for indices of that shape. */
export function takeRows(x: Tensor, index: Int32Array, shape: Shape = [index.length]): Tensor {
  const rows = indexSelect(x, integers(index, x), -2)
  return reshape(rows, [...x.shape.slice(0, -2), ...shape, x.shape.at(-1)!])
}

/** Rows of a table of features. */
export const featureRows = ({ parameters }: Context, name: string, ids: Int32Array, shape?: Shape): Tensor => {
  const table = parameters[`${name}.weight`]!
  return embedding(table, integers(ids, table, shape), { name })
}

/**
 * Parts side by side along the last axis. Axes in front (points of a path, which may reach some parts and not others)
 * are broadcast.
 */
export function sideBySide(parts: readonly Tensor[]): Tensor {
  const longest = parts.reduce((a, b) => (b.rank > a.rank ? b : a))
  const lead = longest.shape.slice(0, -1)
  return concat(
    parts.map((x) => (x.rank === longest.rank ? x : expand(x, [...lead, x.shape.at(-1)!]))),
    -1,
  )
}

/** The parameters of a scorer's layers behind the first, in the order that `finishScore` takes them. */
export function laterLayers({ config, parameters }: Context, name: string): Tensor[] {
  const layers = Array.from({ length: config.ffnnDepth }, (_, i) => `${name}.${3 * (i + 1)}`)
  return layers.flatMap((layer) => [parameters[`${layer}.weight`]!, parameters[`${layer}.bias`]!])
}

/**
 * From the sums of a scorer's first layer to its score: ReLU and dropout, then what layers there are.
 *
 * @param sums   `[…, F]`
 * @param later  as `laterLayers` gives them
 * @param drops  one for each hidden layer
 * @returns      `[…]`
 */
export function finishScore(sums: Tensor, later: readonly Tensor[], drops: readonly Drop[]): Tensor {
  let x = sums
  for (const [i, drop] of drops.entries()) x = linear(drop(relu(x)), later[2 * i]!, later[2 * i + 1]!)
  return squeeze(x, -1)
}

/** A part of a scorer's first layer that many sums share: its rows `[…, R, F]`, and which each of n sums takes. */
export interface SharedRows {
  readonly table: Tensor
  readonly rows: ArrayLike<number>
}

/**
 * The score of a scorer with one hidden layer, from the sums of the first.
 *
 * @param dense   `[…, n, F]`, what sums do not share
 * @param shared  what is added to it
 * @param later   as `laterLayers` gives them
 * @param drop    of the hidden layer
 * @returns       `[…, n]`
 */
export function scoreOfRows(
  dense: Tensor,
  shared: readonly SharedRows[],
  later: readonly Tensor[],
  { dropped }: Drop,
): Tensor {
  const [weight, bias] = later
  const [n, m] = [dense.shape.at(-2)!, shared.length]
  const index = new Int32Array(n * m)
  for (const [k, { rows }] of shared.entries()) for (let i = 0; i < n; i++) index[i * m + k] = rows[i]!
  const tables = shared.map(({ table }) => table)
  return add(rowScores(dense, tables, integers(index, dense, [n, m]), reshape(weight!, [-1]), { dropped }), bias!)
}

/** A dropout for each hidden layer of a scorer. */
export const hiddenDrops = ({ config, drops }: Context): Drop[] =>
  Array.from({ length: config.ffnnDepth }, () => drops.next())

/** A scorer on whole vectors `[…, width]`: `[…]`. */
export function score(context: Context, name: string, x: Tensor): Tensor {
  const { parameters } = context
  const sums = linear(x, parameters[`${name}.0.weight`]!, parameters[`${name}.0.bias`]!)
  return finishScore(sums, laterLayers(context, name), hiddenDrops(context))
}
