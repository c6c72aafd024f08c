/** Arithmetic on shapes and axes. A shape is a list of non-negative integers; `[]` is a scalar. */
import { ShapeError, show } from './errors.ts'

export type Shape = readonly number[]

/** The number of elements; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1)

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i]!
  }
  return strides
}

/** An axis as a count from the end: -1 is the last. The library's rules count this way, so that leading axes may come. */
export function axisFromEnd(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError({
      op,
      expected: rank === 0 ? 'no axis, for a scalar has none' : `an axis from ${-rank} to ${rank - 1}`,
      got: String(axis),
    })
  }
  return axis < 0 ? axis : axis - rank
}

/** The same for a list, refusing an axis named twice; null stands for all axes. */
export function axesFromEnd(op: string, axes: number | readonly number[] | null | undefined, rank: number): number[] {
  if (axes === null || axes === undefined) return Array.from({ length: rank }, (_, i) => i - rank)
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => axisFromEnd(op, axis, rank))
  if (new Set(list).size !== list.length) {
    throw new ShapeError({ op, expected: 'each axis once', got: show(list) })
  }
  return list
}

/** NumPy's rule: shapes are aligned at their end, and a size of 1 is stretched. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i
      const size = shape[i]!
      if (size === 1 || size === result[at]) continue
      if (result[at] !== 1) {
        throw new ShapeError({
          op,
          expected: 'shapes that broadcast (equal sizes, or 1, from the last axis on)',
          got: shapes.map(show).join(' and '),
        })
      }
      result[at] = size
    }
  }
  return result
}

/** Throws unless every entry is a non-negative safe integer and so is their product. */
export function checkShape(op: string, shape: Shape): void {
  const valid = shape.every((n) => Number.isSafeInteger(n) && n >= 0) && Number.isSafeInteger(sizeOf(shape))
  if (!valid) throw new ShapeError({ op, expected: 'a shape of non-negative integers', got: show(shape) })
}
