/** Layer norm and its derivative; rows are dense, `length` elements each. */
import { high, low, squaresOf, sumOf, sumOfPair } from './row'
import { splat } from './special'
import { field, pointer, scalar } from './walk'

/**
 * Stores weight z + bias (each 0 for none), z = (x − mean) r, r = 1/√(variance + eps), and returns r. The row is centred
 * in floats, where x − mean loses nothing that x had; the mean is two floats, of which the second is what the first
 * rounds away.
 */
@inline
function normalizeRow(x: usize, weight: usize, bias: usize, y: usize, length: i32, eps: f32): f32 {
  const bytes = <usize>length << 2
  const mean = sumOf(x, length) / length
  const r = <f32>(1 / Math.sqrt(squaresOf(x, length, mean) / length + <f64>eps))
  const m = <f32>mean
  const rest = <f32>(mean - <f64>m)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    let z = f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x + i), splat(m)), splat(rest)), splat(r))
    if (weight) z = f32x4.mul(z, v128.load(weight + i))
    if (bias) z = f32x4.add(z, v128.load(bias + i))
    v128.store(y + i, z)
  }
  for (; i < bytes; i += 4) {
    let z = (load<f32>(x + i) - m - rest) * r
    if (weight) z *= load<f32>(weight + i)
    if (bias) z += load<f32>(bias + i)
    store<f32>(y + i, z)
  }
  return r
}

/**
 * weight (x − mean) / √(variance + eps) + bias. Plan: 0 x, 1 y, 2 length, 3 eps (f32), 4 weight or 0, 5 bias or 0,
 * 6 residual or 0, which is added to x.
 */
export function layerNorm(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const length = field(plan, 2)
  const residual = pointer(plan, 6)
  const bytes = <usize>length << 2
  for (let row = begin; row < end; row++) {
    const x = pointer(plan, 0) + bytes * row
    const y = pointer(plan, 1) + bytes * row
    if (residual) addRow(x, residual + bytes * row, y, bytes)
    normalizeRow(residual ? y : x, pointer(plan, 4), pointer(plan, 5), y, length, scalar(plan, 3))
  }
}

@inline
function addRow(a: usize, b: usize, y: usize, bytes: usize): void {
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)))
  for (; i < bytes; i += 4) store<f32>(y + i, load<f32>(a + i) + load<f32>(b + i))
}

/**
 * r (g − mean g − z mean(g z)), the derivative of layer norm along d: z the normalised row, r = 1/√(variance + eps),
 * g = weight d for the pullback; with the weight behind (plan 7) for the tangent. Plan: 0 d, 1 x, 2 result, 3 length,
 * 4 eps (f32), 5 weight or 0, 6 rows of x, 7 whether the weight comes last, 8 directions: how often d repeats the rows
 * of x. Units are rows of x, so that each is normalised once; scratch holds z.
 */
export function layerNormDerivative(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 3)
  const weight = pointer(plan, 5)
  const last = field(plan, 7) != 0
  const bytes = <usize>length << 2
  for (let row = begin; row < end; row++) {
    const r = normalizeRow(pointer(plan, 1) + bytes * row, 0, 0, scratch, length, scalar(plan, 4))
    for (let direction = 0; direction < field(plan, 8); direction++) {
      const at = bytes * (direction * field(plan, 6) + row)
      derivativeRow(pointer(plan, 0) + at, scratch, r, last ? 0 : weight, last ? weight : 0, pointer(plan, 2) + at, length)
    }
  }
}

/** One direction; `before` and `after` are the weight, at its place, or 0. */
function derivativeRow(d: usize, z: usize, r: f32, before: usize, after: usize, y: usize, length: i32): void {
  const bytes = <usize>length << 2
  let sum = f64x2.splat(0)
  let product = f64x2.splat(0)
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) {
    let g = v128.load(d + i)
    if (before) g = f32x4.mul(g, v128.load(before + i))
    v128.store(y + i, g)
    const gz = f32x4.mul(g, v128.load(z + i))
    sum = f64x2.add(sum, f64x2.add(low(g), high(g)))
    product = f64x2.add(product, f64x2.add(low(gz), high(gz)))
  }
  let total = sumOfPair(sum)
  let inner = sumOfPair(product)
  for (; i < bytes; i += 4) {
    let g = load<f32>(d + i)
    if (before) g *= load<f32>(before + i)
    store<f32>(y + i, g)
    total += <f64>g
    inner += <f64>g * <f64>load<f32>(z + i)
  }
  const gMean = <f32>(total / length)
  const gzMean = <f32>(inner / length)
  for (i = 0; i + 16 <= bytes; i += 16) {
    let v = f32x4.sub(f32x4.sub(v128.load(y + i), splat(gMean)), f32x4.mul(v128.load(z + i), splat(gzMean)))
    v = f32x4.mul(v, splat(r))
    if (after) v = f32x4.mul(v, v128.load(after + i))
    v128.store(y + i, v)
  }
  for (; i < bytes; i += 4) {
    let v = (load<f32>(y + i) - gMean - load<f32>(z + i) * gzMean) * r
    if (after) v *= load<f32>(after + i)
    store<f32>(y + i, v)
  }
}
