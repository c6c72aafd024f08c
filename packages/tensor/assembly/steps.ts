/**
 * Small products whose operands have any step along k: a matrix serves transposed as it lies. The tile is that of
 * `gemm`, 2 rows × 16 columns. b is read where it lies where that is cheap, else from a copy in panels.
 */
import { packPanel, panelWidth } from './gemm'
import { multiplyAdd } from './multiplyAdd'
import { splat } from './special'

/** Rows of b beyond which it is copied into panels: they would push each other out of the cache. */
const fewRows = 32
/** Bytes of scratch for tiles that stand out. */
export const edgeBytes = 128

/** Two rows of a tile: y = a b, or y + a b. Steps in bytes along k. */
@inline
function tile2(a: usize, a1: usize, aStep: usize, b: usize, bStep: usize, k: i32, y: usize, yRow: usize, more: bool): void {
  let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0)
  let t0 = splat(0), t1 = splat(0), t2 = splat(0), t3 = splat(0)
  for (; k > 0; k--, a += aStep, a1 += aStep, b += bStep) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const b2 = v128.load(b, 32)
    const b3 = v128.load(b, 48)
    const p = v128.load32_splat(a)
    s0 = multiplyAdd(s0, p, b0)
    s1 = multiplyAdd(s1, p, b1)
    s2 = multiplyAdd(s2, p, b2)
    s3 = multiplyAdd(s3, p, b3)
    const q = v128.load32_splat(a1)
    t0 = multiplyAdd(t0, q, b0)
    t1 = multiplyAdd(t1, q, b1)
    t2 = multiplyAdd(t2, q, b2)
    t3 = multiplyAdd(t3, q, b3)
  }
  storeRow(y, s0, s1, s2, s3, more)
  storeRow(y + yRow, t0, t1, t2, t3, more)
}

@inline
function tile1(a: usize, aStep: usize, b: usize, bStep: usize, k: i32, y: usize, more: bool): void {
  let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0)
  for (; k > 0; k--, a += aStep, b += bStep) {
    const p = v128.load32_splat(a)
    s0 = multiplyAdd(s0, p, v128.load(b))
    s1 = multiplyAdd(s1, p, v128.load(b, 16))
    s2 = multiplyAdd(s2, p, v128.load(b, 32))
    s3 = multiplyAdd(s3, p, v128.load(b, 48))
  }
  storeRow(y, s0, s1, s2, s3, more)
}

@inline
function storeRow(y: usize, s0: v128, s1: v128, s2: v128, s3: v128, more: bool): void {
  if (more) {
    s0 = f32x4.add(s0, v128.load(y))
    s1 = f32x4.add(s1, v128.load(y, 16))
    s2 = f32x4.add(s2, v128.load(y, 32))
    s3 = f32x4.add(s3, v128.load(y, 48))
  }
  v128.store(y, s0)
  v128.store(y, s1, 16)
  v128.store(y, s2, 32)
  v128.store(y, s3, 48)
}

/**
 * y = a b, or y + a b where `more`: `rows` × `columns`, sums over k in order. a: steps along rows and k; b: steps from
 * panel to panel of 16 columns and along k, readable to the end of its last panel.
 */
export function multiply(
  a: usize, aRow: usize, aStep: usize, b: usize, bPanel: usize, bStep: usize,
  rows: i32, k: i32, columns: i32, y: usize, yRow: usize, more: bool, edge: usize,
): void {
  for (; columns >= panelWidth; columns -= panelWidth, b += bPanel, y += panelWidth << 2) {
    let p = a
    let to = y
    let i = rows
    for (; i >= 2; i -= 2, p += 2 * aRow, to += 2 * yRow) tile2(p, p + aRow, aStep, b, bStep, k, to, yRow, more)
    if (i > 0) tile1(p, aStep, b, bStep, k, to, more)
  }
  if (columns <= 0) return
  const bytes = <usize>columns << 2
  const room: usize = panelWidth << 2
  for (; rows > 0; rows -= 2, a += 2 * aRow, y += 2 * yRow) {
    const both = rows > 1
    if (more) memory.copy(edge, y, bytes)
    if (more && both) memory.copy(edge + room, y + yRow, bytes)
    if (both) tile2(a, a + aRow, aStep, b, bStep, k, edge, room, more)
    else tile1(a, aStep, b, bStep, k, edge, more)
    memory.copy(y, edge, bytes)
    if (both) memory.copy(y + yRow, edge + room, bytes)
  }
}

/** Whether a matrix is read as b through a copy. */
@inline
function isCopied(rows: i32, columns: i32): bool {
  return rows > fewRows || columns % panelWidth != 0
}

@inline
export function panelStep(rows: i32, columns: i32): usize {
  return isCopied(rows, columns) ? <usize>rows * (panelWidth << 2) : panelWidth << 2
}

@inline
export function rowStep(row: usize, rows: i32, columns: i32): usize {
  return isCopied(rows, columns) ? panelWidth << 2 : row
}

/** A matrix as b: where it lies, or in panels at `to`. */
export function asB(x: usize, row: usize, rows: i32, columns: i32, to: usize): usize {
  if (!isCopied(rows, columns)) return x
  for (let panel = 0; panel * panelWidth < columns; panel++) {
    packPanel(x, rows, columns, <i32>(row >> 2), 1, panel, to + ((<usize>panel * panelWidth * rows) << 2))
  }
  return to
}

/** The transpose of [rows, columns] as b, in panels of 16 rows at `to`; the last row fills the last panel. */
export function asTurnedB(x: usize, row: usize, rows: i32, columns: i32, to: usize): usize {
  for (let panel = 0; panel * panelWidth < rows; panel++) {
    packPanel(x, columns, rows, 1, <i32>(row >> 2), panel, to + ((<usize>panel * panelWidth * columns) << 2))
  }
  return to
}
