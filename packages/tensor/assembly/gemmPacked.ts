/**
 * Products of many rows where multiply-add is fused. Both matrices are packed: a into panels of 6 rows, b as everywhere
 * into panels of 16 columns. Inner sizes are cut so that what a tile reads stays in the first cache; the sums of the
 * blocks are added up.
 */
import { panelWidth } from './gemm'
import { tile, tileRows, wideTile } from './tiles'
import { field, pointer } from './walk'

/**
 * Packs panels [begin, end) of 6 rows, column by column; rows that are missing in the last are those before once more.
 * Plan: 0 a, 1 packed, 2 rows, 3 columns k, 4 row stride, 5 column stride.
 */
export function packRows(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const last = field(plan, 2) - 1
  const k = field(plan, 3)
  const row = <usize>field(plan, 4) << 2
  const column = <usize>field(plan, 5) << 2
  for (let panel = begin; panel < end; panel++) {
    const a = pointer(plan, 0)
    const first = panel * tileRows
    let to = pointer(plan, 1) + (<usize>(first * k) << 2)
    const r0 = a + row * first
    const r1 = a + row * min(first + 1, last)
    const r2 = a + row * min(first + 2, last)
    const r3 = a + row * min(first + 3, last)
    const r4 = a + row * min(first + 4, last)
    const r5 = a + row * min(first + 5, last)
    let done = 0
    let i: usize = 0
    if (column == 4) {
      for (; done + 4 <= k; done += 4, i += 16, to += 96) packFour(to, r0 + i, r1 + i, r2 + i, r3 + i, r4 + i, r5 + i)
    }
    for (; done < k; done++, i += column, to += 24) {
      store<f32>(to, load<f32>(r0 + i))
      store<f32>(to, load<f32>(r1 + i), 4)
      store<f32>(to, load<f32>(r2 + i), 8)
      store<f32>(to, load<f32>(r3 + i), 12)
      store<f32>(to, load<f32>(r4 + i), 16)
      store<f32>(to, load<f32>(r5 + i), 20)
    }
  }
}

/** Four columns of six rows, turned in registers. */
@inline
function packFour(to: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize): void {
  const x0 = v128.load(a0), x1 = v128.load(a1), x2 = v128.load(a2), x3 = v128.load(a3)
  const x4 = v128.load(a4), x5 = v128.load(a5)
  const low01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7)
  const low23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5)
  const high23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7)
  const low45 = v128.shuffle<f32>(x4, x5, 0, 4, 1, 5)
  const high45 = v128.shuffle<f32>(x4, x5, 2, 6, 3, 7)
  const second = v128.shuffle<f32>(low01, low23, 2, 3, 6, 7)
  const fourth = v128.shuffle<f32>(high01, high23, 2, 3, 6, 7)
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5))
  v128.store(to, v128.shuffle<f32>(low45, second, 0, 1, 4, 5), 16)
  v128.store(to, v128.shuffle<f32>(second, low45, 2, 3, 6, 7), 32)
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 48)
  v128.store(to, v128.shuffle<f32>(high45, fourth, 0, 1, 4, 5), 64)
  v128.store(to, v128.shuffle<f32>(fourth, high45, 2, 3, 6, 7), 80)
}

/** rows × columns elements of y: those of the tile, added to y with `onward`, and with the bias. */
function finish(
  tile: usize, tileRow: usize, y: usize, yRow: usize, rows: i32, columns: i32, onward: bool, bias: usize,
): void {
  const bytes = <usize>columns << 2
  const whole = bytes & ~15
  for (let i = 0; i < rows; i++, tile += tileRow, y += yRow) {
    let j: usize = 0
    for (; j < whole; j += 16) {
      let s = v128.load(tile + j)
      if (onward) s = f32x4.add(v128.load(y + j), s)
      if (bias) s = f32x4.add(s, v128.load(bias + j))
      v128.store(y + j, s)
    }
    for (; j < bytes; j += 4) {
      let s = load<f32>(tile + j)
      if (onward) s = load<f32>(y + j) + s
      if (bias) s += load<f32>(bias + j)
      store<f32>(y + j, s)
    }
  }
}

/**
 * One product of packed matrices. A unit is a block of row panels by a group of column panels. Plan: 0 packed a,
 * 1 packed b, 2 y, 3 m, 4 k, 5 n, 6 row panels a block, 7 column panels a group, 8 bias or 0, 9 whether by wide tiles,
 * 10 inner size of a block.
 */
export function gemmPacked(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const m = field(plan, 3)
  const k = field(plan, 4)
  const n = field(plan, 5)
  const rowPanels = (m + tileRows - 1) / tileRows
  const panels = (n + panelWidth - 1) / panelWidth
  const block = field(plan, 6)
  const group = field(plan, 7)
  const groups = (panels + group - 1) / group
  const isWide = field(plan, 9) != 0
  const innerBlock = field(plan, 10)
  const yRow = <usize>n << 2
  for (let unit = begin; unit < end; unit++) {
    const firstRow = (unit / groups) * block
    const lastRow = min(firstRow + block, rowPanels)
    const firstPanel = (unit % groups) * group
    const lastPanel = min(firstPanel + group, panels)
    for (let inner = 0; inner < k; inner += innerBlock) {
      const depth = min(innerBlock, k - inner)
      for (let panel = firstPanel; panel < lastPanel; panel++) {
        const column = <usize>panel * panelWidth
        const b = pointer(plan, 1) + ((column * k + inner * panelWidth) << 2)
        const columns = min(panelWidth, n - <i32>column)
        const bias = field(plan, 8) != 0 && inner + depth == k ? pointer(plan, 8) + (column << 2) : 0
        for (let r = firstRow; r < lastRow; r++) {
          const a = pointer(plan, 0) + (<usize>(tileRows * (r * k + inner)) << 2)
          const y = pointer(plan, 2) + yRow * (r * tileRows) + (column << 2)
          const rows = min(tileRows, m - r * tileRows)
          // what stands out of y, or is added to it, goes by way of scratch memory
          const direct = rows == tileRows && columns == panelWidth && inner == 0
          const to = direct ? y : scratch
          const toRow = direct ? yRow : panelWidth << 2
          if (isWide) wideTile(a, b, depth, to, toRow)
          else {
            tile(a, b, depth, to, toRow)
            tile(a, b + 32, depth, to + 32, toRow)
          }
          if (!direct || bias) finish(to, toRow, y, yRow, rows, columns, inner > 0, bias)
        }
      }
    }
  }
}
