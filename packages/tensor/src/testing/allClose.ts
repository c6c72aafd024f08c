/** Comparison with a report of the worst element. */

import type { TypedArray } from '../dtype.ts'
import { GradError, ShapeError, show } from '../errors.ts'
import { sameShape } from '../shape.ts'
import { type Nested, shapeOfNested, Tensor } from '../tensor.ts'

export interface Tolerance {
  /** default 1e-7 */
  rtol?: number
  /** default 0 */
  atol?: number
}

type Values = Tensor | TypedArray | Nested

const shapeOf = (x: Values): readonly number[] => (x instanceof Tensor ? x.shape : shapeOfNested('allClose', x))

function elementsOf(x: Values): ArrayLike<number> {
  if (x instanceof Tensor) return x.dataSync()
  if (ArrayBuffer.isView(x)) return x as TypedArray
  const nested: unknown[] = [x]
  return nested.flat(Number.POSITIVE_INFINITY).map(Number)
}

/** The position of flat index `i` in a shape. */
function indexOf(i: number, shape: readonly number[]): number[] {
  const index: number[] = []
  let rest = i
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!)
    rest = Math.floor(rest / shape[axis]!)
  }
  return index
}

/** The distance in units of the last place of float32. */
function ulps(a: number, b: number): number {
  const bits = new Int32Array(new Float32Array([a, b]).buffer)
  const ordered = (n: number) => (n < 0 ? -(n & 0x7fffffff) : n)
  return Math.abs(ordered(bits[0]!) - ordered(bits[1]!))
}

/**
 * True where every element agrees: |actual − expected| ≤ atol + rtol · |expected|; NaN agrees with NaN, an infinity
 * with the same infinity, −0 with 0. Shapes must be equal.
 *
 * @throws {GradError} that names the worst element: its index, both values, and their distance in float32 ulps
 */
export function allClose(actual: Values, expected: Values, { rtol = 1e-7, atol = 0 }: Tolerance = {}): true {
  const shape = shapeOf(expected)
  if (!sameShape(shapeOf(actual), shape)) {
    throw new ShapeError({ op: 'allClose', expected: `shape ${show(shape)}`, got: show(shapeOf(actual)) })
  }
  const [a, b] = [elementsOf(actual), elementsOf(expected)]
  let worst = -1
  let worstRatio = 1
  let wrong = 0
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    const bound = atol + rtol * Math.abs(b[i]!)
    const error = Math.abs(a[i]! - b[i]!)
    const ratio = Number.isFinite(error) && Number.isFinite(bound) ? error / bound : Number.POSITIVE_INFINITY
    if (ratio <= 1) continue
    wrong++
    if (worst < 0 || ratio > worstRatio) [worst, worstRatio] = [i, ratio]
  }
  if (worst < 0) return true
  throw new GradError({
    op: 'allClose',
    expected: `${b[worst]} at ${show(indexOf(worst, shape))}`,
    got: `${a[worst]}`,
    hint: `${wrong} of ${b.length} elements differ; ${ulps(a[worst]!, b[worst]!)} ulps of float32 at the worst`,
  })
}
