/** Kernels that take a row at a time; rows are dense, `length` elements each. Sums are taken in f64, in two pairs of lanes. */
import { exp4, splat } from './special'
import { field, pointer, scalar } from './walk'

/** Σ x of a row. */
@inline
function sumOf(x: usize, length: i32): f64 {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const v = v128.load(x + (<usize>i << 2))
    low = f64x2.add(low, f64x2.promote_low_f32x4(v))
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3)))
  }
  low = f64x2.add(low, high)
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)
  for (; i < length; i++) sum += <f64>load<f32>(x + (<usize>i << 2))
  return sum
}

/** The largest element, NaN if there is one; −∞ of nothing. */
function maxOf(x: usize, length: i32): f32 {
  let top = splat(-Infinity)
  let i = 0
  for (; i + 4 <= length; i += 4) top = f32x4.max(top, v128.load(x + (<usize>i << 2)))
  let y = max(
    max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)),
    max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
  )
  for (; i < length; i++) y = max(y, load<f32>(x + (<usize>i << 2)))
  return y
}

function minOf(x: usize, length: i32): f32 {
  let y: f32 = Infinity
  for (let i = 0; i < length; i++) y = min(y, load<f32>(x + (<usize>i << 2)))
  return y
}

/** Stores e^(x − top) and returns the sum. */
function expRow(x: usize, y: usize, length: i32, top: f32): f64 {
  const shift = splat(top)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const at = <usize>i << 2
    v128.store(y + at, exp4(f32x4.sub(v128.load(x + at), shift)))
  }
  for (; i < length; i++) {
    const at = <usize>i << 2
    store<f32>(y + at, f32x4.extract_lane(exp4(f32x4.sub(v128.load32_splat(x + at), shift)), 0))
  }
  return sumOf(y, length)
}

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
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    const y = pointer(plan, 1) + (<usize>row * length << 2)
    const mask = pointer(plan, 3) + <usize>row * length
    let top: f32 = -Infinity
    let kept = 0
    for (let i = 0; i < length; i++) {
      if (!load<u8>(mask + i)) continue
      top = max(top, load<f32>(x + (<usize>i << 2)))
      kept++
    }
    let sum: f64 = 0
    for (let i = 0; i < length; i++) {
      let e: f32 = 0
      if (load<u8>(mask + i)) {
        e = f32x4.extract_lane(exp4(f32x4.sub(v128.load32_splat(x + (<usize>i << 2)), splat(top))), 0)
        sum += <f64>e
      }
      store<f32>(y + (<usize>i << 2), e)
    }
    if (kept == 0) continue
    const scale = <f32>(1 / sum)
    for (let i = 0; i < length; i++) {
      if (load<u8>(mask + i)) store<f32>(y + (<usize>i << 2), load<f32>(y + (<usize>i << 2)) * scale)
    }
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
  let sum: f64 = 0
  for (let i: usize = 0; i < <usize>length << 2; i += 4) sum += <f64>load<f32>(d + i) * <f64>load<f32>(y + i)
  const mean = <f32>sum
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

/** Plan: 0 x, 1 y, 2 length, 3 operation (0 sum, 1 max, 2 min, 3 logSumExp); scratch holds a row for logSumExp. */
export function reduce(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 2)
  const operation = field(plan, 3)
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + (<usize>row * length << 2)
    let y: f32 = 0
    if (operation == 0) y = <f32>sumOf(x, length)
    else if (operation == 1) y = maxOf(x, length)
    else if (operation == 2) y = minOf(x, length)
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

/** Σ (x − mean)² of a row, in f64. */
@inline
function squaresOf(x: usize, length: i32, mean: f64): f64 {
  const m = f64x2.splat(mean)
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const v = v128.load(x + (<usize>i << 2))
    const p = f64x2.sub(f64x2.promote_low_f32x4(v), m)
    const q = f64x2.sub(f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3)), m)
    low = f64x2.add(low, f64x2.mul(p, p))
    high = f64x2.add(high, f64x2.mul(q, q))
  }
  low = f64x2.add(low, high)
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1)
  for (; i < length; i++) {
    const d = <f64>load<f32>(x + (<usize>i << 2)) - mean
    sum += d * d
  }
  return sum
}

/**
 * weight (x − mean) / √(variance + eps) + bias. Plan: 0 x, 1 y, 2 length, 3 eps (f32), 4 weight or 0, 5 bias or 0. The
 * row is centred in floats: x − mean loses nothing that x had.
 */
