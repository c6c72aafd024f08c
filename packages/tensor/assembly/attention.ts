/**
 * Attention, a head at a time: scores, softmax and context of a block of rows stay in scratch memory. Both derivatives
 * compute the probabilities anew, once for all directions. Scratch holds: tiles that stand out; one row of the mask; a
 * block of scores; a block of what derives from them; rooms for copies.
 *
 * A plan, written by the host; pointers are bytes, strides elements:
 *
 *     0 rows L, 1 keys S, 2 D (of q and k), 3 E (of v), 4 scale (f32), 5 rows of a block, 6 directions,
 *     7 rank of heads, 8 rank of directions, 9 the field where sizes begin, 10–14 rooms in scratch for copies (bytes),
 *     then the operands of the kernel, each with pointer, row stride and column stride, which is 1 but for the mask;
 *     where field 9 says: sizes of heads, sizes of directions, then per operand its strides along both
 */
import { panelWidth } from './gemm'
import { softmaxDerivativeInPlace, softmaxInPlace } from './softmax'
import { splat } from './special'
import { asB, asTurnedB, edgeBytes, multiply, panelStep, rowStep } from './steps'
import { field, pointer, scalar } from './walk'

/** Operands: q, k, v and mask in all kernels; further ones by kernel. */
const qs = 0, ks = 1, vs = 2, masks = 3
const firstRoom = 10
const firstOperand = 15
const operandFields = 3

/** Bytes between an operand's rows. */
@inline
function rowOf(plan: usize, operand: i32): usize {
  return <usize>field(plan, firstOperand + operand * operandFields + 1) << 2
}

@inline
function roomAt(plan: usize, room: i32, scratch: usize): usize {
  return scratch + pointer(plan, firstRoom + room)
}

/** Where an operand's matrix lies for one head and one direction. */
function matrixOf(plan: usize, operand: i32, head: i32, direction: i32): usize {
  const heads = field(plan, 7)
  const rank = heads + field(plan, 8)
  const sizes = plan + (<usize>field(plan, 9) << 2)
  const strides = sizes + (<usize>(rank * (1 + operand)) << 2)
  let at = 0
  for (let axis = rank - 1; axis >= heads; axis--) {
    const size = field(sizes, axis)
    at += (direction % size) * field(strides, axis)
    direction /= size
  }
  for (let axis = heads - 1; axis >= 0; axis--) {
    const size = field(sizes, axis)
    at += (head % size) * field(strides, axis)
    head /= size
  }
  return pointer(plan, firstOperand + operand * operandFields) + (<usize>at << 2)
}

/** Keys, filled up to whole tiles. */
@inline
function keysWide(plan: usize): i32 {
  return (field(plan, 1) + panelWidth - 1) & -panelWidth
}

/** Bytes between rows of scores: an odd number of cache lines, where rows are long. */
@inline
function lineOf(plan: usize): usize {
  return <usize>(keysWide(plan) + panelWidth) << 2
}

@inline
function maskLine(scratch: usize): usize {
  return scratch + edgeBytes
}

@inline
function scoresAt(plan: usize, scratch: usize): usize {
  return maskLine(scratch) + lineOf(plan)
}

@inline
function slopesAt(plan: usize, scratch: usize): usize {
  return scoresAt(plan, scratch) + lineOf(plan) * field(plan, 5)
}

/** y = a bᵀ for all keys, b in panels of `asTurnedB`. */
@inline
function scoresWith(
  plan: usize, a: usize, aRow: usize, b: usize, depth: i32, rows: i32, y: usize, more: bool, scratch: usize,
): void {
  const step: usize = panelWidth << 2
  multiply(a, aRow, 4, b, step * depth, step, rows, depth, keysWide(plan), y, lineOf(plan), more, scratch)
}

/** y = s x for rows of scores s, x [S, columns] as b: contexts of probabilities. */
@inline
function contextOf(
  plan: usize, s: usize, x: usize, row: usize, columns: i32, rows: i32, y: usize, yRow: usize, more: bool, scratch: usize,
): void {
  const keys = field(plan, 1)
  multiply(
    s, lineOf(plan), 4, x, panelStep(keys, columns), rowStep(row, keys, columns), rows, keys, columns, y, yRow, more, scratch,
  )
}

