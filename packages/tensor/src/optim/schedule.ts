/** Learning rates over time, and the length of gradients. */
import { OptionError } from '../errors.ts'
import { add, div, minimum, mul } from '../ops/arithmetic.ts'
import { cast } from '../ops/cast.ts'
import { full } from '../ops/create.ts'
import { sumOfSquares } from '../ops/reduce.ts'
import { sqrt } from '../ops/unary.ts'
import { scope } from '../scope.ts'
import type { Tensor } from '../tensor.ts'
import { atLeastZero, checkOptions } from './optimizer.ts'

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number

export interface WarmupOptions {
  /** the highest rate, reached at the end of the warm-up */
  lr: number
  /** steps over which the rate rises from 0; default 0 */
  warmupSteps?: number
}

export interface LinearScheduleOptions extends WarmupOptions {
  /** the step at which the rate is 0 again, and stays */
  totalSteps: number
}

/** lr · step / warmupSteps during the warm-up, then `after`. */
function warmedUp(op: string, { lr, warmupSteps = 0 }: WarmupOptions, after: Schedule): Schedule {
  checkOptions(op, { lr, warmupSteps }, { lr: atLeastZero, warmupSteps: atLeastZero })
  return (step) => (step < warmupSteps ? (lr * step) / Math.max(1, warmupSteps) : after(step))
}

/** Rises from 0 to `lr` and falls to 0 along straight lines: BERT's schedule. */
export function linearSchedule(options: LinearScheduleOptions): Schedule {
  const { lr, warmupSteps = 0, totalSteps } = options
  checkOptions('linearSchedule', options, { totalSteps: atLeastZero })
  return warmedUp(
    'linearSchedule',
    options,
    (step) => lr * Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)),
  )
}

/** Rises from 0 to `lr` and stays there. */
export const constantSchedule = (options: WarmupOptions): Schedule =>
  warmedUp('constantSchedule', options, () => options.lr)

/**
 * The 2-norm of all gradients together, one number; 0 of none, NaN where one holds a NaN. For clipping without a copy of
 * the gradients: `update(params, gradients, state, lr, Math.min(1, maxNorm / (norm.item() + 1e-6)))`.
 */
export const gradNorm = (gradients: readonly Tensor[]): Tensor =>
  scope(() => {
    const [first, ...more] = gradients.map((g) => sumOfSquares(g))
    return first ? sqrt(more.reduce(add, first)) : full([], 0)
  })

/**
 * Scales gradients down so that their 2-norm, of all together, is at most `maxNorm`: by
 * min(1, maxNorm / (norm + 1e-6)), as PyTorch's `clip_grad_norm_`. A NaN in any makes all NaN.
 *
 * @returns the norm before, and new gradients, each in its own dtype
 */
export function clipGradNorm(gradients: readonly Tensor[], maxNorm: number): { norm: Tensor; gradients: Tensor[] } {
  if (!(maxNorm > 0)) throw new OptionError({ op: 'clipGradNorm', expected: 'maxNorm > 0', got: String(maxNorm) })
  return scope(() => {
    const norm = gradNorm(gradients)
    const scale = minimum(div(maxNorm, add(norm, 1e-6)), 1)
    return { norm, gradients: gradients.map((g) => cast(mul(g, scale), g.dtype)) }
  })
}
