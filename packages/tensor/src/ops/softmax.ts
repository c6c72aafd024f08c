/** Softmax and its kin; the operations work on the last axis, the functions move the named axis there. */
import { DTypeError } from '../errors.ts'
import { apply, both, defineOp, linear, requireFloat, stretch, symmetric } from '../op.ts'
import { axisFromEnd } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { mul, sub } from './arithmetic.ts'
import { expand, moveAxis } from './movement.ts'
import { logSumExp, sum } from './reduce.ts'
import { exp } from './unary.ts'

const inner = (a: Tensor, b: Tensor): Tensor => sum(mul(a, b), -1, { keepDims: true })

/** J d; the Jacobian diag(y) − y yᵀ is symmetric. */
const softmaxRule = (d: Tensor, y: Tensor): Tensor => apply(softmaxOps.softmaxDerivative, [d, y], {})

export const softmaxOps = {
  softmax: defineOp<'x'>({
    name: 'softmax',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y) => kernels.softmax(x!, y),
    derivatives: { x: symmetric(['y'], (d, { y }) => softmaxRule(d, y)) },
    decomposition: ([x]) => exp(logSoftmax(x!)),
    cases: [
      { shapes: [[2, 5]], attrs: {} },
      { shapes: [[1]], attrs: {} },
      { shapes: [[2, 0]], attrs: {} },
    ],
    large: { shapes: [[12, 128, 128]], attrs: {} },
  }),

  maskedSoftmax: defineOp<'x' | 'mask'>({
    name: 'maskedSoftmax',
    inputs: ['x', 'mask'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x, mask], y) => kernels.maskedSoftmax(x!, stretch(mask!, y.shape), y),
    derivatives: { x: symmetric(['y'], (d, { y }) => softmaxRule(d, y)) },
    cases: [
      { shapes: [[3, 9], [9]], attrs: {}, booleans: [1] },
      {
        shapes: [
          [4, 5],
          [4, 5],
        ],
        attrs: {},
        booleans: [1],
      },
    ],
    large: { shapes: [[12, 128, 128], [128]], attrs: {}, booleans: [1] },
  }),

  /** y ∘ (d − ⟨d, y⟩) of probabilities y, which d may repeat. */
  softmaxDerivative: defineOp<'d' | 'y'>({
    name: 'softmaxDerivative',
    inputs: ['d', 'y'],
    broadcasts: true,
    shape: ([d]) => d!.shape,
    forward: (kernels, [d, y], result) => kernels.softmaxDerivative(d!, y!, result),
    derivatives: {
      d: linear(['y'], (c, { y }) => softmaxRule(c, y)),
      y: both({
        reads: ['d', 'y'],
        vjp: (c, { d, y }) => sub(mul(c, sub(d, inner(d, y))), mul(d, inner(c, y))),
        jvp: (dy, { d, y }) => sub(mul(dy, sub(d, inner(d, y))), mul(y, inner(d, dy))),
      }),
    },
    decomposition: ([d, y]) => mul(y!, sub(d!, inner(d!, y!))),
    cases: [
      {
        shapes: [
          [3, 5],
          [3, 5],
        ],
        attrs: {},
      },
      {
        shapes: [
          [2, 3, 5],
          [3, 5],
        ],
        attrs: {},
      },
    ],
    large: {
      shapes: [
        [12, 128, 128],
        [12, 128, 128],
      ],
      attrs: {},
    },
  }),
}

/**
 * softmax(x)ᵢ = e^(xᵢ − max x) / Σⱼ e^(xⱼ − max x) along an axis (default the last). Rows sum to 1. A row that is all
 * −Infinity gives NaN, as in PyTorch; `maskedSoftmax` gives zeros.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  requireFloat('softmax', x)
  const at = axisFromEnd('softmax', axis, x.rank)
  return moveAxis(apply(softmaxOps.softmax, [moveAxis(x, at, -1)], {}), -1, at)
}

/** log softmax(x) along an axis (default the last), without overflow: x − logSumExp x. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  requireFloat('logSoftmax', x)
  return sub(x, logSumExp(x, axis, { keepDims: true }))
}

/**
 * softmax over the entries that `mask` keeps, along an axis (default the last). The others are 0 whatever x holds
 * there; a row without a kept entry is all zeros, with zero gradient.
 *
 * @param mask  `bool`, true = keep; broadcasts to x
 */
export function maskedSoftmax(x: Tensor, mask: Tensor, axis = -1): Tensor {
  requireFloat('maskedSoftmax', x)
  if (mask.dtype !== 'bool') throw new DTypeError({ op: 'maskedSoftmax', expected: 'a bool mask', got: mask.dtype })
  const at = axisFromEnd('maskedSoftmax', axis, x.rank)
  const keep = moveAxis(expand(mask, x.shape), at, -1)
  return moveAxis(apply(softmaxOps.maskedSoftmax, [moveAxis(x, at, -1), keep], {}), -1, at)
}
