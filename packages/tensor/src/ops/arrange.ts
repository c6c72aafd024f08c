/** Repeating, rolling and picking by position: functions made of the movement operations. */
import { OptionError, ShapeError, show, unknownName } from '../errors.ts'
import { axesFromEnd, axisFromEnd, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { sub } from './arithmetic.ts'
import { cast } from './cast.ts'
import { type CompareOf, equal, greaterEqual, lessEqual } from './compare.ts'
import { arange } from './create.ts'
import { checkIndex } from './gather.ts'
import { concat } from './join.ts'
import { expand, moveAxis, reshape, slice, swapAxes, unsqueeze } from './movement.ts'
import { where } from './select.ts'

function requireCounts(op: string, counts: readonly number[]): void {
  if (counts.every((n) => Number.isInteger(n) && n >= 0)) return
  throw new OptionError({ op, expected: 'non-negative integers', got: show(counts) })
}

/** x side by side with itself, `repetitions` times along each axis, as `numpy.tile`: the shorter list is filled with 1. */
export function tile(x: Tensor, repetitions: readonly number[]): Tensor {
  requireCounts('tile', repetitions)
  const rank = Math.max(x.rank, repetitions.length)
  const times = [...new Array<number>(rank - repetitions.length).fill(1), ...repetitions]
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape]
  const apart = reshape(
    x,
    shape.flatMap((n) => [1, n]),
  )
  const spread = expand(
    apart,
    shape.flatMap((n, i) => [times[i]!, n]),
  )
  return reshape(
    spread,
    shape.map((n, i) => n * times[i]!),
  )
}

/** Every element of an axis `repeats` times in a row, as `numpy.repeat`. */
export function repeat(x: Tensor, repeats: number, axis: number): Tensor {
  requireCounts('repeat', [repeats])
  const at = axisFromEnd('repeat', axis, x.rank) + x.rank
  const [before, n, after] = [x.shape.slice(0, at), x.shape[at]!, x.shape.slice(at + 1)]
  const spread = expand(unsqueeze(x, at + 1), [...before, n, repeats, ...after])
  return reshape(spread, [...before, n * repeats, ...after])
}

/** Element i of an axis goes to i + shift, around the end; one shift for each of `axes`. */
export function roll(x: Tensor, shifts: number | readonly number[], axes: number | readonly number[]): Tensor {
  const places = axesFromEnd('roll', axes, x.rank)
  const by = typeof shifts === 'number' ? [shifts] : shifts
  if (by.length !== places.length || !by.every(Number.isInteger)) {
    throw new OptionError({ op: 'roll', expected: `${places.length} integer shifts`, got: show(by) })
  }
  return places.reduce((rolled, axis, i) => {
    const n = x.shape.at(axis)!
    const cut = n === 0 ? 0 : ((-by[i]! % n) + n) % n
    if (cut === 0) return rolled
    const here = (bound: number) => x.shape.map((_, k) => (k - x.rank === axis ? bound : null))
    return concat([slice(rolled, here(cut)), slice(rolled, [], here(cut))], axis)
  }, x)
}

/** The lower triangle of the last two axes: 0 above the diagonal `diagonal` (0 the main one, positive above it). */
export const tril = (x: Tensor, diagonal = 0): Tensor => triangle('tril', x, diagonal, lessEqual)

/** The upper triangle of the last two axes: 0 below the diagonal `diagonal` (0 the main one, positive above it). */
export const triu = (x: Tensor, diagonal = 0): Tensor => triangle('triu', x, diagonal, greaterEqual)

function triangle(op: string, x: Tensor, diagonal: number, kept: CompareOf): Tensor {
  if (x.rank < 2) throw new ShapeError({ op, expected: 'matrices […, m, n]', got: show(x.shape) })
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  const { device } = x
  const column = arange(0, columns, 1, { dtype: 'i32', device })
  const row = arange(0, rows, 1, { dtype: 'i32', device })
  return where(kept(sub(column, unsqueeze(row, 1)), diagonal), x, 0)
}

export interface DiagonalOptions {
  /** which diagonal: 0 the main one, positive above it; default 0 */
  offset?: number
  /** the axis that counts as rows; default −2 */
  axis0?: number
  /** the axis that counts as columns; default −1 */
  axis1?: number
}

/** A diagonal of two axes, which are dropped; it becomes the last axis. Beyond the corners it is empty. */
export function diagonal(x: Tensor, { offset = 0, axis0 = -2, axis1 = -1 }: DiagonalOptions = {}): Tensor {
  const [first, second] = axesFromEnd('diagonal', [axis0, axis1], x.rank) as [number, number]
  // the second axis is moved to the end, so the first one's count from the end changes where it stood behind
  const turned = moveAxis(moveAxis(x, second, -1), first > second ? first - 1 : first, -2)
  const [rows, columns] = turned.shape.slice(-2) as [number, number]
  const [row, column] = [Math.max(0, -offset), Math.max(0, offset)]
  const count = Math.max(0, Math.min(rows - row, columns - column))
  const lead = turned.shape.slice(0, -2)
  const flat = reshape(turned, [...lead, sizeOf([rows, columns])])
  const here = (bound: number) => [...lead.map(() => null), bound]
  // one row and one column on: columns + 1 elements on in row-major order
  const start = row * columns + column
  const stop = count === 0 ? start : start + (count - 1) * (columns + 1) + 1
  return slice(flat, here(start), here(stop), here(columns + 1))
}

/** Coordinates of a grid: vectors `[m]` and `[n]` as matrices `[m, n]` (`ij`) or, with x first, `[n, m]` (`xy`). */
export function meshgrid(vectors: readonly Tensor[], { indexing = 'ij' }: { indexing?: 'ij' | 'xy' } = {}): Tensor[] {
  if (indexing !== 'ij' && indexing !== 'xy') throw unknownName('meshgrid', 'an indexing', indexing, ['ij', 'xy'])
  const odd = vectors.find((x) => x.rank !== 1)
  if (odd) throw new ShapeError({ op: 'meshgrid', expected: 'vectors', got: show(odd.shape) })
  const shape = vectors.map((x) => x.size)
  const grids = vectors.map((x, axis) => {
    const along = shape.map((n, i) => (i === axis ? n : 1))
    return expand(reshape(x, along), shape)
  })
  return indexing === 'xy' && shape.length > 1 ? grids.map((grid) => swapAxes(grid, 0, 1)) : grids
}

/**
 * 1 at the place of each id, 0 elsewhere.
 *
 * @param ids  `i32`, any shape, in [0, classes)
 * @returns    `f32` `[…ids, classes]`
 */
export function oneHot(ids: Tensor, classes: number): Tensor {
  requireCounts('oneHot', [classes])
  checkIndex('oneHot', ids, classes)
  const places = arange(0, classes, 1, { dtype: 'i32', device: ids.device })
  return cast(equal(unsqueeze(ids, -1), places), 'f32')
}
