/** Views and copies: operations that move elements and compute nothing. Attributes speak of trailing axes. */

import { OptionError, ShapeError, show } from '../errors.ts'
import { apply, both, defineOp, linear, type Meta } from '../op.ts'
import { scope } from '../scope.ts'
import {
  axesFromEnd,
  axisFromEnd,
  broadcastShapes,
  checkShape,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../shape.ts'
import type { Layout, Tensor } from '../tensor.ts'
import { sumTo } from './reduce.ts'

/** A stretch of one axis: `size` elements from `start` on, `step` apart. */
export interface Range {
  readonly start: number
  readonly step: number
  readonly size: number
}

/** The axes in front of the last `count`. */
const leadOf = (shape: Shape, count: number): Shape => shape.slice(0, shape.length - count)

/** The strides of `x` under a new shape of equally many elements, or null where they can not say it. */
function reshapeStrides(x: Layout, shape: Shape): number[] | null {
  const axes = x.shape.map((n, i) => ({ n, stride: x.strides[i]! })).filter(({ n }) => n !== 1)
  const strides = new Array<number>(shape.length).fill(0)
  let source = axes.length - 1
  let target = shape.length - 1
  while (source >= 0) {
    // one run of source axes that lie densely, one run of target axes of the same size
    let stride = axes[source]!.stride
    let run = axes[source--]!.n
    while (source >= 0 && axes[source]!.stride === stride * run) run *= axes[source--]!.n
    while (run > 1) {
      while (target >= 0 && shape[target] === 1) target--
      const n = shape[target]
      if (n === undefined || run % n !== 0) return null
      strides[target--] = stride
      stride *= n
      run /= n
    }
  }
  return strides
}

function sliceLayout(x: Layout, ranges: readonly Range[]): Layout {
  const lead = x.shape.length - ranges.length
  const offset = ranges.reduce(
    (sum, { start, size }, i) => (size > 0 ? sum + start * x.strides[lead + i]! : sum),
    x.offset,
  )
  return {
    shape: [...x.shape.slice(0, lead), ...ranges.map(({ size }) => size)],
    strides: x.strides.map((stride, i) => (i < lead ? stride : stride * ranges[i - lead]!.step)),
    offset,
  }
}

/** The dense tensor of which `ranges` cut out `part`. */
const wholeShape = (part: Meta, whole: Shape): Shape => [...leadOf(part.shape, whole.length), ...whole]

export const movementOps = {
  reshape: defineOp<'x', { from: Shape; to: Shape }>({
    name: 'reshape',
    inputs: ['x'],
    shape: ([x], { from, to }) => [...leadOf(x!.shape, from.length), ...to],
    view: (x, { from, to }) => {
      const shape = [...leadOf(x.shape, from.length), ...to]
      const strides = sizeOf(shape) === 0 ? stridesOf(shape) : reshapeStrides(x, shape)
      return strides && { shape, strides, offset: x.offset }
    },
    derivatives: {
      x: linear([], (dy, _, { attrs: { from, to } }) => reshapeBy(dy, to, from)),
    },
    cases: [{ shapes: [[2, 6]], attrs: { from: [2, 6], to: [3, 4] } }],
  }),

  permute: defineOp<'x', { axes: readonly number[] }>({
    name: 'permute',
    inputs: ['x'],
    shape: ([x], { axes }) => [...leadOf(x!.shape, axes.length), ...axes.map((axis) => x!.shape.at(axis)!)],
    view: (x, { axes }) => ({
      shape: [...leadOf(x.shape, axes.length), ...axes.map((axis) => x.shape.at(axis)!)],
      strides: [...leadOf(x.strides, axes.length), ...axes.map((axis) => x.strides.at(axis)!)],
      offset: x.offset,
    }),
    derivatives: {
      x: linear([], (dy, _, { attrs: { axes } }) => {
        const inverse = axes.map((_, i) => axes.indexOf(i - axes.length) - axes.length)
        return permuteBy(dy, inverse)
      }),
    },
    cases: [{ shapes: [[2, 3, 4]], attrs: { axes: [-1, -3, -2] } }],
  }),

  expand: defineOp<'x', { from: Shape; to: Shape }>({
    name: 'expand',
    inputs: ['x'],
    shape: ([x], { from, to }) => [...leadOf(x!.shape, from.length), ...to],
    view: (x, { from, to }) => {
      const lead = x.shape.length - from.length
      const added = to.length - from.length
      const strides = to.map((n, i) => (i < added || from[i - added] !== n ? 0 : x.strides[lead + i - added]!))
      return {
        shape: [...x.shape.slice(0, lead), ...to],
        strides: [...x.strides.slice(0, lead), ...strides],
        offset: x.offset,
      }
    },
    derivatives: {
      // new axes stand behind the batch, not in front of it, so that the driver could not tell them from directions
      x: linear([], (dy, _, { attrs: { from, to } }) => {
        const lead = dy.rank - to.length
        return sumTo(dy, [...dy.shape.slice(0, lead), ...from], lead)
      }),
    },
    cases: [
      { shapes: [[3, 1]], attrs: { from: [3, 1], to: [2, 3, 4] } },
      { shapes: [[]], attrs: { from: [], to: [2] } },
      { shapes: [[2, 3, 1]], attrs: { from: [3, 1], to: [4, 3, 2] } },
    ],
    large: { shapes: [[128, 1]], attrs: { from: [128, 1], to: [64, 128, 64] } },
  }),

  slice: defineOp<'x', Part>({
    name: 'slice',
    inputs: ['x'],
    shape: ([x], { ranges }) => [...leadOf(x!.shape, ranges.length), ...ranges.map(({ size }) => size)],
    view: (x, { ranges }) => sliceLayout(x, ranges),
    derivatives: {
      x: linear([], (dy, _, { attrs }) => place(dy, attrs)),
    },
    cases: [
      {
        shapes: [[5, 3]],
        attrs: {
          ranges: [
            { start: 4, step: -2, size: 3 },
            { start: 1, step: 1, size: 2 },
          ],
          whole: [5, 3],
        },
      },
    ],
  }),

  /** The transpose of `slice`: x at `ranges` of a tensor that holds `fill` elsewhere. */
  place: defineOp<'x', Part & { fill: number }>({
    name: 'place',
    inputs: ['x'],
    shape: ([x], { whole }) => wholeShape(x!, whole),
    forward: (kernels, [x], y, { ranges, fill }) => {
      kernels.fill(fill, y)
      kernels.copy(x!, { buffer: y.buffer, ...sliceLayout(y, ranges) })
    },
    derivatives: {
      x: both({
        reads: [],
        vjp: (dy, _, { attrs: { ranges, whole } }) => cut(dy, { ranges, whole }),
        jvp: (dx, _, { attrs }) => place(dx, attrs),
      }),
    },
    cases: [{ shapes: [[2]], attrs: { ranges: [{ start: 3, step: -2, size: 2 }], whole: [5], fill: 7 } }],
  }),

  /** The last axis of all inputs, one after the other; `sizes` are theirs. */
  concat: defineOp<'x', { sizes: readonly number[] }>({
    name: 'concat',
    inputs: '...',
    shape: ([x], { sizes }) => [...x!.shape.slice(0, -1), sizes.reduce((a, b) => a + b, 0)],
    forward: (kernels, inputs, y, { sizes }) => {
      let start = 0
      for (const [i, x] of inputs.entries()) {
        kernels.copy(x, { buffer: y.buffer, ...sliceLayout(y, [{ start, step: 1, size: sizes[i]! }]) })
        start += sizes[i]!
      }
    },
    derivatives: {
      x: both({
        reads: [],
        vjp: (dy, _, { attrs, input }) => cut(dy, concatRange(attrs.sizes, input)),
        jvp: (dx, _, { attrs, input }) => place(dx, concatRange(attrs.sizes, input)),
      }),
    },
    cases: [
      {
        shapes: [
          [2, 1],
          [2, 3],
        ],
        attrs: { sizes: [1, 3] },
      },
    ],
  }),

  contiguous: defineOp<'x'>({
    name: 'contiguous',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y) => kernels.copy(x!, y),
    derivatives: { x: linear([], (dy) => dy) },
    cases: [{ shapes: [[2, 3]], attrs: {} }],
  }),
}

