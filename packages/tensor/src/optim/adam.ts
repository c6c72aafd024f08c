/** Adam and its kin: Kingma and Ba 2015, Loshchilov and Hutter 2019, and the two variants that BERT was trained with. */
import type { AdamStep } from '../kernels.ts'
import { adamStep } from './adamStep.ts'
import { atLeastZero, checkOptions, type Optimizer, optimizer, type UpdateRule } from './optimizer.ts'

export interface AdamOptions {
  /** the learning rate */
  lr: number
  /** of the running mean of gradients; default 0.9 */
  beta1?: number
  /** of the running mean of their squares; default 0.999 */
  beta2?: number
  /** added to the root of the latter; default 1e-8 */
  eps?: number
  /** how it enters is what the variants differ in; default 0 */
  weightDecay?: number
}

/** What a variant makes of a step: `bias1` is 1 − beta1ⁿ, `bias2` 1 − beta2ⁿ. */
type Variant = (now: {
  lr: number
  weightDecay: number
  bias1: number
  bias2: number
}) => Pick<AdamStep, 'rate'> & Partial<Pick<AdamStep, 'decay' | 'unbias' | 'decayWith' | 'decayAfter'>>

function variant(op: string, options: AdamOptions, of: Variant): Optimizer {
  const settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, ...options }
  const { beta1, beta2, eps, weightDecay } = settings
  checkOptions(op, settings, {
    lr: atLeastZero,
    beta1: [0, 1],
    beta2: [0, 1],
    eps: atLeastZero,
    weightDecay: atLeastZero,
  })
  const rule: UpdateRule<'m' | 'v'> = (w, g, { m, v }, { step: n, lr, scale }) => {
    const own = of({ lr, weightDecay, bias1: 1 - beta1 ** n, bias2: 1 - beta2 ** n })
    const none = { decay: 0, decayWith: 0, decayAfter: 0, unbias: 1 }
    return adamStep({ w, m, v, g }, { scale, beta1, beta2, eps, ...none, ...own })
  }
  return optimizer(op, settings.lr, ['m', 'v'], rule)
}

/** Adam: g ← g + weightDecay · w; w ← w − lr m̂ / (√v̂ + eps), with the bias of the running means taken out. */
export const adam = (options: AdamOptions): Optimizer =>
  variant('adam', options, ({ lr, weightDecay, bias1, bias2 }) => ({
    decay: weightDecay,
    rate: lr / bias1,
    unbias: 1 / bias2,
  }))

/** AdamW: w ← w − lr · weightDecay · w first, then as `adam` without the decay. */
export const adamW = (options: AdamOptions): Optimizer =>
  variant('adamW', options, ({ lr, weightDecay, bias1, bias2 }) => ({
    decayWith: lr * weightDecay,
    rate: lr / bias1,
    unbias: 1 / bias2,
  }))

/** The optimiser of BERT's own TensorFlow code, without bias correction: w ← w − lr (m / (√v + eps) + weightDecay · w). */
export const adamBertTf = (options: AdamOptions): Optimizer =>
  variant('adamBertTf', options, ({ lr, weightDecay }) => ({ decayWith: lr * weightDecay, rate: lr }))

/**
 * AdamW as in Hugging Face's Transformers before it took PyTorch's: eps is added to the root that is not corrected, and
 * decay follows the step: w ← w − lr √(1 − beta2ⁿ) / (1 − beta1ⁿ) · m / (√v + eps); w ← w − lr · weightDecay · w.
 */
export const adamwHfLegacy = (options: AdamOptions): Optimizer =>
  variant('adamwHfLegacy', options, ({ lr, weightDecay, bias1, bias2 }) => ({
    rate: (lr * Math.sqrt(bias2)) / bias1,
    decayAfter: lr * weightDecay,
  }))
