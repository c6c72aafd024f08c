/** Products of matrices. */
import { isFloat } from '../dtype.ts'
import { ShapeError, show } from '../errors.ts'
import type { View } from '../kernels.ts'
import { apply, both, defineOp, linear, type Meta, stretch } from '../op.ts'
import { broadcastShapes, type Shape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add, pair } from './arithmetic.ts'
import { cast } from './cast.ts'
import { expand, reshape, squeeze, swapAxes, unsqueeze } from './movement.ts'

const batchOf = (x: Meta): Shape => x.shape.slice(0, -2)
const multiply = (a: Tensor, b: Tensor): Tensor => apply(matmulOps.matmul, [a, b], {})
const transposed = (x: Tensor): Tensor => swapAxes(x, -1, -2)

/** The rows of all leading axes but the first `lead` as one matrix. */
const asRows = (x: Tensor, lead: number): Tensor =>
  reshape(x, [...x.shape.slice(0, lead), sizeOf(x.shape.slice(lead, -1)), x.shape.at(-1)!])

export const matmulOps = {
  /** x Wᵀ + b. */
  linear: defineOp<'x' | 'weight' | 'bias'>({
    name: 'linear',
    inputs: ['x', 'weight', 'bias'],
    broadcasts: true,
    perMatrix: true,
    shape: ([x, weight]) => [...x!.shape.slice(0, -1), weight!.shape.at(-2)!],
    forward: (kernels, [x, weight, bias], y) => {
      const { shape, strides } = weight!
      const turned = { ...weight!, shape: [shape[1]!, shape[0]!], strides: [strides[1]!, strides[0]!] }
      const [a, b, to] = foldRows(x!, turned, y) ?? [x!, turned, y]
      const batch = to.shape.slice(0, -2)
      kernels.matmul(a, stretch(b, [...batch, ...b.shape.slice(-2)]), to, bias!)
    },
    derivatives: {
      x: both({
        reads: ['weight'],
        vjp: (dy, { weight }) => multiply(dy, weight),
        jvp: (dx, { weight }) => multiply(dx, transposed(weight)),
      }),
      weight: both({
        reads: ['x'],
        vjp: (dy, { x }) => multiply(transposed(asRows(dy, dy.rank - x.rank)), asRows(x, 0)),
        jvp: (dw, { x }) => multiply(x, transposed(dw)),
      }),
      bias: both({
        reads: [],
        vjp: (dy) => dy,
        jvp: (db, _, { shapes }) => expand(db, [...db.shape.slice(0, db.rank - shapes.y.length), ...shapes.y]),
      }),
    },
    decomposition: ([x, weight, bias]) => add(multiply(x!, transposed(weight!)), bias!),
    cases: [
      { shapes: [[2, 3], [4, 3], [4]], attrs: {} },
      { shapes: [[2, 3, 2], [3, 2], [3]], attrs: {} },
      { shapes: [[2, 0], [3, 0], [3]], attrs: {} },
    ],
    large: { shapes: [[700, 384], [384, 384], [384]], attrs: {} },
  }),

  matmul: defineOp<'a' | 'b'>({
    name: 'matmul',
    inputs: ['a', 'b'],
    broadcasts: true,
    perMatrix: true,
    shape: ([a, b]) => [...broadcastShapes('matmul', batchOf(a!), batchOf(b!)), a!.shape.at(-2)!, b!.shape.at(-1)!],
    forward: (kernels, [a, b], y) => {
      const batch = y.shape.slice(0, -2)
      const folded = foldRows(a!, b!, y)
      if (folded) kernels.matmul(...folded)
      else
        kernels.matmul(
          stretch(a!, [...batch, ...a!.shape.slice(-2)]),
          stretch(b!, [...batch, ...b!.shape.slice(-2)]),
          y,
        )
    },
    derivatives: {
      a: linear(['b'], (dy, { b }) => multiply(dy, transposed(b))),
      // one matrix that serves a batch: all its rows in one product, instead of a product each that are then summed
      b: linear(['a'], (dy, { a }, { shapes }) =>
        shapes.b.length === 2
          ? multiply(transposed(asRows(a, 0)), asRows(dy, dy.rank - a.rank))
          : multiply(transposed(a), dy),
      ),
    },
    cases: [
      {
        shapes: [
          [2, 3],
          [3, 4],
        ],
        attrs: {},
      },
      {
        shapes: [
          [2, 1, 2, 3],
          [3, 3, 2],
        ],
        attrs: {},
      },
      {
        shapes: [
          [5, 2, 3],
          [3, 2],
        ],
        attrs: {},
      },
      {
        shapes: [
          [2, 0],
          [0, 3],
        ],
        attrs: {},
      },
    ],
    large: {
      shapes: [
        [128, 384],
        [384, 384],
      ],
      attrs: {},
    },
  }),
}

