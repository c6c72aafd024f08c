/** Attention as in Vaswani et al. 2017. */
import { OptionError, ShapeError, show } from '../errors.ts'
import { apply, requireFloat } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { add, mul } from './arithmetic.ts'
import { notEqual } from './compare.ts'
import { matmul } from './matmul.ts'
import { softmaxOps } from './softmax.ts'

export interface AttentionOptions {
  /** added to the scores, `[…, L, S]` or what broadcasts to it; −Infinity shuts an entry out */
  mask?: Tensor | null
  /** of the scores; default 1/√D */
  scale?: number
}

/**
 * softmax(scale · q kᵀ + mask) v. A row of which every score is −Infinity attends to nothing: zeros, with zero gradient.
 *
 * @param q  `[…, L, D]`
 * @param k  `[…, S, D]`
 * @param v  `[…, S, E]`
 * @returns  y `[…, L, E]` and the probabilities `[…, L, S]`
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask = null, scale }: AttentionOptions = {},
): { y: Tensor; probabilities: Tensor } {
  const op = 'scaledDotProductAttention'
  for (const x of [q, k, v]) requireFloat(op, x)
  if (
    q.rank < 2 ||
    k.rank < 2 ||
    v.rank < 2 ||
    q.shape.at(-1) !== k.shape.at(-1) ||
    k.shape.at(-2) !== v.shape.at(-2)
  ) {
    const got = [q, k, v].map((x) => show(x.shape)).join(', ')
    throw new ShapeError({ op, expected: 'q […, L, D], k […, S, D] and v […, S, E]', got })
  }
  const factor = scale ?? 1 / Math.sqrt(q.shape.at(-1)!)
  if (!Number.isFinite(factor)) throw new OptionError({ op, expected: 'a finite scale', got: String(factor) })
  const products = mul(matmul(q, k, { transposeB: true }), factor)
  const scores = mask ? add(products, mask) : products
  const possible = notEqual(scores, Number.NEGATIVE_INFINITY)
  const probabilities = apply(softmaxOps.maskedSoftmax, [scores, possible], {})
  return { y: matmul(probabilities, v), probabilities }
}
