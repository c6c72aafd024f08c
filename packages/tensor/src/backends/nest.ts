/** How operands of one shape are walked over together. */
import type { View } from '../kernels.ts'
import { type Shape, stridesOf } from '../shape.ts'

/** One loop for all operands: sizes, and for each operand its strides. */
export interface Nest {
  readonly sizes: number[]
  readonly strides: number[][]
}

/** Joins neighbouring axes that every operand walks in one step, so that rows are long. */
export function joinAxes(shape: Shape, views: readonly View[]): Nest {
  const sizes: number[] = []
  const strides: number[][] = views.map(() => [])
  for (const [axis, n] of shape.entries()) {
    if (n === 1) continue
    const last = sizes.length - 1
    const joins = last >= 0 && views.every((x, i) => strides[i]![last] === x.strides[axis]! * n)
    if (joins) sizes[last]! *= n
    else sizes.push(n)
    for (const [i, x] of views.entries()) {
      if (joins) strides[i]![last] = x.strides[axis]!
      else strides[i]!.push(x.strides[axis]!)
    }
  }
  return { sizes, strides }
}

/** Whether the elements of a view lie in row-major order without gaps. */
export function isDense(x: View): boolean {
  const rowMajor = stridesOf(x.shape)
  return x.shape.every((n, i) => n === 1 || x.strides[i] === rowMajor[i])
}
