/** How the reference walks over views: one call per row, the elements of a row by their strides. */
import { newArray, type TypedArray } from '../../dtype.ts'
import type { View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'

/** The array behind a view; the offset is for the caller to add. */
export const elementsOf = (x: View): TypedArray => x.buffer.data as TypedArray

/**
 * Calls `body(offsets, n, steps)` for every row: where it starts in each operand, how many elements, how far apart.
 * All views have one shape.
 */
export function forEachRow(
  views: readonly View[],
  body: (offsets: readonly number[], n: number, steps: readonly number[]) => void,
): void {
  const { shape } = views[0]!
  if (shape.includes(0)) return
  const { sizes, strides } = joinAxes(shape, views)
  const rank = sizes.length
  const n = sizes[rank - 1] ?? 1
  const steps = strides.map((of) => of[rank - 1] ?? 0)
  const offsets = views.map((x) => x.offset)
  const index = new Array<number>(Math.max(0, rank - 1)).fill(0)
  for (;;) {
    body(offsets, n, steps)
    let axis = rank - 2
    for (; axis >= 0; axis--) {
      index[axis]!++
      for (const [i, of] of strides.entries()) offsets[i]! += of[axis]!
      if (index[axis]! < sizes[axis]!) break
      for (const [i, of] of strides.entries()) offsets[i]! -= of[axis]! * sizes[axis]!
      index[axis] = 0
    }
    if (axis < 0) return
  }
}

/** Calls `body(offsets)` for every position of the leading axes of views that agree on those. */
export function forEachLeading(
  views: readonly View[],
  trailing: readonly number[],
  body: (offsets: readonly number[]) => void,
): void {
  const heads = views.map((x, i) => {
    const rank = x.shape.length - trailing[i]!
    return { ...x, shape: [...x.shape.slice(0, rank), 1], strides: [...x.strides.slice(0, rank), 0] }
  })
  forEachRow(heads, (offsets, n, steps) => {
    const at = [...offsets]
    for (let k = 0; k < n; k++) {
      body(at)
      for (let i = 0; i < at.length; i++) at[i]! += steps[i]!
    }
  })
}

/** The elements of a view in row-major order, shared with the buffer where they lie so already. */
export function denseElements(x: View): TypedArray {
  const array = elementsOf(x)
  const size = sizeOf(x.shape)
  if (isDense(x)) return array.subarray(x.offset, x.offset + size)
  const dense = newArray(x.buffer.dtype, size)
  let at = 0
  forEachRow([x], ([offset], n, [step]) => {
    for (let i = 0, p = offset!; i < n; i++, p += step!) dense[at++] = array[p]!
  })
  return dense
}