/** Where one matrix b serves the whole batch, the batch and the rows of a dense `a` are one long matrix. */
function foldRows(a: View, b: View, y: View): [View, View, View] | null {
  if (b.shape.length > 2 || a.shape.length < 3) return null
  const [rowStride, columnStride] = a.strides.slice(-2)
  let rows = a.shape.at(-2)!
  for (let axis = a.shape.length - 3; axis >= 0; axis--) {
    if (a.shape[axis] !== 1 && a.strides[axis] !== rowStride! * rows) return null
    rows *= a.shape[axis]!
  }
  const [k, n] = b.shape as [number, number]
  const dense = { ...y, shape: [rows, n], strides: [n, 1] }
  return [{ ...a, shape: [rows, k], strides: [rowStride!, columnStride!] }, b, dense]
}

export interface MatmulOptions {
  /** use aᵀ (its last two axes exchanged) */
  transposeA?: boolean
  /** use bᵀ */
  transposeB?: boolean
}

/**
 * The product of matrices in the last two axes; leading axes broadcast. A vector on the left is a row, on the right a
 * column, and that axis is dropped from the result. An inner size of 0 gives zeros; integers are computed as `f32`.
 *
 * @param a  `[…, m, k]`
 * @param b  `[…, k, n]`
 * @returns  `[…, m, n]`
 */
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError({ op: 'matmul', expected: 'vectors or matrices', got: `${show(a.shape)} · ${show(b.shape)}` })
  }
  const [x, y] = pair('matmul', a, b).map((operand) => (isFloat(operand.dtype) ? operand : cast(operand, 'f32'))) as [
    Tensor,
    Tensor,
  ]
  const left = x.rank === 1 ? unsqueeze(x, 0) : transposeA ? transposed(x) : x
  const right = y.rank === 1 ? unsqueeze(y, 1) : transposeB ? transposed(y) : y
  if (left.shape.at(-1) !== right.shape.at(-2)) {
    const flipped = y.rank > 1 && left.shape.at(-1) === right.shape.at(-1)
    throw new ShapeError({
      op: 'matmul',
      expected: 'equal inner sizes',
      got: `${show(a.shape)} · ${show(b.shape)}`,
      ...(flipped && { hint: `did you mean { transposeB: ${!transposeB} }?` }),
    })
  }
  const product = multiply(left, right)
  const dropped = [...(x.rank === 1 ? [-2] : []), ...(y.rank === 1 ? [-1] : [])]
  return dropped.length > 0 ? squeeze(product, dropped) : product
}

/**
 * x Wᵀ + b, the affine layer in PyTorch's layout.
 *
 * @param x       `[…, in]`
 * @param weight  `[out, in]`
 * @param bias    `[out]`, optional
 * @returns       `[…, out]`
 */
export function linearLayer(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  if (weight.rank !== 2 || x.rank === 0 || x.shape.at(-1) !== weight.shape[1]) {
    throw new ShapeError({
      op: 'linear',
      expected: 'x […, in] and weight [out, in]',
      got: `${show(x.shape)} and ${show(weight.shape)}`,
    })
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError({ op: 'linear', expected: `a bias [${weight.shape[0]}]`, got: show(bias.shape) })
  }
  if (!bias || x.rank < 2 || x.dtype !== weight.dtype || x.dtype !== bias.dtype || !isFloat(x.dtype)) {
    const product = matmul(x, weight, { transposeB: true })
    return bias ? add(product, bias) : product
  }
  return apply(matmulOps.linear, [x, weight, bias], {})
}

/** Σ aᵢ bᵢ of two vectors. */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 1 || b.rank !== 1) {
    throw new ShapeError({
      op: 'dot',
      expected: 'two vectors',
      got: `${show(a.shape)} and ${show(b.shape)}`,
      hint: 'use matmul',
    })
  }
  return matmul(a, b)
}

/** aᵢ bⱼ of two vectors `[m]` and `[n]`: a matrix `[m, n]`. */
export function outer(a: Tensor, b: Tensor): Tensor {
  if (a.rank !== 1 || b.rank !== 1) {
    throw new ShapeError({ op: 'outer', expected: 'two vectors', got: `${show(a.shape)} and ${show(b.shape)}` })
  }
  return matmul(reshape(a, [a.size, 1]), reshape(b, [1, b.size]))
}
