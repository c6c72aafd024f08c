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

  /** p ∘ (d − ⟨d, p⟩) of probabilities p, which d may repeat. */
  softmaxDerivative: defineOp<'d' | 'p'>({
    name: 'softmaxDerivative',
    inputs: ['d', 'p'],
    broadcasts: true,
    shape: ([d]) => d!.shape,
    forward: (kernels, [d, p], result) => kernels.softmaxDerivative(d!, p!, result),
    derivatives: {
      d: linear(['p'], (c, { p }) => softmaxRule(c, p)),
      p: both({
        reads: ['d', 'p'],
        vjp: (c, { d, p }) => sub(mul(c, sub(d, inner(d, p))), mul(d, inner(c, p))),
        jvp: (dp, { d, p }) => sub(mul(dp, sub(d, inner(d, p))), mul(p, inner(d, dp))),
      }),
    },
    decomposition: ([d, p]) => mul(p!, sub(d!, inner(d!, p!))),
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
