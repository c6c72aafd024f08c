/** Random tensors by key: the same key and shape give the same numbers, on every device. */
import { type DType, newArray, type TypedArray } from '../dtype.ts'
import { DTypeError, OptionError } from '../errors.ts'
import { requireFloat } from '../op.ts'
import { mul } from '../ops/arithmetic.ts'
import { type CreateOptions, tensor } from '../ops/create.ts'
import { where } from '../ops/select.ts'
import { checkShape, type Shape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { philox, type Words } from './philox.ts'

/** Names one stream of random numbers. Plain data; use each key once, and `fold` it for more. */
export type RandomKey = readonly [number, number]

/** What a counter's third word is for, so that no two uses of a key share numbers. */
const uses = { fold: 1, uniform: 2, normal: 3, truncated: 4, permutation: 5 } as const

function requireWhole(op: string, n: number): void {
  if (Number.isSafeInteger(n) && n >= 0) return
  throw new OptionError({ op, expected: 'a non-negative safe integer', got: String(n) })
}

const low = (n: number): number => n >>> 0
const high = (n: number): number => Math.floor(n / 2 ** 32) >>> 0

/** The key of a seed, a non-negative integer. */
export function randomKey(seed: number): RandomKey {
  requireWhole('randomKey', seed)
  return [low(seed), high(seed)]
}

/** A key of its own for each number (a step, a layer), as unrelated to `key` as two seeds are. */
export function fold(key: RandomKey, n: number): RandomKey {
  requireWhole('fold', n)
  const [a, b] = philox([low(n), high(n), uses.fold, 0], key)
  return [a, b]
}

/** In [0, 1): 53 bits of two words. */
const unit = (a: number, b: number): number => ((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53

/** A standard normal number of four words, by Box and Muller's formula. */
const gaussian = ([a, b, c, d]: Words): number =>
  Math.sqrt(-2 * Math.log(1 - unit(a, b))) * Math.cos(2 * Math.PI * unit(c, d))

/** A tensor whose element i is `draw(i)`. */
function drawn(op: string, shape: Shape, options: CreateOptions, draw: (i: number, dtype: DType) => number): Tensor {
  const dtype = options.dtype ?? 'f32'
  if (dtype !== 'f32' && dtype !== 'f64') throw new DTypeError({ op, expected: 'a float dtype', got: dtype })
  checkShape(op, shape)
  const array: TypedArray = newArray(dtype, sizeOf(shape))
  for (let i = 0; i < array.length; i++) array[i] = draw(i, dtype)
  return tensor(array, shape, { ...options, dtype })
}

/** In [0, 1), with as many bits as the dtype has, so that rounding never gives 1. */
function uniformAt(key: RandomKey, i: number, dtype: DType): number {
  const [a, b] = philox([low(i), high(i), uses.uniform, 0], key)
  return dtype === 'f32' ? (a >>> 8) / 2 ** 24 : unit(a, b)
}

export interface UniformOptions extends CreateOptions {
  /** included; default 0 */
  low?: number
  /** excluded, but for rounding; default 1 */
  high?: number
}

/** Uniform numbers in [low, high); `f32` by default. */
export function uniform(
  shape: Shape,
  key: RandomKey,
  { low: from = 0, high: to = 1, ...options }: UniformOptions = {},
): Tensor {
  if (!(from <= to)) throw new OptionError({ op: 'uniform', expected: 'low ≤ high', got: `${from} and ${to}` })
  return drawn('uniform', shape, options, (i, dtype) => from + (to - from) * uniformAt(key, i, dtype))
}

export interface NormalOptions extends CreateOptions {
  /** default 0 */
  mean?: number
  /** the standard deviation, of `truncatedNormal` before cutting; default 1 */
  std?: number
}

function requireStd(op: string, std: number): void {
  if (!(std >= 0)) throw new OptionError({ op, expected: 'std ≥ 0', got: String(std) })
}

/** Normal numbers; `f32` by default. */
export function normal(shape: Shape, key: RandomKey, { mean = 0, std = 1, ...options }: NormalOptions = {}): Tensor {
  requireStd('normal', std)
  return drawn('normal', shape, options, (i) => mean + std * gaussian(philox([low(i), high(i), uses.normal, 0], key)))
}

/** Normal numbers no further than two standard deviations from the mean: others are drawn again. */
export function truncatedNormal(
  shape: Shape,
  key: RandomKey,
  { mean = 0, std = 1, ...options }: NormalOptions = {},
): Tensor {
  requireStd('truncatedNormal', std)
  return drawn('truncatedNormal', shape, options, (i) => {
    for (let attempt = 0; ; attempt++) {
      const x = gaussian(philox([low(i), high(i), uses.truncated, attempt], key))
      if (Math.abs(x) <= 2) return mean + std * x
    }
  })
}

/** The numbers 0 to n − 1 in random order: an `i32` vector. */
export function permutation(n: number, key: RandomKey, options: { device?: string } = {}): Tensor {
  checkShape('permutation', [n])
  const order = newArray('i32', n).map((_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const [a, b] = philox([low(i), high(i), uses.permutation, 0], key)
    const j = Math.floor(unit(a, b) * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return tensor(order, null, options)
}

/**
 * Zeros with probability `rate`, elsewhere x / (1 − rate), so that the mean stays (Srivastava et al. 2014). Which
 * elements, follows from `key` and their position alone: the same call in a recomputation drops the same ones. The mask
 * is a constant of derivatives. A rate of 0 returns x itself: leave dropout out in evaluation.
 *
 * @param rate  in [0, 1)
 */
export function dropout(x: Tensor, rate: number, key: RandomKey): Tensor {
  requireFloat('dropout', x)
  if (!(rate >= 0 && rate < 1))
    throw new OptionError({ op: 'dropout', expected: 'a rate in [0, 1)', got: String(rate) })
  if (rate === 0) return x
  const kept = newArray('bool', x.size)
  for (let i = 0; i < kept.length; i++) kept[i] = Number(uniformAt(key, i, 'f32') >= rate)
  return where(tensor(kept, x.shape, { device: x.device }), mul(x, 1 / (1 - rate)), 0)
}
