/** Kernels that read or add by index. Indices were checked by the host. Operands are dense. */
import { field, pointer } from './walk'

/** Rows by index. Plan: 0 x, 1 index, 2 y, 3 rows of x in one batch, 4 bytes of a row, 5 indices; units: rows of y. */
export function takeRows(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const bytes = <usize>field(plan, 4)
  const count = field(plan, 5)
  for (let i = begin; i < end; i++) {
    const row = <usize>(i / count) * field(plan, 3) + load<i32>(pointer(plan, 1) + ((<usize>(i % count)) << 2))
    memory.copy(pointer(plan, 2) + bytes * i, pointer(plan, 0) + bytes * row, bytes)
  }
}

/**
 * Adds rows at their indices, in order. Plan: 0 x, 1 index, 2 y, 3 rows of y in one batch, 4 width, 5 indices,
 * 6 whether integers; units: batches.
 */
export function addRows(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const width = field(plan, 4)
  const count = field(plan, 5)
  const bytes = (<usize>width) << 2
  for (let batch = begin; batch < end; batch++) {
    const to = pointer(plan, 2) + <usize>batch * field(plan, 3) * bytes
    memory.fill(to, 0, <usize>field(plan, 3) * bytes)
    let from = pointer(plan, 0) + <usize>batch * count * bytes
    for (let i = 0; i < count; i++, from += bytes) {
      addRow(from, to + bytes * load<i32>(pointer(plan, 1) + ((<usize>i) << 2)), width, field(plan, 6) != 0)
    }
  }
}

function addRow(x: usize, y: usize, width: i32, integers: bool): void {
  let i = 0
  if (!integers) {
    for (; i + 4 <= width; i += 4) {
      const at = (<usize>i) << 2
      v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)))
    }
  }
  for (; i < width; i++) {
    const at = (<usize>i) << 2
    if (integers) store<i32>(y + at, load<i32>(y + at) + load<i32>(x + at))
    else store<f32>(y + at, load<f32>(y + at) + load<f32>(x + at))
  }
}

/** Plan: 0 x, 1 index, 2 y, 3 length of x's rows, 4 length of the index's rows, 5 bytes of an element; units: rows. */
export function gather(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const count = field(plan, 4)
  const bytes = field(plan, 5)
  for (let row = begin; row < end; row++) {
    const from = pointer(plan, 0) + <usize>row * field(plan, 3) * bytes
    for (let i = 0; i < count; i++) {
      const at = <usize>row * count + i
      const source = <usize>load<i32>(pointer(plan, 1) + (at << 2))
      if (bytes == 1) store<u8>(pointer(plan, 2) + at, load<u8>(from + source))
      else store<i32>(pointer(plan, 2) + (at << 2), load<i32>(from + (source << 2)))
    }
  }
}

/** Plan: 0 x, 1 index, 2 y, 3 length of y's rows, 4 length of x's and the index's rows, 5 whether integers; units: rows. */
export function scatterAdd(plan: usize, begin: i32, end: i32, _scratch: usize): void {
  const count = field(plan, 4)
  const length = field(plan, 3)
  for (let row = begin; row < end; row++) {
    const to = pointer(plan, 2) + ((<usize>row * length) << 2)
    memory.fill(to, 0, (<usize>length) << 2)
    for (let i = 0; i < count; i++) {
      const at = (<usize>row * count + i) << 2
      const y = to + ((<usize>load<i32>(pointer(plan, 1) + at)) << 2)
      if (field(plan, 5)) store<i32>(y, load<i32>(y) + load<i32>(pointer(plan, 0) + at))
      else store<f32>(y, load<f32>(y) + load<f32>(pointer(plan, 0) + at))
    }
  }
}
