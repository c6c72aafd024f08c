/**
 * How elementwise kernels walk over strided operands: in runs of at most `block` elements along the innermost axis. A
 * run that is not dense is gathered into scratch memory first, so that every loop below reads and writes dense memory.
 *
 * A plan, written by the host, holds i32 fields; pointers are bytes, strides elements:
 *
 *     0 operation, 1 rank ≥ 1, 2 operands (the last is the result), then per operand: pointer, log2 of its element's
 *     bytes; then `rank` sizes; then per operand `rank` strides
 */
export const block = 256
const operandFields = 2
const maxOperands = 4

/** Field `i` of a plan. */
@inline
export function field(plan: usize, i: i32): i32 {
  return load<i32>(plan + (<usize>i << 2))
}

/** A field that holds a pointer. */
@inline
export function pointer(plan: usize, i: i32): usize {
  return <usize>load<u32>(plan + (<usize>i << 2))
}

/** A field that holds a float. */
@inline
export function scalar(plan: usize, i: i32): f32 {
  return load<f32>(plan + (<usize>i << 2))
}

/** Copies `n` elements that lie `stride` apart into dense memory. */
function gatherRun(from: usize, stride: i32, shift: i32, to: usize, n: i32): void {
  if (shift == 0) {
    for (let i = 0; i < n; i++, from += stride) store<u8>(to + i, load<u8>(from))
    return
  }
  if (stride == 0) {
    const x = v128.load32_splat(from)
    for (let i = 0; i < n; i += 4) v128.store(to + (<usize>i << 2), x)
    return
  }
  const step = <usize>stride << 2
  for (let i = 0; i < n; i++, from += step) store<i32>(to + (<usize>i << 2), load<i32>(from))
}

/** Copies dense elements to places that lie `stride` apart. */
function scatterRun(from: usize, to: usize, stride: i32, shift: i32, n: i32): void {
  const step = <usize>stride << shift
  if (shift == 0) for (let i = 0; i < n; i++, to += step) store<u8>(to, load<u8>(from + i))
  else for (let i = 0; i < n; i++, to += step) store<i32>(to, load<i32>(from + (<usize>i << 2)))
}

/** A loop over n dense elements: operation, up to three operands, result. */
export type Run = (operation: i32, a: usize, b: usize, c: usize, y: usize, n: i32) => void

/** Calls `run` for the elements [begin, end) of the result, in row-major order. */
export function walk(plan: usize, begin: i32, end: i32, scratch: usize, run: Run): void {
  const operation = field(plan, 0)
  const rank = field(plan, 1)
  const operands = field(plan, 2)
  const sizes = plan + ((3 + operands * operandFields) << 2)
  const strides = sizes + (<usize>rank << 2)
  // scratch: blocks for the operands (16 bytes of room behind each), then addresses, then the index
  const blockBytes: usize = (block << 2) + 16
  const addresses = scratch + blockBytes * maxOperands
  const index = addresses + maxOperands * 4
  // where element `begin` lies
  let rest = begin
  for (let o = 0; o < operands; o++) store<u32>(addresses + (<usize>o << 2), load<u32>(plan + ((3 + o * operandFields) << 2)))
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = field(sizes, axis)
    const at = rest % size
    rest /= size
    store<i32>(index + (<usize>axis << 2), at)
    for (let o = 0; o < operands; o++) {
      const shift = field(plan, 4 + o * operandFields)
      const stride = field(strides, o * rank + axis)
      const address = addresses + (<usize>o << 2)
      store<u32>(address, load<u32>(address) + (<u32>(at * stride) << shift))
    }
  }
  const inner = rank - 1
  const length = field(sizes, inner)
  let column = field(index, inner)
  for (let position = begin; position < end; ) {
    const n = min(min(length - column, end - position), block)
    let a: usize = 0, b: usize = 0, c: usize = 0
    for (let o = 0; o < operands - 1; o++) {
      const from = <usize>load<u32>(addresses + (<usize>o << 2))
      const stride = field(strides, o * rank + inner)
      let at = from
      if (stride != 1) {
        at = scratch + blockBytes * o
        gatherRun(from, stride, field(plan, 4 + o * operandFields), at, n)
      }
      if (o == 0) a = at
      else if (o == 1) b = at
      else c = at
    }
    const last = operands - 1
    const to = <usize>load<u32>(addresses + (<usize>last << 2))
    const stride = field(strides, last * rank + inner)
    if (stride == 1 || n == 1) run(operation, a, b, c, to, n)
    else {
      const y = scratch + blockBytes * last
      run(operation, a, b, c, y, n)
      scatterRun(y, to, stride, field(plan, 4 + last * operandFields), n)
    }
    position += n
    column += n
    for (let o = 0; o < operands; o++) {
      const address = addresses + (<usize>o << 2)
      const step = <u32>(n * field(strides, o * rank + inner)) << field(plan, 4 + o * operandFields)
      store<u32>(address, load<u32>(address) + step)
    }
    if (column < length) continue
    column = 0
    // the next row: carry over the outer axes
    for (let axis = inner; ; ) {
      for (let o = 0; o < operands; o++) {
        const address = addresses + (<usize>o << 2)
        const back = <u32>(field(sizes, axis) * field(strides, o * rank + axis)) << field(plan, 4 + o * operandFields)
        store<u32>(address, load<u32>(address) - back)
      }
      if (--axis < 0) break
      const at = field(index, axis) + 1
      store<i32>(index + (<usize>axis << 2), at < field(sizes, axis) ? at : 0)
      for (let o = 0; o < operands; o++) {
        const address = addresses + (<usize>o << 2)
        const step = <u32>field(strides, o * rank + axis) << field(plan, 4 + o * operandFields)
        store<u32>(address, load<u32>(address) + step)
      }
      if (at < field(sizes, axis)) break
    }
  }
}
