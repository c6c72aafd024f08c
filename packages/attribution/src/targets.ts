/** Scalars of an encoder's output, and baselines of its input. */
import type { Bert, BertEncoding } from '@antecedent/bert'
import {
  contiguous,
  expand,
  max,
  mean,
  mul,
  norm,
  OptionError,
  scope,
  select,
  stack,
  sum,
  type Tensor,
  unknownName,
  zeros,
} from '@antecedent/tensor'
import { type Maximum, maximumOf } from './maximum.ts'

const reductions = {
  max: (x: Tensor) => max(x, -1),
  sum: (x: Tensor) => sum(x, -1),
  mean: (x: Tensor) => mean(x, -1),
  l2: (x: Tensor) => norm(x, -1),
}

/** `max` (the paper's), `sum`, `mean`, `l2`, or one dimension as `dim:17`. */
export type Reduction = keyof typeof reductions | `dim:${number}`

export interface TokenTarget {
  /** position of the token; in a batch one for all, or a list with one per example */
  token: number | readonly number[]
  /** how its vector becomes a scalar; default `max` */
  reduce?: Reduction
  /** in the place of `reduce`: the inner product with this vector [H] */
  reference?: Tensor
}

/**
 * The scalar of one token's output vector.
 *
 * @param hidden  `[…, L, H]`
 * @returns       `[…]`
 * @throws {OptionError} for an unknown reduction; `ShapeError` for a token or dimension that is not there
 */
export function reduceToken(hidden: Tensor, { token, reduce = 'max', reference }: TokenTarget): Tensor {
  const vector = vectorOf(hidden, token)
  if (reference) return sum(mul(vector, reference), -1)
  if (Object.hasOwn(reductions, reduce)) return reductions[reduce as keyof typeof reductions](vector)
  const dimension = /^dim:(\d+)$/.exec(reduce)
  if (dimension) return select(vector, Number(dimension[1]), -1)
  throw unknownName('reduceToken', 'a reduction', reduce, [...Object.keys(reductions), 'dim:J'])
}

const vectorOf = (hidden: Tensor, token: number | readonly number[]): Tensor =>
  typeof token === 'number' ? select(hidden, token, -2) : perExample(hidden, token)

/**
 * The maximum of one token's output vector as a target whose path is cut by the winning dimension: the same F as that
 * of `reduceToken` with `max`, integrated without its jumps.
 *
 * @param hidden  `[…, L, H]`
 * @param token   position of the token; in a batch one for all, or a list with one per example
 * @throws {ShapeError} for a token that is not there
 */
export const tokenMaximum = (hidden: Tensor, token: number | readonly number[]): Maximum =>
  maximumOf(vectorOf(hidden, token))

/** The vector of a token of its own for every example: `[…, B, L, H]` to `[…, B, H]`. */
function perExample(hidden: Tensor, tokens: readonly number[]): Tensor {
  if (hidden.rank < 3 || hidden.shape.at(-3) !== tokens.length) {
    const expected = `a token for each of ${hidden.shape.at(-3) ?? 'no'} examples`
    throw new OptionError({ op: 'reduceToken', expected, got: String(tokens.length) })
  }
  return stack(
    tokens.map((token, b) => select(select(hidden, b, -3), token, -2)),
    -2,
  )
}

/** The encoding with `id` in the place of every token but those that the tokenizer added. */
function replaceWords(input: BertEncoding, id: number, piece: string): BertEncoding {
  const kept = <T>(list: readonly T[], other: T) => list.map((x, i) => (input.specialTokensMask[i] ? x : other))
  return { ...input, ids: kept(input.ids, id), tokens: kept(input.tokens, piece) }
}

/** The paper's baseline: every word is [PAD]; [CLS] and [SEP] stay, and all tokens are attended to. */
export const padBaseline = (input: BertEncoding): BertEncoding => replaceWords(input, input.padId, '[PAD]')

/** Every word is [MASK]; [CLS] and [SEP] stay. */
export const maskBaseline = (input: BertEncoding): BertEncoding => replaceWords(input, input.maskId, '[MASK]')

/** Zeros in the place of every token's vector, at a site of shape [L, H]. The caller disposes them. */
export const zeroBaseline = (bert: Bert, input: BertEncoding): Tensor =>
  zeros([input.ids.length, bert.config.hiddenSize], wordEmbeddings(bert))

/** The mean row of the word embeddings in the place of every token's vector, at a site [L, H]. The caller disposes it. */
export const meanBaseline = (bert: Bert, input: BertEncoding): Tensor =>
  scope(() => contiguous(expand(mean(wordEmbeddings(bert), 0), [input.ids.length, bert.config.hiddenSize])))

const wordEmbeddings = (bert: Bert): Tensor => bert.parameters['embeddings.word_embeddings.weight']!

const baselines = {
  pad: (_: Bert, input: BertEncoding) => padBaseline(input),
  mask: (_: Bert, input: BertEncoding) => maskBaseline(input),
  zero: zeroBaseline,
  mean: meanBaseline,
} satisfies Record<string, (bert: Bert, input: BertEncoding) => BertEncoding | Tensor>

export type BaselineName = keyof typeof baselines

/** Names that `baselineOf` knows. */
export const baselineNames = Object.keys(baselines) as BaselineName[]

/** A baseline by its name: `pad` and `mask` are inputs, `zero` and `mean` values at the site. */
export function baselineOf(name: string, bert: Bert, input: BertEncoding): BertEncoding | Tensor {
  if (Object.hasOwn(baselines, name)) return baselines[name as BaselineName](bert, input)
  throw unknownName('baseline', 'a baseline', name, baselineNames)
}
