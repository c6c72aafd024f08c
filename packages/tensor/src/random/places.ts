/** Dropout at the many places of one pass. */
import type { Tensor } from '../tensor.ts'
import { dropout } from './dropout.ts'
import { fold, type RandomKey } from './random.ts'

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
