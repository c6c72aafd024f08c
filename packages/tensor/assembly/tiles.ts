/**
 * Tiles of a product of packed matrices: twelve sums, of 128 or of 256 bits, that keep both units of fused multiply-add
 * busy (four cycles each). With no register for a product in between V8 keeps them all. Every element is summed in the
 * order of k from 0, so that tiles of both kinds give the same bits.
 */
import { multiplyAdd } from './multiplyAdd'

export const tileRows = 6

/**
 * y[0..5, 0..7] from a panel of a and half a panel of b, k ≥ 1. Nothing but the sums: where a bias or a branch follows, V8
 * wants one register more and spills a sum in every round of the loop, which costs two fifths of the speed. So does
 * unrolling. The first column stands in front of the loop, because V8 keeps the addresses of a's six elements in
 * registers only where they are used before it: four instructions of thirty a round, which shows where a core is shared.
 */
export function tile(a: usize, b: usize, k: i32, y: usize, yRow: usize): void {
  const end = b + (<usize>k << 6)
  const none = f32x4.splat(0)
  let b0 = v128.load(b)
  let b1 = v128.load(b, 16)
  let p = v128.load32_splat(a)
  let s0 = multiplyAdd(none, p, b0), t0 = multiplyAdd(none, p, b1)
  p = v128.load32_splat(a, 4)
  let s1 = multiplyAdd(none, p, b0), t1 = multiplyAdd(none, p, b1)
  p = v128.load32_splat(a, 8)
  let s2 = multiplyAdd(none, p, b0), t2 = multiplyAdd(none, p, b1)
  p = v128.load32_splat(a, 12)
  let s3 = multiplyAdd(none, p, b0), t3 = multiplyAdd(none, p, b1)
  p = v128.load32_splat(a, 16)
  let s4 = multiplyAdd(none, p, b0), t4 = multiplyAdd(none, p, b1)
  p = v128.load32_splat(a, 20)
  let s5 = multiplyAdd(none, p, b0), t5 = multiplyAdd(none, p, b1)
  for (a += 24, b += 64; b < end; a += 24, b += 64) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    p = v128.load32_splat(a)
    s0 = multiplyAdd(s0, p, b0)
    t0 = multiplyAdd(t0, p, b1)
    p = v128.load32_splat(a, 4)
    s1 = multiplyAdd(s1, p, b0)
    t1 = multiplyAdd(t1, p, b1)
    p = v128.load32_splat(a, 8)
    s2 = multiplyAdd(s2, p, b0)
    t2 = multiplyAdd(t2, p, b1)
    p = v128.load32_splat(a, 12)
    s3 = multiplyAdd(s3, p, b0)
    t3 = multiplyAdd(t3, p, b1)
    p = v128.load32_splat(a, 16)
    s4 = multiplyAdd(s4, p, b0)
    t4 = multiplyAdd(t4, p, b1)
    p = v128.load32_splat(a, 20)
    s5 = multiplyAdd(s5, p, b0)
    t5 = multiplyAdd(t5, p, b1)
  }
  v128.store(y, s0)
  v128.store(y, t0, 16)
  y += yRow
  v128.store(y, s1)
  v128.store(y, t1, 16)
  y += yRow
  v128.store(y, s2)
  v128.store(y, t2, 16)
  y += yRow
  v128.store(y, s3)
  v128.store(y, t3, 16)
  y += yRow
  v128.store(y, s4)
  v128.store(y, t4, 16)
  y += yRow
  v128.store(y, s5)
  v128.store(y, t5, 16)
}

/**
 * y[0..5, 0..15]: the sums of four vectors of 128 bits a row, which V8, where it may, turns into two of 256 bits. Then they
 * are twelve, and twice as fast; where it may not they are twenty-four, most of them spilled.
 */
export function wideTile(a: usize, b: usize, k: i32, y: usize, yRow: usize): void {
  let s0 = f32x4.splat(0), t0 = f32x4.splat(0), u0 = f32x4.splat(0), w0 = f32x4.splat(0)
  let s1 = f32x4.splat(0), t1 = f32x4.splat(0), u1 = f32x4.splat(0), w1 = f32x4.splat(0)
  let s2 = f32x4.splat(0), t2 = f32x4.splat(0), u2 = f32x4.splat(0), w2 = f32x4.splat(0)
  let s3 = f32x4.splat(0), t3 = f32x4.splat(0), u3 = f32x4.splat(0), w3 = f32x4.splat(0)
  let s4 = f32x4.splat(0), t4 = f32x4.splat(0), u4 = f32x4.splat(0), w4 = f32x4.splat(0)
  let s5 = f32x4.splat(0), t5 = f32x4.splat(0), u5 = f32x4.splat(0), w5 = f32x4.splat(0)
  for (const end = b + (<usize>k << 6); b < end; a += 24, b += 64) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    let p = v128.load32_splat(a)
    s0 = multiplyAdd(s0, p, b0)
    t0 = multiplyAdd(t0, p, b1)
    u0 = multiplyAdd(u0, p, b2)
    w0 = multiplyAdd(w0, p, b3)
    p = v128.load32_splat(a, 4)
    s1 = multiplyAdd(s1, p, b0)
    t1 = multiplyAdd(t1, p, b1)
    u1 = multiplyAdd(u1, p, b2)
    w1 = multiplyAdd(w1, p, b3)
    p = v128.load32_splat(a, 8)
    s2 = multiplyAdd(s2, p, b0)
    t2 = multiplyAdd(t2, p, b1)
    u2 = multiplyAdd(u2, p, b2)
    w2 = multiplyAdd(w2, p, b3)
    p = v128.load32_splat(a, 12)
    s3 = multiplyAdd(s3, p, b0)
    t3 = multiplyAdd(t3, p, b1)
    u3 = multiplyAdd(u3, p, b2)
    w3 = multiplyAdd(w3, p, b3)
    p = v128.load32_splat(a, 16)
    s4 = multiplyAdd(s4, p, b0)
    t4 = multiplyAdd(t4, p, b1)
    u4 = multiplyAdd(u4, p, b2)
    w4 = multiplyAdd(w4, p, b3)
    p = v128.load32_splat(a, 20)
    s5 = multiplyAdd(s5, p, b0)
    t5 = multiplyAdd(t5, p, b1)
    u5 = multiplyAdd(u5, p, b2)
    w5 = multiplyAdd(w5, p, b3)
  }
  storeLine(y, s0, t0, u0, w0)
  storeLine(y + yRow, s1, t1, u1, w1)
  storeLine(y + yRow * 2, s2, t2, u2, w2)
  storeLine(y + yRow * 3, s3, t3, u3, w3)
  storeLine(y + yRow * 4, s4, t4, u4, w4)
  storeLine(y + yRow * 5, s5, t5, u5, w5)
}

@inline
function storeLine(y: usize, s: v128, t: v128, u: v128, w: v128): void {
  v128.store(y, s)
  v128.store(y, t, 16)
  v128.store(y, u, 32)
  v128.store(y, w, 48)
}
