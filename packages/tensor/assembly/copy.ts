/** Copies of strided operands, and conversions of their dtypes. */
import { storeTruths, wrapped } from './elementwise'
import { bytes4 } from './row'
import { splat } from './special'
import { walk } from './walk'

/** Conversions: 0 words, 1 bytes, 2 f32 to i32, 3 i32 to f32, 4 f32 to bool, 5 i32 to bool, 6 bool to i32, 7 bool to f32. */
function copyRun(operation: i32, x: usize, _b: usize, _c: usize, y: usize, n: i32): void {
  if (operation == 1) return memory.copy(y, x, n)
  let i = 0
  if (operation == 4 || operation == 5) {
    for (; i + 16 <= n; i += 16) {
      const at = x + (<usize>i << 2)
      storeTruths(y + i, truth4(operation, at), truth4(operation, at + 16), truth4(operation, at + 32), truth4(operation, at + 48))
    }
    for (; i < n; i++) {
      const at = x + (<usize>i << 2)
      store<u8>(y + i, u8(operation == 4 ? load<f32>(at) != 0 : load<i32>(at) != 0))
    }
    return
  }
  if (operation != 2) {
    for (; i + 4 <= n; i += 4) v128.store(y + (<usize>i << 2), words4(operation, x, i))
  }
  for (; i < n; i++) {
    const at = <usize>i << 2
    if (operation == 0) store<i32>(y + at, load<i32>(x + at))
    else if (operation == 2) store<i32>(y + at, wrapped(<f64>load<f32>(x + at)))
    else if (operation == 3) store<f32>(y + at, <f32>load<i32>(x + at))
    else if (operation == 6) store<i32>(y + at, <i32>load<u8>(x + i))
    else store<f32>(y + at, <f32>load<u8>(x + i))
  }
}

/** Four elements from `i` on as words: copied, or converted from integers or truth values. */
@inline
function words4(operation: i32, x: usize, i: i32): v128 {
  if (operation == 0) return v128.load(x + (<usize>i << 2))
  if (operation == 3) return f32x4.convert_i32x4_s(v128.load(x + (<usize>i << 2)))
  const truths = bytes4(x + i)
  return operation == 6 ? truths : f32x4.convert_i32x4_s(truths)
}

/** Which of four floats or integers are not 0. */
@inline
function truth4(operation: i32, x: usize): v128 {
  return operation == 4 ? f32x4.ne(v128.load(x), splat(0)) : i32x4.ne(v128.load(x), splat(0))
}

export function copy(plan: usize, begin: i32, end: i32, scratch: usize): void {
  walk(plan, begin, end, scratch, copyRun)
}
