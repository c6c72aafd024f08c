/** Reading and writing along an axis with an index for every element, as `torch.gather` and `torch.scatter` do. */
import { ShapeError, show } from '../errors.ts'
import { axisFromEnd, type Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add } from './arithmetic.ts'
import { cast } from './cast.ts'
import { greater } from './compare.ts'
import { ones } from './create.ts'
import { checkIndex, gatherLast, scatterAddLast } from './gather.ts'
import { moveAxis, pad, slice } from './movement.ts'
import { where } from './select.ts'

/** Checks index and its range; returns the axis counted from the end. */
function checkAlong(op: string, x: Tensor, index: Tensor, axis: number): number {
  const at = axisFromEnd(op, axis, x.rank)
  const fits = index.rank === x.rank && index.shape.every((n, i) => i - x.rank === at || n <= x.shape[i]!)
  if (!fits) {
    throw new ShapeError({
      op,
      expected: `an index of rank ${x.rank}, no larger than ${show(x.shape)} on the axes other than ${axis}`,
      got: show(index.shape),
    })
  }
  checkIndex(op, index, x.shape.at(at)!)
  return at
}

/** The first elements along every axis but `at`, as many as in `shape`. */
const cutTo = (x: Tensor, shape: Shape, at: number | null): Tensor =>
  slice(
    x,
    [],
    shape.map((n, i) => (i - x.rank === at ? null : n)),
  )

/** Zeros in the shape of x, with `source` added at `index` along the axis. */
function scattered(x: Tensor, index: Tensor, source: Tensor, at: number): Tensor {
  const sums = scatterAddLast(moveAxis(source, at, -1), moveAxis(index, at, -1), x.shape.at(at)!)
  const back = moveAxis(sums, -1, at)
  return pad(
    back,
    x.shape.map((n, i) => [0, n - back.shape[i]!] as const),
  )
}

/**
 * The part of `source` that `index` speaks of, in the dtype of x.
 *
 * @throws {ShapeError} where `source` is smaller than `index`
 */
function sourceFor(op: string, x: Tensor, index: Tensor, source: Tensor): Tensor {
  if (source.rank !== index.rank || source.shape.some((n, i) => n < index.shape[i]!)) {
    throw new ShapeError({ op, expected: `a source of at least ${show(index.shape)}`, got: show(source.shape) })
  }
  return cast(cutTo(source, index.shape, null), x.dtype)
}

/**
 * y[i, j, k] = x[index[i, j, k], j, k] for axis 0, and so on for other axes; `torch.gather`.
 *
 * @param index  `i32`, the rank of x, no larger than x on the other axes; entries count from 0 and may repeat
 * @returns      the shape of `index`
 * @throws {ShapeError} where an index is not in [0, n)
 */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  const at = checkAlong('gather', x, index, axis)
  const read = gatherLast(moveAxis(cutTo(x, index.shape, at), at, -1), moveAxis(index, at, -1))
  return moveAxis(read, -1, at)
}

/**
 * x with `source` added: y[index[i, j, k], j, k] += source[i, j, k] for axis 0; `torch.scatter_add`.
 *
 * @param index   as in `gather`; what repeats adds up, in row-major order
 * @param source  at least as large as `index`; what lies beyond is not used
 */
export function scatterAdd(x: Tensor, index: Tensor, source: Tensor, axis: number): Tensor {
  const at = checkAlong('scatterAdd', x, index, axis)
  return add(x, scattered(x, index, sourceFor('scatterAdd', x, index, source), at))
}

/**
 * x with elements replaced: y[index[i, j, k], j, k] = source[i, j, k] for axis 0; `torch.scatter`.
 *
 * @param index   as in `gather`, but no place may be named twice
 * @param source  at least as large as `index`; what lies beyond is not used
 * @throws {ShapeError} where `index` names a place twice, for then it would not be said which value wins; on `gpu` the
 *   next read throws it
 */
export function scatter(x: Tensor, index: Tensor, source: Tensor, axis: number): Tensor {
  const at = checkAlong('scatter', x, index, axis)
  const values = sourceFor('scatter', x, index, source)
  const hits = scattered(x, index, ones(index.shape, { dtype: 'i32', device: x.device }), at)
  const twice = () =>
    new ShapeError({ op: 'scatter', expected: 'each place once', got: 'an index that names one twice' })
  const counts = hits.knownData()
  if (!counts) hits.backend.checkLater?.(hits.view(), 2, twice)
  else if (counts.some((n) => n > 1)) throw twice()
  return where(greater(hits, 0), scattered(x, index, values, at), x)
}
