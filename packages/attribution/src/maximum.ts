/** Targets: smooth scalars, and maxima of smooth functions, which the path is cut for. */
import { max, ShapeError, stack, Tensor } from '@antecedent/tensor'

/** F = the largest of several smooth functions, which are kept apart. Made by `maximumOf`. */
export interface Maximum {
  readonly kind: 'maximum'
  readonly of: Tensor
}

/** A scalar per example, as a tensor, or as the maximum of several. */
export type Target = Tensor | Maximum

/** One target, or a list of them. */
export type Targets = Target | readonly Target[]

/**
 * The target F = max over the last axis of y, for Integrated Gradients. The winning coordinate changes along the path
 * and the gradient jumps there, where fixed rules lose their accuracy; for a target made by this function the path is
 * cut at every change of the winner, and each piece is integrated for the winner that it has.
 *
 * @param y  `[n]` or `[…, n]`: smooth functions of the values on the path
 * @throws {ShapeError} where y has no axis, or an empty one
 */
export function maximumOf(y: Tensor): Maximum {
  if (y.rank === 0 || y.shape.at(-1) === 0) {
    throw new ShapeError({ op: 'maximumOf', expected: 'values along a last axis', got: `[${y.shape.join(', ')}]` })
  }
  return { kind: 'maximum', of: y }
}

/** @internal */
export const isMaximum = (target: Target): target is Maximum => !(target instanceof Tensor)

/** @internal */
export const listOf = (targets: Targets): readonly Target[] => (Array.isArray(targets) ? targets : [targets as Target])

/** @internal The tensor of a target: its value, or all the functions whose maximum it is. */
export const tensorOf = (target: Target): Tensor => (isMaximum(target) ? target.of : target)

/** @internal The values of targets as one tensor `[targets, …]`. */
export const valuesOf = (targets: Targets): Tensor =>
  stack(listOf(targets).map((target) => (isMaximum(target) ? max(target.of, -1) : target)))

/** @internal Which targets are maxima. */
export const maximaOf = (targets: Targets): boolean[] => listOf(targets).map(isMaximum)