export function layerNorm(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const weight = pointer(plan, 4)
  const bias = pointer(plan, 5)
  const bytes = <usize>length << 2
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + bytes * row
    const y = pointer(plan, 1) + bytes * row
    const mean = sumOf(x, length) / length
    const scale = 1 / Math.sqrt(squaresOf(x, length, mean) / length + <f64>scalar(plan, 3))
    // (x − m) r with m in two floats: the second part is what the first rounds away
    const m = splat(<f32>mean)
    const rest = splat(<f32>(mean - <f64>(<f32>mean)))
    const r = splat(<f32>scale)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) {
      let z = f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x + i), m), rest), r)
      if (weight) z = f32x4.mul(z, v128.load(weight + i))
      if (bias) z = f32x4.add(z, v128.load(bias + i))
      v128.store(y + i, z)
    }
    for (; i < bytes; i += 4) {
      let z = (load<f32>(x + i) - <f32>mean - <f32>(mean - <f64>(<f32>mean))) * <f32>scale
      if (weight) z *= load<f32>(weight + i)
      if (bias) z += load<f32>(bias + i)
      store<f32>(y + i, z)
    }
  }
}

/**
 * r (g − mean g − z mean(g z)), the derivative of layer norm along d: z the normalised row, r = 1/√(variance + eps),
 * g = weight d for the pullback; with weight behind (plan 7) for the tangent. Plan: 0 d, 1 x, 2 result, 3 length,
 * 4 eps (f32), 5 weight or 0, 6 rows of x (d may have more), 7 whether the weight comes last.
 */
export function layerNormDerivative(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 3)
  const weight = pointer(plan, 5)
  const before = weight != 0 && field(plan, 7) == 0
  const after = weight != 0 && field(plan, 7) != 0
  const bytes = <usize>length << 2
  const z = scratch
  for (let row = begin; row < end; row++) {
    const d = pointer(plan, 0) + bytes * row
    const x = pointer(plan, 1) + bytes * (row % field(plan, 6))
    const y = pointer(plan, 2) + bytes * row
    const mean = sumOf(x, length) / length
    const scale = 1 / Math.sqrt(squaresOf(x, length, mean) / length + <f64>scalar(plan, 4))
    const m = splat(<f32>mean)
    const r = splat(<f32>scale)
    let sum = f64x2.splat(0)
    let product = f64x2.splat(0)
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) {
      let g = v128.load(d + i)
      if (before) g = f32x4.mul(g, v128.load(weight + i))
      const zi = f32x4.mul(f32x4.sub(v128.load(x + i), m), r)
      v128.store(z + i, zi)
      v128.store(y + i, g)
      const gz = f32x4.mul(g, zi)
      sum = f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(g), f64x2.promote_low_f32x4(v128.shuffle<f32>(g, g, 2, 3, 2, 3))))
      product = f64x2.add(product, f64x2.add(f64x2.promote_low_f32x4(gz), f64x2.promote_low_f32x4(v128.shuffle<f32>(gz, gz, 2, 3, 2, 3))))
    }
    let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
    let inner = f64x2.extract_lane(product, 0) + f64x2.extract_lane(product, 1)
    for (; i < bytes; i += 4) {
      let g = load<f32>(d + i)
      if (before) g *= load<f32>(weight + i)
      const zi = <f32>((<f64>load<f32>(x + i) - mean) * scale)
      store<f32>(z + i, zi)
      store<f32>(y + i, g)
      total += <f64>g
      inner += <f64>g * <f64>zi
    }
    const gMean = <f32>(total / length)
    const gzMean = <f32>(inner / length)
    for (i = 0; i + 16 <= bytes; i += 16) {
      let v = f32x4.sub(f32x4.sub(v128.load(y + i), splat(gMean)), f32x4.mul(v128.load(z + i), splat(gzMean)))
      v = f32x4.mul(v, r)
      if (after) v = f32x4.mul(v, v128.load(weight + i))
      v128.store(y + i, v)
    }
    for (; i < bytes; i += 4) {
      let v = (load<f32>(y + i) - gMean - load<f32>(z + i) * gzMean) * <f32>scale
      if (after) v *= load<f32>(weight + i)
      store<f32>(y + i, v)
    }
  }
}

