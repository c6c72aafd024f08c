/** Scalars of an encoder's output, and baselines of its input. */
import type { BertEncoding } from '@antecedent/bert'
import { max, mean, mul, norm, OptionError, select, stack, sum, type Tensor, unknownName } from '@antecedent/tensor'

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
  const vector = typeof token === 'number' ? select(hidden, token, -2) : perExample(hidden, token)
  if (reference) return sum(mul(vector, reference), -1)
  if (Object.hasOwn(reductions, reduce)) return reductions[reduce as keyof typeof reductions](vector)
  const dimension = /^dim:(\d+)$/.exec(reduce)
  if (dimension) return select(vector, Number(dimension[1]), -1)
  throw unknownName('reduceToken', 'a reduction', reduce, [...Object.keys(reductions), 'dim:J'])
}

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

const baselines = { pad: padBaseline, mask: maskBaseline }

export type BaselineName = keyof typeof baselines

/** A baseline by its name: `pad` or `mask`. */
export function baselineOf(name: string, input: BertEncoding): BertEncoding {
  if (Object.hasOwn(baselines, name)) return baselines[name as BaselineName](input)
  throw unknownName('baseline', 'a baseline', name, Object.keys(baselines))
}
