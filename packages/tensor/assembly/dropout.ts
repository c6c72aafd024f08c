/**
 * Which elements dropout keeps: Philox4x32-10 (Salmon et al. 2011) with the position as counter, so that the mask is made
 * anew wherever it is needed. Element i has word i mod 4 of block ⌊i / 4⌋.
 *
 * Fields of a plan: 0 whether anything is dropped, 1 and 2 the key, 3 the third word of the counter, 4 the least of the
 * 24 upper bits of a word that is kept, 5 what kept elements are multiplied by.
 */
import { splat } from './special'
import { field, pointer, scalar } from './walk'

/** The number of fields. */
export const dropoutFields = 6

/** Elements that are made together. */
const group = 16
/** What `keepRow` may write before and behind the row, in elements. */
export const keepMargin = 2 * group

/** Whether a plan drops anything; its fields begin at `at`. */
@inline
export function drops(plan: usize, at: i32): bool {
  return field(plan, at) != 0
}

/** The upper halves of four products. */
@inline
function upper(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7)
}

/** The lower halves. */
@inline
function lower(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6)
}

/** The factor of kept words, 0 of others. */
@inline
function factorOf(words: v128, least: v128, factor: v128): v128 {
  return v128.and(factor, i32x4.ge_u(i32x4.shr_u(words, 8), least))
}

/**
 * Writes the factors of the elements [start, start + n): 0 where dropped. Whole groups are written, so `to` needs
 * `keepMargin` elements more than n.
 *
 * @returns where the first of them is
 */
export function keepRow(plan: usize, at: i32, start: i64, to: usize, n: i32): usize {
  const m0 = i32x4.splat(0xd2511f53)
  const m1 = i32x4.splat(0xcd9e8d57)
  const least = i32x4.splat(field(plan, at + 4))
  const factor = splat(scalar(plan, at + 5))
  const ahead = <i32>(start & (group - 1))
  let block = (start - ahead) >> 2
  for (let done = 0; done < ahead + n; done += group, block += 4) {
    let c0 = i32x4.add(i32x4.splat(<i32>block), i32x4(0, 1, 2, 3))
    let c1 = i32x4.splat(<i32>(block >> 32))
    let c2 = i32x4.splat(field(plan, at + 3))
    let c3 = i32x4.splat(0)
    let k0 = field(plan, at + 1)
    let k1 = field(plan, at + 2)
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(c0, m0)
      const b = i64x2.extmul_high_i32x4_u(c0, m0)
      const c = i64x2.extmul_low_i32x4_u(c2, m1)
      const d = i64x2.extmul_high_i32x4_u(c2, m1)
      c0 = v128.xor(v128.xor(upper(c, d), c1), i32x4.splat(k0))
      c1 = lower(c, d)
      c2 = v128.xor(v128.xor(upper(a, b), c3), i32x4.splat(k1))
      c3 = lower(a, b)
      k0 += 0x9e3779b9
      k1 += 0xbb67ae85
    }
    const place = to + ((<usize>done) << 2)
    // words of one block side by side
    const p = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
    const q = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
    const r = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
    const s = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
    v128.store(place, factorOf(v128.shuffle<i64>(p, q, 0, 2), least, factor))
    v128.store(place, factorOf(v128.shuffle<i64>(p, q, 1, 3), least, factor), 16)
    v128.store(place, factorOf(v128.shuffle<i64>(r, s, 0, 2), least, factor), 32)
    v128.store(place, factorOf(v128.shuffle<i64>(r, s, 1, 3), least, factor), 48)
  }
  return to + ((<usize>ahead) << 2)
}

/**
 * y = x times what the element at this position, modulo the period, is multiplied by; 0 where it is dropped, whatever x.
 * Plan: 0 x, 1 y, 2 period, 3 … dropout; units: elements; scratch: a row of a chunk's length with `keepMargin`.
 */
export function dropout(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const period = field(plan, 2)
  const zero = splat(0)
  for (let done = begin; done < end; ) {
    const position = done % period
    const n = min(end - done, period - position)
    const keep = keepRow(plan, 3, position, scratch, n)
    const x = pointer(plan, 0) + ((<usize>done) << 2)
    const y = pointer(plan, 1) + ((<usize>done) << 2)
    let i = 0
    for (; i + 4 <= n; i += 4) {
      const at = (<usize>i) << 2
      const factor = v128.load(keep + at)
      v128.store(y + at, v128.and(f32x4.mul(v128.load(x + at), factor), f32x4.ne(factor, zero)))
    }
    for (; i < n; i++) {
      const at = (<usize>i) << 2
      const factor = load<f32>(keep + at)
      store<f32>(y + at, factor == 0 ? 0 : load<f32>(x + at) * factor)
    }
    done += n
  }
}
