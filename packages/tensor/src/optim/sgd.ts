/** Stochastic gradient descent. */
import { OptionError } from '../errors.ts'
import { add, mul, sub } from '../ops/arithmetic.ts'
import type { Tensor } from '../tensor.ts'
import { atLeastZero, checkOptions, type Optimizer, optimizer } from './optimizer.ts'

const scaled = (g: Tensor, scale: number): Tensor => (scale === 1 ? g : mul(g, scale))

export interface SgdOptions {
  /** the learning rate */
  lr: number
  /** of the running gradient; default 0: none is kept */
  momentum?: number
  /** share of the gradient that does not enter the running one; default 0 */
  dampening?: number
  /** step along the gradient of the point that momentum leads to; default false. Needs a momentum, and no dampening */
  nesterov?: boolean
  /** adds weightDecay · w to the gradient; default 0 */
  weightDecay?: number
}

/**
 * w ← w − lr d. With g ← g + weightDecay · w and a buffer b that is g at the first step and then
 * momentum · b + (1 − dampening) g: d = b, or g + momentum · b with `nesterov`, or g without momentum. As PyTorch's SGD.
 */
export function sgd(options: SgdOptions): Optimizer {
  const settings = { momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, ...options }
  const { lr, momentum, dampening, nesterov, weightDecay } = settings
  checkOptions('sgd', settings, {
    lr: atLeastZero,
    momentum: atLeastZero,
    dampening: atLeastZero,
    weightDecay: atLeastZero,
  })
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new OptionError({
      op: 'sgd',
      expected: 'a momentum and no dampening with nesterov',
      got: `momentum ${momentum} and dampening ${dampening}`,
    })
  }
  if (momentum === 0) {
    return optimizer('sgd', lr, [], (w, given, _, now) => {
      const gradient = scaled(given, now.scale)
      const g = weightDecay === 0 ? gradient : add(gradient, mul(w, weightDecay))
      return { w: sub(w, mul(g, now.lr)) }
    })
  }
  return optimizer('sgd', lr, ['momentum'], (w, given, slots, now) => {
    const gradient = scaled(given, now.scale)
    const g = weightDecay === 0 ? gradient : add(gradient, mul(w, weightDecay))
    // ×1 copies: the state must not be the caller's own gradient
    const buffer = now.step === 1 ? mul(g, 1) : add(mul(slots.momentum, momentum), mul(g, 1 - dampening))
    const d = nesterov ? add(g, mul(buffer, momentum)) : buffer
    return { w: sub(w, mul(d, now.lr)), momentum: buffer }
  })
}
