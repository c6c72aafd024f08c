/** Sorting, stable in both directions. Indices are constants of a derivative; values pass it through the selection. */
import { ShapeError } from '../errors.ts'
import { apply, defineOp } from '../op.ts'
import { axisFromEnd } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { gather } from './alongAxis.ts'
import { moveAxis, slice } from './movement.ts'

export const orderOps = {
  /** Along the last axis: the positions of its elements, in their order. */
  argsort: defineOp<'x', { descending: boolean }>({
    name: 'argsort',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    dtype: () => 'i32',
    forward: (kernels, [x], y, { descending }) => kernels.argsort(x!, descending, y),
    derivatives: {},
    cases: [
      { shapes: [[2, 5]], attrs: { descending: false } },
      { shapes: [[5]], attrs: { descending: true } },
    ],
  }),
}

export interface SortOptions {
  /** largest first; default false */
  descending?: boolean
}

/** Elements in order, and where they stood. */
export interface Sorted {
  values: Tensor
  /** `i32`, positions along the axis */
  indices: Tensor
}

/**
 * The positions (`i32`) that sort an axis (default the last). Equal elements keep their order, also when descending;
 * NaN counts as the largest number, as in PyTorch.
 */
export function argsort(x: Tensor, axis = -1, { descending = false }: SortOptions = {}): Tensor {
  const at = axisFromEnd('argsort', axis, x.rank)
  return moveAxis(apply(orderOps.argsort, [moveAxis(x, at, -1)], { descending }), -1, at)
}

/** The elements of an axis (default the last) in order, with their positions; see `argsort` for ties and NaN. */
export function sort(x: Tensor, axis = -1, options: SortOptions = {}): Sorted {
  const indices = argsort(x, axis, options)
  return { values: gather(x, indices, axis), indices }
}

/**
 * The `k` largest elements of an axis (default the last), largest first, with their positions. Of equal ones the
 * lowest position comes first; NaN counts as the largest number.
 *
 * @throws {ShapeError} where the axis has fewer than `k`
 */
export function topK(x: Tensor, k: number, axis = -1): Sorted {
  const at = axisFromEnd('topK', axis, x.rank) + x.rank
  if (!Number.isInteger(k) || k < 0 || k > x.shape[at]!) {
    throw new ShapeError({ op: 'topK', expected: `k from 0 to ${x.shape[at]} along axis ${axis}`, got: String(k) })
  }
  const end = x.shape.map((_, i) => (i === at ? k : null))
  const indices = slice(argsort(x, axis, { descending: true }), [], end)
  return { values: gather(x, indices, axis), indices }
}