/** y = sᵀ x for all keys, or y + sᵀ x, x [rows, columns] as b. */
@inline
function gathered(
  plan: usize, s: usize, x: usize, row: usize, columns: i32, rows: i32, y: usize, yRow: usize, more: bool, scratch: usize,
): void {
  multiply(
    s, 4, lineOf(plan), x, panelStep(rows, columns), rowStep(row, rows, columns), field(plan, 1), rows, columns, y, yRow, more,
    scratch,
  )
}

/** One row of the mask, dense and filled up with −∞. */
function maskRow(plan: usize, from: usize, scratch: usize): void {
  const keys = field(plan, 1)
  const stride = <usize>field(plan, firstOperand + masks * operandFields + 2) << 2
  const to = maskLine(scratch)
  if (stride == 4) memory.copy(to, from, <usize>keys << 2)
  else for (let j = 0; j < keys; j++, from += stride) store<f32>(to + (<usize>j << 2), load<f32>(from))
  for (let j = keys; j < keysWide(plan); j++) store<f32>(to + (<usize>j << 2), -Infinity)
}

/** The probabilities of rows [first, first + rows) of one head into scratch. `turned`: kᵀ in panels. */
function probabilities(plan: usize, head: i32, first: i32, rows: i32, turned: usize, scratch: usize): usize {
  const q = matrixOf(plan, qs, head, 0) + rowOf(plan, qs) * first
  const p = scoresAt(plan, scratch)
  const line = lineOf(plan)
  scoresWith(plan, q, rowOf(plan, qs), turned, field(plan, 2), rows, p, false, scratch)
  const maskStep = rowOf(plan, masks)
  let mask = matrixOf(plan, masks, head, 0) + maskStep * first
  const scale = splat(scalar(plan, 4))
  for (let i = 0; i < rows; i++, mask += maskStep) {
    if (i == 0 || maskStep != 0) maskRow(plan, mask, scratch)
    softmaxInPlace(p + line * i, maskLine(scratch), keysWide(plan), scale)
  }
  return p
}

/** The derivative along d of each row of probabilities p, in place. */
@inline
function probabilitiesDerivative(plan: usize, d: usize, p: usize, rows: i32): void {
  const line = lineOf(plan)
  const scale = splat(scalar(plan, 4))
  for (let i = 0; i < rows; i++) softmaxDerivativeInPlace(d + line * i, p + line * i, keysWide(plan), scale)
}

@inline
function turned(plan: usize, operand: i32, head: i32, direction: i32, width: i32, room: i32, scratch: usize): usize {
  const x = matrixOf(plan, operand, head, direction)
  return asTurnedB(x, rowOf(plan, operand), field(plan, 1), width, roomAt(plan, room, scratch))
}

/** Rows of an operand as b. */
@inline
function plain(
  plan: usize, operand: i32, head: i32, direction: i32, first: i32, rows: i32, width: i32, room: i32, scratch: usize,
): usize {
  const x = matrixOf(plan, operand, head, direction) + rowOf(plan, operand) * first
  return asB(x, rowOf(plan, operand), rows, width, roomAt(plan, room, scratch))
}

/** p v. Further operands: 4 y. Units: blocks of rows, head by head. */
export function attention(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 0)
  const keys = field(plan, 1)
  const width = field(plan, 3)
  const most = field(plan, 5)
  const blocks = (length + most - 1) / most
  let held = -1
  let k: usize = 0, v: usize = 0
  for (let unit = begin; unit < end; unit++) {
    const head = unit / blocks
    const first = (unit % blocks) * most
    const rows = min(most, length - first)
    if (head != held) {
      k = turned(plan, ks, head, 0, field(plan, 2), 0, scratch)
      v = plain(plan, vs, head, 0, 0, keys, width, 1, scratch)
      held = head
    }
    const p = probabilities(plan, head, first, rows, k, scratch)
    const y = matrixOf(plan, 4, head, 0) + rowOf(plan, 4) * first
    contextOf(plan, p, v, rowOf(plan, vs), width, rows, y, rowOf(plan, 4), false, scratch)
  }
}

