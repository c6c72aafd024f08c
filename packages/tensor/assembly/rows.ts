/** Kernels that take a row at a time; rows are dense, `length` elements each. */
import { bytes4, dotOf, expRow, maxOf, minOf, squaresOf, sumOf } from './row'
import { splat } from './special'
import { field, pointer } from './walk'

function scaleRow(y: usize, length: i32, factor: f32): void {
  const scale = splat(factor)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = y + (<usize>i << 2)
    v128.store(at, f32x4.mul(v128.load(at), scale))
  }
  for (; i < length; i++) store<f32>(y + (<usize>i << 2), load<f32>(y + (<usize>i << 2)) * factor)
}

/** Softmax of one row; also for attention. */
export function softmaxRow(x: usize, y: usize, length: i32): void {
  const sum = expRow(x, y, length, maxOf(x, length))
  scaleRow(y, length, <f32>(1 / sum))
}

/** Plan: 0 x, 1 y, 2 length. */
export function softmax(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const bytes = <usize>length << 2
  for (let row = begin; row < end; row++) {
    softmaxRow(pointer(plan, 0) + bytes * row, pointer(plan, 1) + bytes * row, length)
  }
}

/** Plan: 0 x, 1 y, 2 length, 3 mask (bytes, one per element). Entries that are masked out, and empty rows, are 0. */
export function maskedSoftmax(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  for (let row = begin; row < end; row++) {
    const at = <usize>row * length
    const y = pointer(plan, 1) + (at << 2)
    const mask = pointer(plan, 3) + at
    // what is masked out counts as −∞, and is 0 in the end even where −∞ is all that was kept, which gives NaN
    keep(pointer(plan, 0) + (at << 2), mask, y, length, -Infinity)
    softmaxRow(y, y, length)
    keep(y, mask, y, length, 0)
  }
}

/** y = mask ? x : other. */
@inline
function keep(x: usize, mask: usize, y: usize, length: i32, other: f32): void {
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = <usize>i << 2
    const kept = i32x4.ne(bytes4(mask + i), splat(0))
    v128.store(y + at, v128.bitselect(v128.load(x + at), splat(other), kept))
  }
  for (; i < length; i++) {
    const at = <usize>i << 2
    store<f32>(y + at, load<u8>(mask + i) ? load<f32>(x + at) : other)
  }
}

/** y (d − Σ d y): the derivative of softmax along d. Plan: 0 d, 1 y, 2 result, 3 length, 4 rows of y (d may have more). */
export function softmaxDerivative(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 3)
  const bytes = <usize>length << 2
  for (let row = begin; row < end; row++) {
    softmaxDerivativeRow(
      pointer(plan, 0) + bytes * row,
      pointer(plan, 1) + bytes * (row % field(plan, 4)),
      pointer(plan, 2) + bytes * row,
      length,
    )
  }
}

export function softmaxDerivativeRow(d: usize, y: usize, to: usize, length: i32): void {
  const mean = <f32>dotOf(d, y, length)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = <usize>i << 2
    v128.store(to + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(d + at), splat(mean))))
  }
  for (; i < length; i++) {
    const at = <usize>i << 2
    store<f32>(to + at, load<f32>(y + at) * (load<f32>(d + at) - mean))
  }
}

/** Plan: 0 x, 1 y, 2 length, 3 operation (0 sum, 1 max, 2 min, 3 logSumExp, 4 sum of squares); scratch holds a row for logSumExp. */
export function reduce(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 2)
  const operation = field(plan, 3)
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    let y: f32 = 0
    if (operation == 0) y = <f32>sumOf(x, length)
    else if (operation == 1) y = maxOf(x, length)
    else if (operation == 2) y = minOf(x, length)
    else if (operation == 4) y = <f32>squaresOf(x, length, 0)
    else {
      y = maxOf(x, length)
      // ±∞ and NaN are the answer
      if (abs(y) < Infinity) y = <f32>(<f64>y + Math.log(expRow(x, scratch, length, y)))
    }
    store<f32>(pointer(plan, 1) + (<usize>row << 2), y)
  }
}

/** The same for integers; sums modulo 2³². */
export function reduceInt(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const operation = field(plan, 3)
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    let y = operation == 0 || length == 0 ? 0 : load<i32>(x)
    for (let i = 0; i < length; i++) {
      const v = load<i32>(x + (<usize>i << 2))
      y = operation == 0 ? y + v : operation == 1 ? max(y, v) : min(y, v)
    }
    store<i32>(pointer(plan, 1) + (<usize>row << 2), y)
  }
}

/**
 * Sums of parts of long rows, so that threads share a row; a unit is a part. Plan: 0 x, 1 sums (f64), 2 length,
 * 3 elements a part, 4 whether of squares.
 */
export function sumParts(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const part = field(plan, 3)
  const parts = (length + part - 1) / part
  for (let unit = begin; unit < end; unit++) {
    const first = (unit % parts) * part
    const x = pointer(plan, 0) + ((<usize>(unit / parts) * length + first) << 2)
    const n = min(part, length - first)
    store<f64>(pointer(plan, 1) + (<usize>unit << 3), field(plan, 4) != 0 ? squaresOf(x, n, 0) : sumOf(x, n))
  }
}

/** Sums over the rows of a matrix, kept columns [begin, end). Plan: 0 x, 1 y, 2 rows, 3 stride of rows; f64 sums. */
export function sumColumns(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const rows = field(plan, 2)
  const stride = <usize>field(plan, 3) << 2
  const n = end - begin
  memory.fill(scratch, 0, <usize>n << 3)
  let x = pointer(plan, 0) + (<usize>begin << 2)
  for (let row = 0; row < rows; row++, x += stride) {
    for (let i = 0; i < n; i++) {
      const at = scratch + (<usize>i << 3)
      store<f64>(at, load<f64>(at) + <f64>load<f32>(x + (<usize>i << 2)))
    }
  }
  for (let i = 0; i < n; i++) {
    store<f32>(pointer(plan, 1) + (<usize>(begin + i) << 2), <f32>load<f64>(scratch + (<usize>i << 3)))
  }
}

@inline
function extreme<T>(x: usize, length: i32, largest: bool): i32 {
  let at = 0
  for (let i = 0; i < length; i++) {
    const v = load<T>(x + (<usize>i << 2))
    if (v != v) return i
    const best = load<T>(x + (<usize>at << 2))
    if (largest ? v > best : v < best) at = i
  }
  return at
}

/** The place of the first extreme. Plan: 0 x, 1 y, 2 length, 3 whether the largest, 4 whether integers. */
export function argReduce(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const largest = field(plan, 3) != 0
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    const at = field(plan, 4) ? extreme<i32>(x, length, largest) : extreme<f32>(x, length, largest)
    store<i32>(pointer(plan, 1) + (<usize>row << 2), at)
  }
}

/** Running sums. Plan: 0 x, 1 y, 2 length, 3 whether integers. */
export function cumsum(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    const y = pointer(plan, 1) + (<usize>row * length << 2)
    let sum: f64 = 0
    let whole = 0
    for (let i: usize = 0; i < <usize>length << 2; i += 4) {
      if (field(plan, 3)) store<i32>(y + i, (whole += load<i32>(x + i)))
      else store<f32>(y + i, <f32>(sum += <f64>load<f32>(x + i)))
    }
  }
}
