/**
 * Scores of sums of rows, and what they pull back: s[i, f] = dense[i, f] + Σ_m table_m[index[i, m], f] through ReLU to a
 * number.
 */
import { multiplyAdd } from './multiplyAdd'
import { dropoutFields, drops, keepMargin, keepRow } from './dropout'
import { high, low } from './row'
import { splat } from './special'
import { field, pointer } from './walk'

/** x *= y. */
@inline
function multiplyRow(x: usize, y: usize, length: i32): void {
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = (<usize>i) << 2
    v128.store(x + at, f32x4.mul(v128.load(x + at), v128.load(y + at)))
  }
  for (; i < length; i++) {
    const at = (<usize>i) << 2
    store<f32>(x + at, load<f32>(x + at) * load<f32>(y + at))
  }
}

/** Where the tables' rows of row i begin, into scratch: a word for each table. */
@inline
function findRows(tables: usize, index: usize, count: i32, bytes: usize, to: usize): void {
  for (let m = 0; m < count; m++) {
    store<usize>(to + ((<usize>m) << 2), pointer(tables, m) + bytes * load<i32>(index + ((<usize>m) << 2)))
  }
}

/**
 * y[i] = Σ_f max(0, s[i, f]) keep[i, f] weight[f].
 * Plan: 0 dense, 1 index, 2 weight, 3 y, 4 length of the rows, 5 number of tables, 6 … dropout, then the tables; units: rows of
 * dense; scratch: a word for each table, then a row with `keepMargin`.
 */
export function rowScores(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 4)
  const count = field(plan, 5)
  const bytes = (<usize>length) << 2
  const whole = length & ~15
  const lastRow = scratch + ((<usize>count) << 2)
  const isDropped = drops(plan, 6)
  for (let i = begin; i < end; i++) {
    const dense = pointer(plan, 0) + bytes * i
    findRows(plan + ((6 + dropoutFields) << 2), pointer(plan, 1) + ((<usize>i * count) << 2), count, bytes, scratch)
    let weight = pointer(plan, 2)
    if (isDropped) {
      const keep = keepRow(plan, 6, <i64>i * length, lastRow, length)
      multiplyRow(keep, weight, length)
      weight = keep
    }
    let total = f32x4.splat(0)
    let f = 0
    for (; f < whole; f += 16) {
      const at = (<usize>f) << 2
      let s0 = v128.load(dense + at)
      let s1 = v128.load(dense + at, 16)
      let s2 = v128.load(dense + at, 32)
      let s3 = v128.load(dense + at, 48)
      for (let place = scratch; place < lastRow; place += 4) {
        const row = load<usize>(place) + at
        s0 = f32x4.add(s0, v128.load(row))
        s1 = f32x4.add(s1, v128.load(row, 16))
        s2 = f32x4.add(s2, v128.load(row, 32))
        s3 = f32x4.add(s3, v128.load(row, 48))
      }
      const zero = f32x4.splat(0)
      const low = f32x4.mul(f32x4.max(s0, zero), v128.load(weight + at))
      const high = f32x4.mul(f32x4.max(s2, zero), v128.load(weight + at, 32))
      total = f32x4.add(total, multiplyAdd(low, f32x4.max(s1, zero), v128.load(weight + at, 16)))
      total = f32x4.add(total, multiplyAdd(high, f32x4.max(s3, zero), v128.load(weight + at, 48)))
    }
    let sum =
      f32x4.extract_lane(total, 0) +
      f32x4.extract_lane(total, 1) +
      (f32x4.extract_lane(total, 2) + f32x4.extract_lane(total, 3))
    for (; f < length; f++) {
      const at = (<usize>f) << 2
      sum += max(<f32>0, sumAt(dense, scratch, lastRow, at)) * load<f32>(weight + at)
    }
    store<f32>(pointer(plan, 3) + ((<usize>i) << 2), sum)
  }
}

/** s at one place. */
@inline
function sumAt(dense: usize, rows: usize, lastRow: usize, at: usize): f32 {
  let s = load<f32>(dense + at)
  for (let place = rows; place < lastRow; place += 4) s += load<f32>(load<usize>(place) + at)
  return s
}

/** The same four times. */
@inline
function sums4At(dense: usize, rows: usize, lastRow: usize, at: usize): v128 {
  let s = v128.load(dense + at)
  for (let place = rows; place < lastRow; place += 4) s = f32x4.add(s, v128.load(load<usize>(place) + at))
  return s
}