/**
 * ds v + p dv, ds the derivative of p along scale (dq kᵀ + q dkᵀ). Further operands: 4 dq, 5 dk, 6 dv, 7 the result.
 * Units as above.
 */
export function attentionPushforward(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 0)
  const keys = field(plan, 1)
  const depth = field(plan, 2)
  const width = field(plan, 3)
  const most = field(plan, 5)
  const blocks = (length + most - 1) / most
  let held = -1
  let k: usize = 0, v: usize = 0
  for (let unit = begin; unit < end; unit++) {
    const head = unit / blocks
    const first = (unit % blocks) * most
    const rows = min(most, length - first)
    if (head != held) {
      k = turned(plan, ks, head, 0, depth, 0, scratch)
      v = plain(plan, vs, head, 0, 0, keys, width, 1, scratch)
      held = head
    }
    const p = probabilities(plan, head, first, rows, k, scratch)
    const ds = slopesAt(plan, scratch)
    const q = matrixOf(plan, qs, head, 0) + rowOf(plan, qs) * first
    for (let direction = 0; direction < field(plan, 6); direction++) {
      const dq = matrixOf(plan, 4, head, direction) + rowOf(plan, 4) * first
      scoresWith(plan, dq, rowOf(plan, 4), k, depth, rows, ds, false, scratch)
      const dk = turned(plan, 5, head, direction, depth, 2, scratch)
      scoresWith(plan, q, rowOf(plan, qs), dk, depth, rows, ds, true, scratch)
      probabilitiesDerivative(plan, ds, p, rows)
      const y = matrixOf(plan, 7, head, direction) + rowOf(plan, 7) * first
      contextOf(plan, ds, v, rowOf(plan, vs), width, rows, y, rowOf(plan, 7), false, scratch)
      const dv = plain(plan, 6, head, direction, 0, keys, width, 3, scratch)
      contextOf(plan, p, dv, rowOf(plan, 6), width, rows, y, rowOf(plan, 7), true, scratch)
    }
  }
}

/**
 * dq = ds k, dk = dsᵀ q and dv = pᵀ d, ds the derivative of p along scale d vᵀ. Further operands: 4 d, 5 dq, 6 dk, 7 dv.
 * Units: heads; dk and dv are summed over blocks of rows in their order.
 */
export function attentionPullback(plan: usize, begin: i32, end: i32, scratch: usize): void {
  const length = field(plan, 0)
  const keys = field(plan, 1)
  const depth = field(plan, 2)
  const width = field(plan, 3)
  const most = field(plan, 5)
  for (let head = begin; head < end; head++) {
    const kTurned = turned(plan, ks, head, 0, depth, 0, scratch)
    const vTurned = turned(plan, vs, head, 0, width, 1, scratch)
    const k = plain(plan, ks, head, 0, 0, keys, depth, 2, scratch)
    // once without any row too: dk and dv are 0 then
    for (let first = 0; first == 0 || first < length; first += most) {
      const rows = min(most, length - first)
      const p = probabilities(plan, head, first, rows, kTurned, scratch)
      const ds = slopesAt(plan, scratch)
      const q = plain(plan, qs, head, 0, first, rows, depth, 3, scratch)
      for (let direction = 0; direction < field(plan, 6); direction++) {
        const d = matrixOf(plan, 4, head, direction) + rowOf(plan, 4) * first
        scoresWith(plan, d, rowOf(plan, 4), vTurned, width, rows, ds, false, scratch)
        probabilitiesDerivative(plan, ds, p, rows)
        const dq = matrixOf(plan, 5, head, direction) + rowOf(plan, 5) * first
        contextOf(plan, ds, k, rowOf(plan, ks), depth, rows, dq, rowOf(plan, 5), false, scratch)
        const dk = matrixOf(plan, 6, head, direction)
        gathered(plan, ds, q, rowOf(plan, qs), depth, rows, dk, rowOf(plan, 6), first > 0, scratch)
        const right = plain(plan, 4, head, direction, first, rows, width, 4, scratch)
        const dv = matrixOf(plan, 7, head, direction)
        gathered(plan, p, right, rowOf(plan, 4), width, rows, dv, rowOf(plan, 7), first > 0, scratch)
      }
    }
  }
}
