/** Losses, with PyTorch's names for what becomes of their elements. */
import { ShapeError, show, unknownName } from '../errors.ts'
import { requireFloat } from '../op.ts'
import { sameShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add, div, mul, sub } from './arithmetic.ts'
import { cast } from './cast.ts'
import { notEqual } from './compare.ts'
import { checkIndex, gatherLast } from './gather.ts'
import { squeeze, unsqueeze } from './movement.ts'
import { mean, sum } from './reduce.ts'
import { where } from './select.ts'
import { logSoftmax } from './softmax.ts'
import { neg, softplus, square } from './unary.ts'

const reductions = ['none', 'sum', 'mean'] as const
export type Reduction = (typeof reductions)[number]

export interface LossOptions {
  /** what becomes of the elements' losses; default `mean` */
  reduction?: Reduction
}

export interface LabelLossOptions extends LossOptions {
  /** rows with this label give 0 and do not count in the mean; default null: no label is ignored */
  ignoreIndex?: number | null
}

function reduced(op: string, losses: Tensor, { reduction = 'mean' }: LossOptions): Tensor {
  if (!reductions.includes(reduction)) throw unknownName(op, 'a reduction', reduction, reductions)
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses)
}

function requireSameShape(op: string, x: Tensor, target: Tensor): void {
  requireFloat(op, x)
  if (sameShape(x.shape, target.shape)) return
  throw new ShapeError({ op, expected: `a target ${show(x.shape)}`, got: show(target.shape) })
}

/**
 * −logProbabilities[i, labelᵢ].
 *
 * @param logProbabilities  `[…, C]`
 * @param labels            `i32` `[…]`, in [0, C) or `ignoreIndex`
 * @returns a scalar, or `[…]` without reduction; the mean over no row is NaN
 */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: LabelLossOptions = {}): Tensor {
  return labelLoss('nllLoss', logProbabilities, labels, options)
}

/**
 * −log softmax(logits)[i, labelᵢ], without overflow.
 *
 * @param logits  `[…, C]`
 * @param labels  `i32` `[…]`, in [0, C) or `ignoreIndex`
 * @returns a scalar, or `[…]` without reduction; the mean over no row is NaN
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: LabelLossOptions = {}): Tensor {
  return labelLoss('crossEntropy', logSoftmax(logits), labels, options)
}

function labelLoss(op: string, logProbabilities: Tensor, labels: Tensor, options: LabelLossOptions): Tensor {
  requireFloat(op, logProbabilities)
  const rows = logProbabilities.shape.slice(0, -1)
  if (logProbabilities.rank === 0 || !sameShape(labels.shape, rows)) {
    throw new ShapeError({ op, expected: `a label for each row, ${show(rows)}`, got: show(labels.shape) })
  }
  const { ignoreIndex = null, reduction = 'mean' } = options
  checkIndex(op, labels, logProbabilities.shape.at(-1)!, ignoreIndex)
  const counted = ignoreIndex === null ? null : notEqual(labels, ignoreIndex)
  const known = counted ? where(counted, labels, 0) : labels
  const losses = neg(squeeze(gatherLast(logProbabilities, unsqueeze(known, -1)), -1))
  if (!counted) return reduced(op, losses, { reduction })
  const kept = where(counted, losses, 0)
  if (reduction !== 'mean') return reduced(op, kept, { reduction })
  return div(sum(kept), cast(sum(counted), losses.dtype))
}

/**
 * −target log σ(x) − (1 − target) log(1 − σ(x)), as (1 − target) x + softplus(−x), which does not overflow.
 *
 * @param target  the shape of x, in [0, 1]
 */
export function binaryCrossEntropyWithLogits(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireSameShape('binaryCrossEntropyWithLogits', x, target)
  const losses = add(mul(sub(1, target), x), softplus(neg(x)))
  return reduced('binaryCrossEntropyWithLogits', losses, options)
}

/** (x − target)², the mean of which is the mean squared error. */
export function mse(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireSameShape('mse', x, target)
  return reduced('mse', square(sub(x, target)), options)
}
