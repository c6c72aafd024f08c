/** Comparison with a report of the worst element. */
import type { TypedArray } from '../dtype.ts'
import { AntecedentError, type ErrorParts, ShapeError, show } from '../errors.ts'
import { type Shape, sameShape } from '../shape.ts'
import { type Nested, shapeOfNested, Tensor } from '../tensor.ts'

export interface Tolerance {
  /** default 1e-7 */
  rtol?: number
  /** default 0 */
  atol?: number
}

/** The worst of the elements that differ. */
export interface Mismatch {
  /** its position */
  readonly index: readonly number[]
  readonly actualValue: number
  readonly expectedValue: number
  /** how many numbers of the actual's float type lie between the two; Infinity where one is NaN */
  readonly ulps: number
  /** how many elements differ, of how many */
  readonly differing: number
  readonly count: number
}

/** Numbers that should agree and do not. */
export class MismatchError extends AntecedentError {
  override readonly name = 'MismatchError'
  readonly mismatch: Mismatch

  constructor(parts: ErrorParts, mismatch: Mismatch) {
    super(parts)
    this.mismatch = mismatch
  }
}

type Values = Tensor | TypedArray | Nested

const shapeOf = (x: Values): Shape => (x instanceof Tensor ? x.shape : shapeOfNested('allClose', x))

function elementsOf(x: Values): ArrayLike<number> {
  if (x instanceof Tensor) return x.dataSync()
  if (ArrayBuffer.isView(x)) return x as TypedArray
  const nested: unknown[] = [x]
  return nested.flat(Number.POSITIVE_INFINITY).map(Number)
}

/** The position of flat index `i` in a shape. */
function positionOf(i: number, shape: Shape): number[] {
  const index: number[] = []
  let rest = i
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!)
    rest = Math.floor(rest / shape[axis]!)
  }
  return index
}

/** Floats in their order as integers: neighbours are one apart, and −0 is 0. */
function rankOf(x: number, double: boolean): bigint {
  const bits = double
    ? new BigInt64Array(Float64Array.of(x).buffer)[0]!
    : BigInt(new Int32Array(Float32Array.of(x).buffer)[0]!)
  return bits < 0n ? -BigInt.asUintN(double ? 63 : 31, bits) : bits
}

function ulpsBetween(a: number, b: number, double: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY
  const distance = rankOf(a, double) - rankOf(b, double)
  return Number(distance < 0n ? -distance : distance)
}

/** The element that differs most in proportion to its bound; null where all agree. */
export function worstMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: Shape,
  { rtol = 1e-7, atol = 0 }: Tolerance,
): Mismatch | null {
  let worst = -1
  let worstSeverity: readonly [ratio: number, distance: number] = [0, 0]
  let differing = 0
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!]
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue
    const distance = Math.abs(a - b)
    const ratio = distance / (atol + rtol * Math.abs(b))
    if (Number.isFinite(b) && ratio <= 1) continue
    differing++
    // a bound of 0 says nothing, and then the distance decides; what is no number is as bad as can be
    const severity = [ratio, distance].map((x) => (Number.isNaN(x) ? Number.POSITIVE_INFINITY : x)) as [number, number]
    const [most, furthest] = worstSeverity
    if (worst >= 0 && (severity[0] < most || (severity[0] === most && severity[1] <= furthest))) continue
    worst = i
    worstSeverity = severity
  }
  if (worst < 0) return null
  const [actualValue, expectedValue] = [actual[worst]!, expected[worst]!]
  const ulps = ulpsBetween(actualValue, expectedValue, !(actual instanceof Float32Array))
  const index = positionOf(worst, shape)
  return { index, actualValue, expectedValue, ulps, differing, count: expected.length }
}

/**
 * True where every element agrees: |actual − expected| ≤ atol + rtol · |expected|; NaN agrees with NaN, an infinity
 * with the same infinity, −0 with 0. Shapes must be equal; two empty ones agree.
 *
 * @throws {MismatchError} that names the worst element: its index, both values, and their distance in units of the last
 *   place (of float32 where `actual` is, else of float64)
 * @throws {ShapeError} where shapes differ
 */
export function allClose(actual: Values, expected: Values, tolerance: Tolerance = {}): true {
  const shape = shapeOf(expected)
  if (!sameShape(shapeOf(actual), shape)) {
    throw new ShapeError({ op: 'allClose', expected: `shape ${show(shape)}`, got: show(shapeOf(actual)) })
  }
  const mismatch = worstMismatch(elementsOf(actual), elementsOf(expected), shape, tolerance)
  if (!mismatch) return true
  const { index, actualValue, expectedValue, ulps, differing, count } = mismatch
  const parts = { op: 'allClose', expected: `${expectedValue} at ${show(index)}`, got: String(actualValue) }
  const hint = `${differing} of ${count} elements differ; the worst is shown, ${ulps} ulps away`
  throw new MismatchError({ ...parts, hint }, mismatch)
}
