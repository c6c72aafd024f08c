/** The matrix product, register-blocked: tiles of 4 × 4 sums, operands packed so that each tile reads them in order. */
import { newArray } from '../../dtype.ts'
import type { View } from '../../kernels.ts'
import { denseElements, elementsOf, forEachLeading } from './loops.ts'

const tile = 4

/**
 * Copies a matrix into panels of `tile` rows: panel p holds rows 4p … 4p+3, column by column, as f64; missing rows are 0.
 */
function pack(
  x: View,
  at: number,
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
): Float64Array {
  const from = elementsOf(x)
  const panels = Math.ceil(rows / tile)
  const packed = newArray('f64', panels * tile * columns)
  for (let i = 0; i < rows; i++) {
    let to = (i - (i % tile)) * columns + (i % tile)
    let p = at + i * rowStride
    for (let k = 0; k < columns; k++, to += tile, p += columnStride) packed[to] = from[p]!
  }
  return packed
}

/** y[…, m, n] = Σₖ a[…, m, k] b[…, k, n] (+ bias[n]), every sum in f64 and in the order of k. */
export function matmul(a: View, b: View, y: View, bias: View | null = null): void {
  const [m, k] = a.shape.slice(-2) as [number, number]
  const n = b.shape.at(-1)!
  const [aRow, aColumn] = a.strides.slice(-2) as [number, number]
  const [bRow, bColumn] = b.strides.slice(-2) as [number, number]
  const to = elementsOf(y)
  const terms = bias && denseElements(bias)
  forEachLeading([a, b, y], [2, 2, 2], ([atA, atB, atY]) => {
    const left = pack(a, atA!, m, k, aRow, aColumn)
    const right = pack(b, atB!, n, k, bColumn, bRow) // columns of b are the rows of its panels
    const sums = new Float64Array(tile * tile)
    for (let i = 0; i < m; i += tile) {
      for (let j = 0; j < n; j += tile) {
        multiplyTile(left, i * k, right, j * k, k, sums)
        const rows = Math.min(tile, m - i)
        const columns = Math.min(tile, n - j)
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++)
            to[atY! + (i + r) * n + j + c] = sums[r * tile + c]! + (terms ? terms[j + c]! : 0)
        }
      }
    }
  })
}

/** One 4 × 4 tile of sums over k, from a panel of each operand. */
function multiplyTile(a: Float64Array, p: number, b: Float64Array, q: number, k: number, sums: Float64Array): void {
  for (let half = 0; half < 2; half++) {
    // two rows at a time: eight sums and six operands fit the sixteen registers
    let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0]
    let i = p + 2 * half
    let j = q
    for (let step = 0; step < k; step++, i += tile, j += tile) {
      const a0 = a[i]!
      const a1 = a[i + 1]!
      const b0 = b[j]!
      const b1 = b[j + 1]!
      const b2 = b[j + 2]!
      const b3 = b[j + 3]!
      s00 += a0 * b0
      s01 += a0 * b1
      s02 += a0 * b2
      s03 += a0 * b3
      s10 += a1 * b0
      s11 += a1 * b1
      s12 += a1 * b2
      s13 += a1 * b3
    }
    sums.set([s00, s01, s02, s03, s10, s11, s12, s13], half * 8)
  }
}
