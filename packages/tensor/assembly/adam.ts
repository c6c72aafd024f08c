/**
 * One step of Adam and its kin in one pass over each parameter: g' = scale g + decay w, m' = β₁ m + (1 − β₁) g',
 * v' = β₂ v + (1 − β₂) g'², s = w − (decayWith w + rate m' / (√(unbias v') + eps)), w' = s − decayAfter s.
 */
import { multiplyAdd } from './multiplyAdd'
import { loadFew, storeFew } from './row'
import { splat } from './special'
import { field, pointer, scalar } from './walk'

@inline
function read(x: usize, few: i32): v128 {
  return few >= 4 ? v128.load(x) : loadFew(x, few)
}

@inline
function write(y: usize, x: v128, few: i32): void {
  if (few >= 4) v128.store(y, x)
  else storeFew(y, x, few)
}

@inline
function constant(plan: usize, i: i32): v128 {
  return splat(scalar(plan, i))
}

/**
 * Plan: 0 w, 1 m, 2 v, 3 g, 4 w', 5 m', 6 v', 7 elements, then floats: 8 scale, 9 decay, 10 β₁, 11 1 − β₁, 12 β₂,
 * 13 1 − β₂, 14 rate, 15 unbias, 16 eps, 17 decayWith, 18 decayAfter. Units of four elements.
 */
export function adam(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  for (let unit = begin; unit < end; unit++) {
    const at = <usize>unit << 4
    const few = field(plan, 7) - (unit << 2)
    const w = read(pointer(plan, 0) + at, few)
    const scaled = f32x4.mul(constant(plan, 8), read(pointer(plan, 3) + at, few))
    const g = multiplyAdd(scaled, constant(plan, 9), w)
    const m = multiplyAdd(f32x4.mul(constant(plan, 11), g), constant(plan, 10), read(pointer(plan, 1) + at, few))
    const square = f32x4.mul(constant(plan, 13), f32x4.mul(g, g))
    const v = multiplyAdd(square, constant(plan, 12), read(pointer(plan, 2) + at, few))
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(constant(plan, 15), v)), constant(plan, 16))
    const moved = f32x4.div(f32x4.mul(constant(plan, 14), m), root)
    const stepped = f32x4.sub(w, multiplyAdd(moved, constant(plan, 17), w))
    write(pointer(plan, 4) + at, f32x4.sub(stepped, f32x4.mul(constant(plan, 18), stepped)), few)
    write(pointer(plan, 5) + at, m, few)
    write(pointer(plan, 6) + at, v, few)
  }
}