/** Where a part lies in the trailing axes of a whole. */
export interface Part {
  readonly ranges: readonly Range[]
  readonly whole: Shape
}

const reshapeBy = (x: Tensor, from: Shape, to: Shape): Tensor => apply(movementOps.reshape, [x], { from, to })
const permuteBy = (x: Tensor, axes: readonly number[]): Tensor => apply(movementOps.permute, [x], { axes })
const cut = (x: Tensor, { ranges, whole }: Part): Tensor => apply(movementOps.slice, [x], { ranges, whole })
const place = (x: Tensor, { ranges, whole }: Part, fill = 0): Tensor =>
  apply(movementOps.place, [x], { ranges, whole, fill })

/** Where input `i` of a concatenation lies along its last axis. */
function concatRange(sizes: readonly number[], i: number): Part {
  const start = sizes.slice(0, i).reduce((a, b) => a + b, 0)
  return { ranges: [{ start, step: 1, size: sizes[i]! }], whole: [sizes.reduce((a, b) => a + b, 0)] }
}

/** The same elements in row-major order under another shape; one size may be −1. A view where strides allow it. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const to = [...shape]
  const open = to.indexOf(-1)
  const rest = to.reduce((product, n, i) => (i === open ? product : product * n), 1)
  if (open >= 0 && rest > 0) to[open] = x.size / rest
  const valid = to.every((n) => Number.isInteger(n) && n >= 0) && sizeOf(to) === x.size
  if (!valid) {
    throw new ShapeError({
      op: 'reshape',
      expected: `a shape of ${x.size} elements for ${show(x.shape)}`,
      got: show(shape),
    })
  }
  return sameShape(to, x.shape) ? x : reshapeBy(x, x.shape, to)
}

/** Output axis i is input axis `axes[i]`. A view. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axesFromEnd('permute', axes, x.rank)
  if (order.length !== x.rank) {
    throw new ShapeError({ op: 'permute', expected: `each of ${x.rank} axes once`, got: show(axes) })
  }
  return order.every((axis, i) => axis === i - x.rank) ? x : permuteBy(x, order)
}

/** Reverses the axes, or puts them in the order of `axes`. A view. */
export const transpose = (x: Tensor, axes?: readonly number[] | null): Tensor =>
  permute(x, axes ?? x.shape.map((_, i) => -1 - i))

