/** Reading and adding by index. Indices are `i32`, count from 0, and may repeat; negative ones are errors. */
import { DTypeError, ShapeError, show } from '../errors.ts'
import { apply, broadcastRule, defineOp, linear, type Meta, stretch } from '../op.ts'
import { axisFromEnd, broadcastShapes, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { stopGradient } from '../trace.ts'
import { equal } from './compare.ts'
import { moveAxis, reshape, unsqueeze } from './movement.ts'
import { where } from './select.ts'

const leading = (x: Meta, count: number) => x.shape.slice(0, x.shape.length - count)

export const indexOps = {
  /** Rows of the second last axis by one vector of indices. */
  takeRows: defineOp<'x' | 'index'>({
    name: 'takeRows',
    inputs: ['x', 'index'],
    shape: ([x, index]) => [...leading(x!, 2), index!.shape[0]!, x!.shape.at(-1)!],
    forward: (kernels, [x, index], y) => kernels.takeRows(x!, index!, y),
    derivatives: {
      x: linear(['index'], (dy, { index }, { shapes }) => addRows(dy, index, shapes.x.at(-2)!)),
    },
    cases: [{ shapes: [[2, 4, 3], [5]], attrs: {}, indices: { 1: 4 } }],
    large: { shapes: [[30000, 128], [512]], attrs: {}, indices: { 1: 30000 } },
  }),

  /** The transpose of `takeRows`: adds rows up at their indices. */
  addRows: defineOp<'x' | 'index', { rows: number }>({
    name: 'addRows',
    inputs: ['x', 'index'],
    shape: ([x], { rows }) => [...leading(x!, 2), rows, x!.shape.at(-1)!],
    forward: (kernels, [x, index], y) => kernels.addRows(x!, index!, y),
    derivatives: { x: linear(['index'], (dy, { index }) => takeRows(dy, index)) },
    cases: [{ shapes: [[2, 5, 3], [5]], attrs: { rows: 4 }, indices: { 1: 4 } }],
  }),

  /** Along the last axis, an index of its own for every row; leading axes broadcast. */
  gather: defineOp<'x' | 'index'>({
    name: 'gather',
    inputs: ['x', 'index'],
    broadcasts: true,
    shape: ([x, index]) => [...broadcastShapes('gather', leading(x!, 1), leading(index!, 1)), index!.shape.at(-1)!],
    forward: (kernels, [x, index], y) => {
      const lead = y.shape.slice(0, -1)
      kernels.gather(stretch(x!, [...lead, x!.shape.at(-1)!]), stretch(index!, y.shape), y)
    },
    derivatives: { x: linear(['index'], (dy, { index }, { shapes }) => scatterAddLast(dy, index, shapes.x.at(-1)!)) },
    cases: [
      {
        shapes: [
          [2, 4],
          [2, 3],
        ],
        attrs: {},
        indices: { 1: 4 },
      },
      { shapes: [[4], [2, 3]], attrs: {}, indices: { 1: 4 } },
    ],
  }),

  /** The transpose of `gather`. */
  scatterAdd: defineOp<'x' | 'index', { size: number }>({
    name: 'scatterAdd',
    inputs: ['x', 'index'],
    broadcasts: true,
    shape: (inputs, { size }) => [...broadcastRule('scatterAdd')(inputs).slice(0, -1), size],
    forward: (kernels, [x, index], y) => {
      const from = broadcastShapes('scatterAdd', x!.shape, index!.shape)
      kernels.scatterAdd(stretch(x!, from), stretch(index!, from), y)
    },
    derivatives: { x: linear(['index'], (dy, { index }) => gatherLast(dy, index)) },
    cases: [
      {
        shapes: [
          [2, 3],
          [2, 3],
        ],
        attrs: { size: 4 },
        indices: { 1: 4 },
      },
      { shapes: [[3], [2, 3]], attrs: { size: 4 }, indices: { 1: 4 } },
    ],
  }),
}

const takeRows = (x: Tensor, index: Tensor): Tensor => apply(indexOps.takeRows, [x, index], {})
const addRows = (x: Tensor, index: Tensor, rows: number): Tensor => apply(indexOps.addRows, [x, index], { rows })

/**
 * @internal Throws unless every index is an integer in [0, size), or `ignored`. Indices that were computed on a device
 * which is not read at once are checked there, and the next read throws.
 */
export function checkIndex(op: string, index: Tensor, size: number, ignored: number | null = null): void {
  if (index.dtype !== 'i32') {
    throw new DTypeError({ op, expected: 'i32 indices', got: index.dtype, hint: "cast('i32') makes them" })
  }
  const outOfRange = (i: number) =>
    new ShapeError({
      op,
      expected: `indices from 0 to ${size - 1}`,
      got: String(i),
      hint: 'negative ones do not count from the end',
    })
  const known = index.knownData()
  if (!known) index.backend.checkLater?.(index.view(), size, outOfRange, ignored)
  else for (const i of known) if ((i < 0 || i >= size) && i !== ignored) throw outOfRange(i)
}

/** @internal y[…, i] = x[…, index[…, i]] along the last axis. */
export const gatherLast = (x: Tensor, index: Tensor): Tensor => apply(indexOps.gather, [x, index], {})

/** @internal Zeros `[…, size]`, to which x is added at `index` along the last axis. */
export const scatterAddLast = (x: Tensor, index: Tensor, size: number): Tensor =>
  apply(indexOps.scatterAdd, [x, index], { size })

/** The slices of an axis at a vector of indices, in that order; they may repeat, and then gradients add up. */
export function indexSelect(x: Tensor, index: Tensor, axis = 0): Tensor {
  const at = axisFromEnd('indexSelect', axis, x.rank)
  if (index.rank !== 1)
    throw new ShapeError({ op: 'indexSelect', expected: 'a vector of indices', got: show(index.shape) })
  checkIndex('indexSelect', index, x.shape.at(at)!)
  if (at === -2) return takeRows(x, index)
  const rows = moveAxis(x, at, 0)
  const flat = reshape(rows, [rows.shape[0]!, sizeOf(rows.shape.slice(1))])
  const taken = takeRows(flat, index)
  return moveAxis(reshape(taken, [index.size, ...rows.shape.slice(1)]), 0, at)
}

export interface EmbeddingOptions {
  /** a row that is read as usual but receives no gradient; default none */
  paddingIndex?: number | null
  /** what errors call the ids, where a caller has several */
  name?: string
}

/**
 * Rows of a table by id.
 *
 * @param weight  `[…, rows, width]`
 * @param ids     `i32`, any shape
 * @returns       `[…, …ids, width]`
 * @throws {ShapeError} where an id is not in [0, rows)
 */
export function embedding(weight: Tensor, ids: Tensor, { paddingIndex = null, name }: EmbeddingOptions = {}): Tensor {
  if (weight.rank < 2)
    throw new ShapeError({ op: 'embedding', expected: 'a table [rows, width]', got: show(weight.shape) })
  checkIndex(name === undefined ? 'embedding' : `embedding of ${name}`, ids, weight.shape.at(-2)!)
  const taken = takeRows(weight, reshape(ids, [ids.size]))
  const rows = reshape(taken, [...leading(weight, 2), ...ids.shape, weight.shape.at(-1)!])
  if (paddingIndex === null) return rows
  return where(unsqueeze(equal(ids, paddingIndex), -1), stopGradient(rows), rows)
}
