/**
 * Products of matrices. The tile is 2 rows × 16 columns: eight sums, which is what V8 keeps in its sixteen registers
 * beside one row of b and one element of a; larger tiles spill. b is packed into panels of 16 columns, padded with
 * zeros, so that a tile reads it in order; a is read where it lies, its rows dense. Every element of the result is
 * summed in the order of k by one thread, so neither tiles nor threads change a bit.
 */
import { multiplyAdd } from './multiplyAdd'
import { field, pointer } from './walk'

export const panelWidth = 16

/**
 * Copies panel j of b, k rows with strides in elements, to `to`. Where the last panel stands out, its columns are 0, or
 * those of a transposed b repeat the last one.
 */
export function packPanel(b: usize, k: i32, n: i32, rowStride: i32, columnStride: i32, panel: i32, to: usize): void {
  const first = panel * panelWidth
  const columns = min(panelWidth, n - first)
  const row = <usize>rowStride << 2
  const column = <usize>columnStride << 2
  b += <usize>first * column
  if (columns == panelWidth && columnStride == 1) {
    for (let i = 0; i < k; i++, b += row, to += panelWidth << 2) {
      v128.store(to, v128.load(b))
      v128.store(to, v128.load(b, 16), 16)
      v128.store(to, v128.load(b, 32), 32)
      v128.store(to, v128.load(b, 48), 48)
    }
    return
  }
  if (rowStride == 1) {
    // b transposed: four rows of four columns at a time, turned in registers
    const last = <usize>(columns - 1)
    let i = 0
    for (; i + 4 <= k; i += 4, b += 16, to += panelWidth << 4) {
      for (let j: usize = 0; j < <usize>panelWidth; j += 4) {
        const c0 = v128.load(b + min(j, last) * column)
        const c1 = v128.load(b + min(j + 1, last) * column)
        const c2 = v128.load(b + min(j + 2, last) * column)
        const c3 = v128.load(b + min(j + 3, last) * column)
        const low01 = v128.shuffle<f32>(c0, c1, 0, 4, 1, 5)
        const high01 = v128.shuffle<f32>(c0, c1, 2, 6, 3, 7)
        const low23 = v128.shuffle<f32>(c2, c3, 0, 4, 1, 5)
        const high23 = v128.shuffle<f32>(c2, c3, 2, 6, 3, 7)
        const at = to + (j << 2)
        v128.store(at, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5))
        v128.store(at, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 64)
        v128.store(at, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 128)
        v128.store(at, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 192)
      }
    }
    for (; i < k; i++, b += 4, to += panelWidth << 2) {
      for (let j: usize = 0; j < <usize>panelWidth; j++) store<f32>(to + (j << 2), load<f32>(b + min(j, last) * column))
    }
    return
  }
  for (let i = 0; i < k; i++, b += row, to += panelWidth << 2) {
    let j: usize = 0
    for (; j < <usize>columns; j++) store<f32>(to + (j << 2), load<f32>(b + j * column))
    for (; j < <usize>panelWidth; j++) store<f32>(to + (j << 2), 0)
  }
}

/** y[0..1, 0..15] from two rows of a and a panel; a full tile. */
@inline
function tile2(a: usize, aRow: usize, b: usize, k: i32, y: usize, yRow: usize, bias: usize, residual: usize): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0)
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0)
  const end = a + (<usize>k << 2)
  let a1 = a + aRow
  for (; a < end; a += 4, a1 += 4, b += 64) {
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
  storeRow(y, s0, s1, s2, s3, bias, residual)
  storeRow(y + yRow, t0, t1, t2, t3, bias, residual ? residual + yRow : 0)
}

/** The same for one row. */
@inline
function tile1(a: usize, b: usize, k: i32, y: usize, bias: usize, residual: usize): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0)
  const end = <usize>k << 2
  for (let i: usize = 0; i < end; i += 4, b += 64) {
    const p = v128.load32_splat(a + i)
    s0 = multiplyAdd(s0, p, v128.load(b))
    s1 = multiplyAdd(s1, p, v128.load(b, 16))
    s2 = multiplyAdd(s2, p, v128.load(b, 32))
    s3 = multiplyAdd(s3, p, v128.load(b, 48))
  }
  storeRow(y, s0, s1, s2, s3, bias, residual)
}