/** Exchanges two axes. A view. */
export function swapAxes(x: Tensor, axis0: number, axis1: number): Tensor {
  const a = axisFromEnd('swapAxes', axis0, x.rank)
  const b = axisFromEnd('swapAxes', axis1, x.rank)
  return permute(
    x,
    x.shape.map((_, i) => (i - x.rank === a ? b : i - x.rank === b ? a : i - x.rank)),
  )
}

/** Moves an axis to another place; the others keep their order. A view. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const source = axisFromEnd('moveAxis', from, x.rank)
  const target = axisFromEnd('moveAxis', to, x.rank)
  const axes = x.shape.map((_, i) => i - x.rank).filter((axis) => axis !== source)
  axes.splice(target + x.rank, 0, source)
  return permute(x, axes)
}

/** Drops axes of size 1: the named ones, or all. A view. */
export function squeeze(x: Tensor, axis?: number | readonly number[] | null): Tensor {
  const all = axis === null || axis === undefined
  const axes = axesFromEnd('squeeze', axis, x.rank).filter((i) => !all || x.shape.at(i) === 1)
  if (axes.some((i) => x.shape.at(i) !== 1)) {
    throw new ShapeError({ op: 'squeeze', expected: `axes of size 1 of ${show(x.shape)}`, got: show(axes) })
  }
  return reshape(
    x,
    x.shape.filter((_, i) => !axes.includes(i - x.rank)),
  )
}

/** Adds an axis of size 1; `axis` is its position in the result. A view. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = axisFromEnd('unsqueeze', axis, x.rank + 1) + x.rank + 1
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])
}

/** Stretches axes of size 1, and adds axes in front; −1 keeps a size. A view. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const added = shape.length - x.rank
  const to = shape.map((n, i) => (n === -1 && i >= added ? x.shape[i - added]! : n))
  checkShape('expand', to)
  if (added < 0 || !sameShape(broadcastShapes('expand', x.shape, to), to)) {
    throw new ShapeError({ op: 'expand', expected: `a shape that ${show(x.shape)} stretches to`, got: show(shape) })
  }
  return sameShape(to, x.shape) ? x : apply(movementOps.expand, [x], { from: x.shape, to })
}

/**
 * `x[begin:end:step]` as in Python, one entry for each of the first axes; null stands for what is left out. Bounds are
 * clipped, steps may be negative. A view.
 */
