/** Random tensors by key: the same key and shape give the same numbers, on every device. */
import { type DType, newArray, type TypedArray } from '../dtype.ts'
import { DTypeError, OptionError } from '../errors.ts'
import { type CreateOptions, tensor } from '../ops/create.ts'
import { checkShape, type Shape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { high, low, type RandomKey, type Words, wordsAt } from './philox.ts'

export type { RandomKey } from './philox.ts'

function requireWhole(op: string, n: number): void {
  if (Number.isSafeInteger(n) && n >= 0) return
  throw new OptionError({ op, expected: 'a non-negative safe integer', got: String(n) })
}

/** The key of a seed, a non-negative integer. */
export function randomKey(seed: number): RandomKey {
  requireWhole('randomKey', seed)
  return [low(seed), high(seed)]
}

/** A key of its own for each number (a step, a layer), as unrelated to `key` as two seeds are. */
export function fold(key: RandomKey, n: number): RandomKey {
  requireWhole('fold', n)
  const [a, b] = wordsAt(key, 'fold', n)
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
  const [a, b] = wordsAt(key, 'uniform', i)
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
  return drawn('normal', shape, options, (i) => mean + std * gaussian(wordsAt(key, 'normal', i)))
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
      const x = gaussian(wordsAt(key, 'truncated', i, attempt))
      if (Math.abs(x) <= 2) return mean + std * x
    }
  })
}

/** The numbers 0 to n − 1 in random order: an `i32` vector. */
export function permutation(n: number, key: RandomKey, options: { device?: string } = {}): Tensor {
  checkShape('permutation', [n])
  const order = newArray('i32', n).map((_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const [a, b] = wordsAt(key, 'permutation', i)
    const j = Math.floor(unit(a, b) * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return tensor(order, null, options)
}
