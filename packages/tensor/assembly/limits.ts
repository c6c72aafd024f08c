/** What the machine can do at most, for benchmarks to compare kernels with: arithmetic that no memory feeds, and copies. */
import { multiplyAdd } from './multiplyAdd'
import { field, pointer } from './walk'

/**
 * s = s m + a in twelve independent chains, 96 operations a loop: enough for two adders and two multipliers of three
 * cycles each, and with both constants as many registers as V8 hands out. The constants come from memory, since V8 would
 * build known ones anew in every loop. Plan: 0 sixteen bytes a unit for the result, 1 loops, 2 m, 3 a (f32).
 */
export function peak(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const m = v128.load32_splat(plan + 8)
  const a = v128.load32_splat(plan + 12)
  for (let unit = begin; unit < end; unit++) {
    let s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a
    let t0 = m, t1 = m, t2 = m, t3 = m, t4 = m, t5 = m
    for (let i = field(plan, 1); i > 0; i--) {
      s0 = multiplyAdd(a, s0, m)
      t0 = multiplyAdd(a, t0, m)
      s1 = multiplyAdd(a, s1, m)
      t1 = multiplyAdd(a, t1, m)
      s2 = multiplyAdd(a, s2, m)
      t2 = multiplyAdd(a, t2, m)
      s3 = multiplyAdd(a, s3, m)
      t3 = multiplyAdd(a, t3, m)
      s4 = multiplyAdd(a, s4, m)
      t4 = multiplyAdd(a, t4, m)
      s5 = multiplyAdd(a, s5, m)
      t5 = multiplyAdd(a, t5, m)
    }
    const s = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5))
    const t = f32x4.add(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)), f32x4.add(t4, t5))
    v128.store(pointer(plan, 0) + (<usize>unit << 4), f32x4.add(s, t))
  }
}

/** Copies 64-byte lines [begin, end). Plan: 0 from, 1 to. */
export function copyLines(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  memory.copy(pointer(plan, 1) + (<usize>begin << 6), pointer(plan, 0) + (<usize>begin << 6), <usize>(end - begin) << 6)
}