export function slice(
  x: Tensor,
  begin: readonly (number | null)[],
  end: readonly (number | null)[] = [],
  step: readonly (number | null)[] = [],
): Tensor {
  const count = Math.max(begin.length, end.length, step.length)
  if (count > x.rank) throw new ShapeError({ op: 'slice', expected: `at most ${x.rank} entries`, got: String(count) })
  const ranges = x.shape.map((n, i) => pythonRange(n, begin[i] ?? null, end[i] ?? null, step[i] ?? null))
  return cut(x, { ranges, whole: x.shape })
}

/** The elements that Python's `begin:end:step` takes of an axis of n. */
function pythonRange(n: number, begin: number | null, end: number | null, by: number | null): Range {
  const step = by ?? 1
  if (step === 0 || ![begin ?? 0, end ?? 0, step].every(Number.isInteger)) {
    throw new OptionError({
      op: 'slice',
      expected: 'integers, and a step other than 0',
      got: `${begin}:${end}:${step}`,
    })
  }
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1]
  const clip = (bound: number) => Math.min(high, Math.max(low, bound < 0 ? bound + n : bound))
  const start = begin === null ? (step > 0 ? low : high) : clip(begin)
  const stop = end === null ? (step > 0 ? high : low) : clip(end)
  return { start, step, size: Math.max(0, Math.ceil((stop - start) / step)) }
}

/** The slices at position `i` of an axis, which is dropped; negative positions count from the end. A view. */
export function select(x: Tensor, i: number, axis = 0): Tensor {
  const at = axisFromEnd('select', axis, x.rank) + x.rank
  const n = x.shape[at]!
  if (!Number.isInteger(i) || i < -n || i >= n) {
    throw new ShapeError({ op: 'select', expected: `an index from ${-n} to ${n - 1} of axis ${at}`, got: String(i) })
  }
  const start = i < 0 ? i + n : i
  const ranges = x.shape.map((size, k) => (k === at ? { start, step: 1, size: 1 } : { start: 0, step: 1, size }))
  const shape = x.shape.filter((_, k) => k !== at)
  // the part in between is a view, which would keep the buffer alive where no scope is open
  return scope(() => reshape(cut(x, { ranges, whole: x.shape }), shape))
}

/** Reverses the order along axes. A view. */
export function flip(x: Tensor, axes: number | readonly number[]): Tensor {
  const turned = axesFromEnd('flip', axes, x.rank)
  const step = x.shape.map((_, i) => (turned.includes(i - x.rank) ? -1 : 1))
  return slice(x, [], [], step)
}

/** Adds `value` around x: a pair [before, after] of non-negative counts for each axis. */
export function pad(x: Tensor, pads: readonly (readonly [number, number])[], value = 0): Tensor {
  if (pads.length !== x.rank || pads.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError({ op: 'pad', expected: `${x.rank} pairs of counts`, got: JSON.stringify(pads) })
  }
  const ranges = x.shape.map((size, i) => ({ start: pads[i]![0], step: 1, size }))
  return place(x, { ranges, whole: x.shape.map((n, i) => n + pads[i]![0] + pads[i]![1]) }, value)
}

/** Parts of the given sizes, in order, along an axis. Views. */
export function split(x: Tensor, sizes: readonly number[], axis = 0): Tensor[] {
  const at = axisFromEnd('split', axis, x.rank) + x.rank
  if (sizes.some((n) => !Number.isInteger(n) || n < 0) || sizes.reduce((a, b) => a + b, 0) !== x.shape[at]) {
    throw new ShapeError({ op: 'split', expected: `sizes that add up to ${x.shape[at]}`, got: show(sizes) })
  }
  let start = 0
  return sizes.map((size) => {
    const ranges = x.shape.map((n, i) => (i === at ? { start, step: 1, size } : { start: 0, step: 1, size: n }))
    start += size
    return cut(x, { ranges, whole: x.shape })
  })
}

/** A dense copy, or the tensor itself where it is dense already. */
export function contiguous(x: Tensor): Tensor {
  const { layout } = x.concrete()
  const dense = stridesOf(layout.shape).every((stride, i) => layout.shape[i] === 1 || stride === layout.strides[i])
  return dense ? x : apply(movementOps.contiguous, [x], {})
}