/** One row of the pullback. `keep` is 0 where everything stays; `rows` and `ownRows` end where the next begins. */
@inline
function pullRow(
  dense: usize,
  to: usize,
  weight: usize,
  d: f32,
  keep: usize,
  sums: usize,
  rows: usize,
  ownRows: usize,
  columns: i32,
): void {
  const zero = splat(0)
  const endOfOwn = ownRows + (ownRows - rows)
  let f = 0
  for (; f + 4 <= columns; f += 4) {
    const at = (<usize>f) << 2
    const s = sums4At(dense, rows, ownRows, at)
    let factor = splat(d)
    if (keep) factor = f32x4.mul(factor, v128.load(keep + at))
    const pulled = v128.and(f32x4.mul(factor, v128.load(weight + at)), f32x4.gt(s, zero))
    v128.store(to + at, pulled)
    for (let place = ownRows; place < endOfOwn; place += 4) {
      const own = load<usize>(place) + at
      v128.store(own, f32x4.add(v128.load(own), pulled))
    }
    const share = f32x4.mul(factor, f32x4.max(s, zero))
    const sum = sums + (at << 1)
    v128.store(sum, f64x2.add(v128.load(sum), low(share)))
    v128.store(sum, f64x2.add(v128.load(sum, 16), high(share)), 16)
  }
  for (; f < columns; f++) {
    const at = (<usize>f) << 2
    const s = sumAt(dense, rows, ownRows, at)
    const factor = keep ? d * load<f32>(keep + at) : d
    const pulled: f32 = s > 0 ? factor * load<f32>(weight + at) : 0
    store<f32>(to + at, pulled)
    for (let place = ownRows; place < endOfOwn; place += 4) {
      const own = load<usize>(place) + at
      store<f32>(own, load<f32>(own) + pulled)
    }
    const sum = sums + (at << 1)
    store<f64>(sum, load<f64>(sum) + <f64>(factor * max(<f32>0, s)))
  }
}

/**
 * Along d[i]: dense'[i, f] = d[i] keep[i, f] weight[f] where s[i, f] > 0, table_m'[r, f] = Σ over i with index[i, m] = r
 * of that, weight'[f] = Σ_i d[i] keep[i, f] max(0, s[i, f]). Sums are taken in the order of i, that of the weight in f64.
 * Plan: 0 dense, 1 index, 2 weight, 3 d, 4 length of the rows, 5 number of tables, 6 … dropout, then rows of dense, dense',
 * weight', then for each table: itself, table', its rows; units: columns, so that no two threads add to one place;
 * scratch: two words for each table, then f64 sums of the columns, then a row of them with `keepMargin`.
 */
export function rowScoresPullback(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 4)
  const count = field(plan, 5)
  const bytes = (<usize>length) << 2
  const rest = plan + ((6 + dropoutFields) << 2)
  const tables = rest + (3 << 2)
  const n = field(rest, 0)
  const columns = end - begin
  const rows = scratch
  const ownRows = scratch + ((<usize>count) << 2)
  const sums = scratch + ((<usize>count) << 3)
  const keepAt = sums + ((<usize>columns) << 3)
  const from = (<usize>begin) << 2
  const isDropped = drops(plan, 6)
  memory.fill(sums, 0, (<usize>columns) << 3)
  for (let m = 0; m < count; m++) {
    const own = pointer(tables, 3 * m + 1) + from
    for (let r = 0; r < field(tables, 3 * m + 2); r++) memory.fill(own + bytes * r, 0, (<usize>columns) << 2)
  }
  for (let i = 0; i < n; i++) {
    const dense = pointer(plan, 0) + bytes * i + from
    const to = pointer(rest, 1) + bytes * i + from
    for (let m = 0; m < count; m++) {
      const at = (<usize>m) << 2
      const row = bytes * load<i32>(pointer(plan, 1) + ((<usize>i * count) << 2) + at) + from
      store<usize>(rows + at, pointer(tables, 3 * m) + row)
      store<usize>(ownRows + at, pointer(tables, 3 * m + 1) + row)
    }
    const d = load<f32>(pointer(plan, 3) + ((<usize>i) << 2))
    const keep = isDropped ? keepRow(plan, 6, <i64>i * length + begin, keepAt, columns) : 0
    pullRow(dense, to, pointer(plan, 2) + from, d, keep, sums, rows, ownRows, columns)
  }
  for (let f = 0; f < columns; f++) {
    store<f32>(pointer(rest, 2) + from + ((<usize>f) << 2), <f32>load<f64>(sums + ((<usize>f) << 3)))
  }
}
