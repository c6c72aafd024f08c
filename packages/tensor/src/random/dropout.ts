/**
 * Dropout: an operation whose mask is made where it is used, from a key and places, and never stored; and the dropout of
 * a pass through a model, which has many places.
 */
import { OptionError } from '../errors.ts'
import type { Dropped } from '../kernels.ts'
import { apply, defineOp, requireFloat, symmetric } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import type { RandomKey } from './philox.ts'
import { fold } from './random.ts'

const run = (x: Tensor, dropped: Dropped): Tensor => apply(dropoutOps.dropout, [x], dropped)

const key: RandomKey = [0x243f6a88, 0x85a308d3]

export const dropoutOps = {
  /** x / (1 − rate), or 0 at the places that the key drops: the same ones in every `period` elements. */
  dropout: defineOp<'x', Dropped>({
    name: 'dropout',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y, dropped) => kernels.dropout(x!, dropped, y),
    // linear and diagonal; with directions in front, the period is still that of x
    derivatives: { x: symmetric([], (d, _, { attrs }) => run(d, attrs)) },
    cases: [
      { shapes: [[3, 5]], attrs: { rate: 0.3, key, period: 15 } },
      { shapes: [[2, 3, 7]], attrs: { rate: 0.5, key, period: 21 } },
      { shapes: [[]], attrs: { rate: 0.1, key, period: 1 } },
    ],
    large: { shapes: [[256, 1536]], attrs: { rate: 0.3, key, period: 256 * 1536 } },
  }),
}

/** @throws {OptionError} unless a rate lies in [0, 1) */
export function checkRate(op: string, rate: number): void {
  if (rate >= 0 && rate < 1) return
  throw new OptionError({ op, expected: 'a rate in [0, 1)', got: String(rate) })
}

/**
 * Zeros with probability `rate`, also in the place of NaN; elsewhere x / (1 − rate), so that the mean stays (Srivastava
 * et al. 2014). Which elements, follows from `key` and their position in x alone: the same call in a recomputation drops
 * the same ones, and so does every direction of a derivative. A rate of 0 returns x itself: leave dropout out in
 * evaluation.
 *
 * @param x     a float tensor of any shape
 * @param rate  in [0, 1)
 * @throws {DTypeError} where x is no float tensor
 * @throws {OptionError} where the rate is not in [0, 1)
 */
export function dropout(x: Tensor, rate: number, key: RandomKey): Tensor {
  requireFloat('dropout', x)
  checkRate('dropout', rate)
  return rate === 0 ? x : run(x, { rate, key, period: x.size })
}

/** One use of dropout. It may run again in a recomputation, and drops the same elements then. */
export interface Drop {
  (x: Tensor): Tensor
  /** what it drops, for operations that do so themselves; null for nothing */
  readonly dropped: { readonly key: RandomKey; readonly rate: number } | null
}

/** Gives every place of a pass its own dropout. */
export interface Dropout {
  next(): Drop
}

const nothing: Drop = Object.assign((x: Tensor) => x, { dropped: null })

/** Evaluation: everything stays. */
export const noDropout: Dropout = { next: () => nothing }

/** Training: at every place of the pass, each element is dropped with probability `rate`, by `key`. */
export function dropoutOf(rate: number, key: RandomKey): Dropout {
  if (rate === 0) return noDropout
  let place = 0
  return {
    next() {
      const dropped = { key: fold(key, place++), rate }
      return Object.assign((x: Tensor) => dropout(x, rate, dropped.key), { dropped })
    },
  }
}