@inline
function storeRow(y: usize, s0: v128, s1: v128, s2: v128, s3: v128, bias: usize, residual: usize): void {
  if (bias) {
    s0 = f32x4.add(s0, v128.load(bias))
    s1 = f32x4.add(s1, v128.load(bias, 16))
    s2 = f32x4.add(s2, v128.load(bias, 32))
    s3 = f32x4.add(s3, v128.load(bias, 48))
  }
  if (residual) {
    s0 = f32x4.add(s0, v128.load(residual))
    s1 = f32x4.add(s1, v128.load(residual, 16))
    s2 = f32x4.add(s2, v128.load(residual, 32))
    s3 = f32x4.add(s3, v128.load(residual, 48))
  }
  v128.store(y, s0)
  v128.store(y, s1, 16)
  v128.store(y, s2, 32)
  v128.store(y, s3, 48)
}

/** One panel's columns of the result, for `rows` rows. `edge`: 192 bytes of scratch for tiles that stand out. */
export function multiplyPanel(
  a: usize, aRow: usize, b: usize, rows: i32, k: i32, columns: i32,
  y: usize, yRow: usize, bias: usize, residual: usize, edge: usize,
): void {
  if (columns == panelWidth) {
    let i = 0
    for (; i + 2 <= rows; i += 2) {
      tile2(a, aRow, b, k, y, yRow, bias, residual)
      a += 2 * aRow
      y += 2 * yRow
      if (residual) residual += 2 * yRow
    }
    if (i < rows) tile1(a, b, k, y, bias, residual)
    return
  }
  const bytes = <usize>columns << 2
  const room: usize = panelWidth << 2
  if (bias) {
    memory.copy(edge + 2 * room, bias, bytes)
    bias = edge + 2 * room
  }
  for (let i = 0; i < rows; i += 2, a += 2 * aRow, y += 2 * yRow) {
    const both = i + 1 < rows
    if (both) tile2(a, aRow, b, k, edge, room, bias, 0)
    else tile1(a, b, k, edge, bias, 0)
    if (residual) {
      for (let j: usize = 0; j < bytes; j += 4) {
        store<f32>(edge + j, load<f32>(edge + j) + load<f32>(residual + j))
        if (both) store<f32>(edge + room + j, load<f32>(edge + room + j) + load<f32>(residual + yRow + j))
      }
      residual += 2 * yRow
    }
    memory.copy(y, edge, bytes)
    if (both) memory.copy(y + yRow, edge + room, bytes)
  }
}

/** Bytes of a packed matrix [k, n]. */
@inline
export function packedBytes(k: i32, n: i32): usize {
  return (<usize>((n + panelWidth - 1) / panelWidth) * panelWidth * k) << 2
}

/** Copies rows that are not dense: `to` becomes [rows, k]. */
export function denseRows(a: usize, rows: i32, k: i32, rowStride: i32, columnStride: i32, to: usize): void {
  const row = <usize>rowStride << 2
  const column = <usize>columnStride << 2
  for (let i = 0; i < rows; i++) {
    let from = a + <usize>i * row
    for (let j = 0; j < k; j++, from += column, to += 4) store<f32>(to, load<f32>(from))
  }
}

/** Packs panels [begin, end). Plan: 0 b, 1 packed, 2 k, 3 n, 4 row stride, 5 column stride. */
export function pack(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const k = field(plan, 2)
  const n = field(plan, 3)
  const panelBytes = (<usize>panelWidth * k) << 2
  const to = pointer(plan, 1) + panelBytes * begin
  const whole = field(plan, 5) == 1 ? min(end, n / panelWidth) : begin
  // dense rows are read row by row, since jumps of a row's length are slow
  const rowBytes = <usize>field(plan, 4) << 2
  let row = pointer(plan, 0) + ((<usize>begin * panelWidth) << 2)
  for (let i = 0; i < k && whole > begin; i++, row += rowBytes) {
    let target = to + ((<usize>panelWidth * i) << 2)
    let from = row
    for (let panel = begin; panel < whole; panel++, from += panelWidth << 2, target += panelBytes) {
      v128.store(target, v128.load(from))
      v128.store(target, v128.load(from, 16), 16)
      v128.store(target, v128.load(from, 32), 32)
      v128.store(target, v128.load(from, 48), 48)
    }
  }
  for (let panel = max(begin, whole); panel < end; panel++) {
    packPanel(pointer(plan, 0), k, n, field(plan, 4), field(plan, 5), panel, to + panelBytes * (panel - begin))
  }
}

