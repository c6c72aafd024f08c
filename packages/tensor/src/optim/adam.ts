/** Adam and its kin: Kingma and Ba 2015, Loshchilov and Hutter 2019, and the two variants that BERT was trained with. */
import { add, div, mul, sub } from '../ops/arithmetic.ts'
import { sqrt, square } from '../ops/unary.ts'
import type { Tensor } from '../tensor.ts'
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

type Settings = Required<AdamOptions>

/** The step from the running means, before the learning rate or with it, as the variant says. */
type Step = (
  w: Tensor,
  m: Tensor,
  v: Tensor,
  now: { lr: number /** 1 − beta1ⁿ */; bias1: number /** 1 − beta2ⁿ */; bias2: number },
  settings: Settings,
) => Tensor

/** A variant by what enters the running means and by its step. */
function variant(op: string, options: AdamOptions, step: Step, decayInGradient = false): Optimizer {
  const settings: Settings = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, ...options }
  const { beta1, beta2, weightDecay } = settings
  checkOptions(op, settings, {
    lr: atLeastZero,
    beta1: [0, 1],
    beta2: [0, 1],
    eps: atLeastZero,
    weightDecay: atLeastZero,
  })
  const rule: UpdateRule<'m' | 'v'> = (w, gradient, slots, { step: n, lr }) => {
    const g = decayInGradient && weightDecay > 0 ? add(gradient, mul(w, weightDecay)) : gradient
    const m = add(mul(slots.m, beta1), mul(g, 1 - beta1))
    const v = add(mul(slots.v, beta2), mul(square(g), 1 - beta2))
    return { w: step(w, m, v, { lr, bias1: 1 - beta1 ** n, bias2: 1 - beta2 ** n }, settings), m, v }
  }
  return optimizer(op, settings.lr, ['m', 'v'], rule)
}

/** lr (m / (1 − beta1ⁿ)) / (√(v / (1 − beta2ⁿ)) + eps). */
const corrected: (...args: Parameters<Step>) => Tensor = (_, m, v, { lr, bias1, bias2 }, { eps }) =>
  mul(div(div(m, bias1), add(sqrt(div(v, bias2)), eps)), lr)

/** Adam: g ← g + weightDecay · w; w ← w − lr m̂ / (√v̂ + eps), with the bias of the running means taken out. */
export const adam = (options: AdamOptions): Optimizer =>
  variant('adam', options, (w, ...rest) => sub(w, corrected(w, ...rest)), true)

/** AdamW: w ← w − lr · weightDecay · w first, then as `adam` without the decay. */
export const adamW = (options: AdamOptions): Optimizer =>
  variant('adamW', options, (w, m, v, now, settings) => {
    const decayed = mul(w, 1 - now.lr * settings.weightDecay)
    return sub(decayed, corrected(w, m, v, now, settings))
  })

/** The optimiser of BERT's own TensorFlow code, without bias correction: w ← w − lr (m / (√v + eps) + weightDecay · w). */
export const adamBertTf = (options: AdamOptions): Optimizer =>
  variant('adamBertTf', options, (w, m, v, { lr }, { eps, weightDecay }) =>
    sub(w, mul(add(div(m, add(sqrt(v), eps)), mul(w, weightDecay)), lr)),
  )

/**
 * AdamW as in Hugging Face's Transformers before it took PyTorch's: eps is added to the root that is not corrected, and
 * decay follows the step: w ← w − lr √(1 − beta2ⁿ) / (1 − beta1ⁿ) · m / (√v + eps); w ← w − lr · weightDecay · w.
 */
export const adamwHfLegacy = (options: AdamOptions): Optimizer =>
  variant('adamwHfLegacy', options, (w, m, v, { lr, bias1, bias2 }, { eps, weightDecay }) => {
    const stepped = sub(w, mul(div(m, add(sqrt(v), eps)), (lr * Math.sqrt(bias2)) / bias1))
    return mul(stepped, 1 - lr * weightDecay)
  })
