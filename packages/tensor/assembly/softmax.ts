/** Softmax of rows that stay in the cache, and its derivative; rows are dense, `length` a multiple of four. */
import { dotOf, high, low, maxOf, sumOfPair } from './row'
import { expOfNegative4, splat } from './special'

/** softmax(scale x + mask) in place; zeros where that is −∞ throughout. */
export function softmaxInPlace(x: usize, mask: usize, length: i32, scale: v128): void {
  const end = x + (<usize>length << 2)
  for (let at = x; at < end; at += 16, mask += 16) {
    v128.store(at, f32x4.add(f32x4.mul(v128.load(at), scale), v128.load(mask)))
  }
  const top = maxOf(x, length)
  if (top == -Infinity) {
    memory.fill(x, 0, end - x)
    return
  }
  const shift = splat(top)
  let p = f64x2.splat(0)
  let q = f64x2.splat(0)
  for (let at = x; at < end; at += 16) {
    const e = expOfNegative4(f32x4.sub(v128.load(at), shift))
    v128.store(at, e)
    p = f64x2.add(p, low(e))
    q = f64x2.add(q, high(e))
  }
  const factor = splat(<f32>(1 / sumOfPair(f64x2.add(p, q))))
  for (let at = x; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factor))
}

/** d becomes scale p ∘ (d − ⟨d, p⟩), softmax's derivative along it. */
export function softmaxDerivativeInPlace(d: usize, p: usize, length: i32, scale: v128): void {
  const mean = splat(<f32>dotOf(d, p, length))
  const bytes = <usize>length << 2
  for (let i: usize = 0; i < bytes; i += 16) {
    const factor = f32x4.mul(v128.load(p + i), scale)
    v128.store(d + i, f32x4.mul(factor, f32x4.sub(v128.load(d + i), mean)))
  }
}