/**
 * One product with packed b. Plan: 0 a, 1 packed b, 2 y, 3 m, 4 k, 5 n, 6 and 7 the strides of a, 8 bias or 0,
 * 9 residual or 0 (dense), 10 whether [begin, end) counts panels and not rows. Scratch holds rows of a that are not
 * dense: those of the part, or all.
 */
export function gemm(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const k = field(plan, 4)
  const n = field(plan, 5)
  const byPanels = field(plan, 10) != 0
  const firstRow = byPanels ? 0 : begin
  const rows = byPanels ? field(plan, 3) : end - begin
  const firstPanel = byPanels ? begin : 0
  const lastPanel = byPanels ? end : (n + panelWidth - 1) / panelWidth
  const edge = scratch
  let a = pointer(plan, 0) + ((<usize>firstRow * field(plan, 6)) << 2)
  let aRow = <usize>field(plan, 6) << 2
  if (field(plan, 7) != 1 && k > 1) {
    const dense = scratch + 256
    denseRows(a, rows, k, field(plan, 6), field(plan, 7), dense)
    a = dense
    aRow = <usize>k << 2
  }
  const yRow = <usize>n << 2
  const skipped = <usize>firstRow * yRow
  const y = pointer(plan, 2) + skipped
  const bias = pointer(plan, 8)
  const residual = pointer(plan, 9)
  for (let panel = firstPanel; panel < lastPanel; panel++) {
    const column = (<usize>panel * panelWidth) << 2
    const b = pointer(plan, 1) + column * k
    multiplyPanel(
      a, aRow, b, rows, k, min(panelWidth, n - panel * panelWidth), y + column, yRow,
      bias ? bias + column : 0, residual ? residual + skipped + column : 0, edge,
    )
  }
}

/**
 * Many small products, items [begin, end) of a batch. Plan: 0 a, 1 b, 2 y, 3 m, 4 k, 5 n, 6 and 7 the strides of a,
 * 8 and 9 those of b, 10 the rank of the batch, then its sizes, then strides of a, then of b. y is dense.
 */
export function gemmBatch(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const m = field(plan, 3)
  const k = field(plan, 4)
  const n = field(plan, 5)
  const rank = field(plan, 10)
  const panels = (n + panelWidth - 1) / panelWidth
  const edge = scratch
  const packed = scratch + 256
  const dense = packed + packedBytes(k, n)
  const yRow = <usize>n << 2
  let held: usize = 0
  for (let item = begin; item < end; item++) {
    let a = pointer(plan, 0)
    let b = pointer(plan, 1)
    let rest = item
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = field(plan, 11 + axis)
      const at = rest % size
      rest /= size
      a += <usize>(at * field(plan, 11 + rank + axis)) << 2
      b += <usize>(at * field(plan, 11 + 2 * rank + axis)) << 2
    }
    // one b for several items is packed once
    if (b != held) {
      for (let panel = 0; panel < panels; panel++) {
        packPanel(b, k, n, field(plan, 8), field(plan, 9), panel, packed + ((<usize>panel * panelWidth * k) << 2))
      }
      held = b
    }
    let aRow = <usize>field(plan, 6) << 2
    if (field(plan, 7) != 1 && k > 1) {
      denseRows(a, m, k, field(plan, 6), field(plan, 7), dense)
      a = dense
      aRow = <usize>k << 2
    }
    const y = pointer(plan, 2) + <usize>item * yRow * m
    for (let panel = 0; panel < panels; panel++) {
      const column = (<usize>panel * panelWidth) << 2
      const columns = min(panelWidth, n - panel * panelWidth)
      multiplyPanel(a, aRow, packed + column * k, m, k, columns, y + column, yRow, 0, 0, edge)
    }
  }
}

/**
 * Sets part [begin, end) of a product's result to the bias, for a product that adds to it. Plan: 6 y, 7 elements between
 * its rows, 8 rows, 9 columns, 11 bias, 12 whether the range counts columns and not rows.
 */
export function biasRows(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const byColumns = field(plan, 12) != 0
  const yRow = <usize>field(plan, 7) << 2
  const rows = byColumns ? field(plan, 8) : end - begin
  const bytes = <usize>(byColumns ? end - begin : field(plan, 9)) << 2
  const column = byColumns ? <usize>begin << 2 : 0
  let y = pointer(plan, 6) + column + (byColumns ? 0 : yRow * begin)
  for (let i = 0; i < rows; i++, y += yRow) memory.copy(y, pointer(plan, 11) + column, bytes)
}
