/** Refined span vectors between two scoring passes: what each variant puts in the place of a span. */
import {
  add,
  concat,
  diagonal,
  expand,
  indexSelect,
  linear,
  maskedSoftmax,
  matmul,
  mul,
  scatterAdd,
  scope,
  sigmoid,
  slice,
  softmax,
  squeeze,
  sub,
  type Tensor,
  tril,
  unsqueeze,
  where,
  zeros,
} from '@antecedent/tensor'
import { bestColumns, chosenAntecedents, clustersOf } from './decode.ts'
import { booleans, type Context, columnsOf, integers, rowsOf, takeRows } from './layers.ts'
import type { Reading } from './reading.ts'
import type { Structure } from './structure.ts'

/** Scores with the dummy's 0 in front: `[…, k, c]` to `[…, k, 1 + c]`. */
export const withDummy = (scores: Tensor): Tensor =>
  concat([zeros([...scores.shape.slice(0, -1), 1], scores), scores], -1)

/** Where a structure has an antecedent: `bool [k, c]`. */
export const validPairs = ({ antecedents, width }: Structure, like: Tensor): Tensor =>
  booleans(
    Uint8Array.from(antecedents, (j) => Number(j >= 0)),
    [width === 0 ? 0 : antecedents.length / width, width],
    like,
  )

/**
 * The probabilities of links as a matrix: P[i, j] that the antecedent of i is j, P[i, i] that it has none.
 *
 * @param totals  `[…, k, c]`, −∞ where there is no antecedent
 * @returns       `[…, k, k]`; rows sum to 1
 */
export function linkMatrix(totals: Tensor, structure: Structure): Tensor {
  const probabilities = softmax(withDummy(totals))
  const { antecedents, width } = structure
  const k = totals.shape.at(-2)!
  const lead = totals.shape.slice(0, -2)
  // the dummy's column is the span itself; a column without an antecedent has probability 0 and may point anywhere
  const index = Int32Array.from({ length: k * (1 + width) }, (_, at) => {
    const [i, column] = [Math.floor(at / (1 + width)), at % (1 + width)]
    return column === 0 ? i : Math.max(0, antecedents[i * width + column - 1]!)
  })
  const places = expand(integers(index, totals, [k, 1 + width]), [...lead, k, 1 + width])
  return scatterAdd(zeros([...lead, k, k], totals), places, probabilities, -1)
}

/** (I − L)⁻¹ of strictly lower triangular L `[…, k, k]` with entries of at least 0: halves, so that all is products. */
function inverse(lower: Tensor): Tensor {
  const k = lower.shape.at(-1)!
  if (k === 1) return add(zeros(lower.shape, lower), 1)
  const half = k >> 1
  const part = (rows: readonly [number, number], columns: readonly [number, number]) =>
    columnsOf(rowsOf(lower, ...rows), ...columns)
  const upper = inverse(part([0, half], [0, half]))
  const last = inverse(part([half, k], [half, k]))
  const below = matmul(matmul(last, part([half, k], [0, half])), upper)
  const beside = zeros([...lower.shape.slice(0, -2), half, k - half], lower)
  return concat([concat([upper, beside], -1), concat([below, last], -1)], -2)
}

/**
 * The entity matrix of Kantor and Globerson 2019: Q[i, e] is the probability that span i belongs to the entity that
 * span e founded. Q[0, 0] = 1; Q[i, i] = P[i, i]; Q[i, j] = Σ_{k<i} P[i, k] Q[k, j] for j < i. Rows sum to 1.
 * Differentiable: probabilities that two spans share an entity, and soft clusters, follow from it.
 *
 * @param links  `[…, k, k]` of `linkMatrix`
 */
export function entityMatrix(links: Tensor): Tensor {
  const k = links.shape.at(-1)!
  // Q = D + L Q with the diagonal D and the rest L, so Q = (I − L)⁻¹ D
  const own = diagonal(links, { axis0: -2, axis1: -1 })
  const founding = concat(
    [add(zeros([...own.shape.slice(0, -1), 1], own), 1), slice(own, [...own.shape.slice(0, -1).map(() => null), 1])],
    -1,
  )
  return mul(k === 0 ? links : inverse(tril(links, -1)), unsqueeze(founding, -2))
}

/** a_i = Σ_e Q[i, e] Σ_{t≤i} Q[t, e] g_t: what is known of i's entity once i has been read. */
function equalized(vectors: Tensor, totals: Tensor, structure: Structure): Tensor {
  const q = entityMatrix(linkMatrix(totals, structure))
  return matmul(tril(matmul(q, q, { transposeB: true })), vectors)
}

/** The mean of each cluster's vectors, weighted by attention; a span outside all clusters stays as it is. */
function clustered({ parameters }: Context, vectors: Tensor, links: Int32Array): Tensor {
  const { owner, clusters } = clustersOf(links)
  if (clusters.length === 0) return vectors
  const k = owner.length
  const { 'span_attn_ffnn.weight': weight, 'span_attn_ffnn.bias': bias } = parameters
  const logits = unsqueeze(squeeze(linear(vectors, weight!, bias!), -1), -2) // […, 1, k]
  const members = new Uint8Array(clusters.length * k)
  for (const [c, ranks] of clusters.entries()) for (const i of ranks) members[c * k + i] = 1
  const shape = [...logits.shape.slice(0, -2), clusters.length, k]
  const weights = maskedSoftmax(expand(logits, shape), booleans(members, [clusters.length, k], vectors))
  const means = matmul(weights, vectors)
  const inCluster = booleans(
    Uint8Array.from(owner, (c) => Number(c >= 0)),
    [k, 1],
    vectors,
  )
  return where(
    inCluster,
    takeRows(
      means,
      owner.map((c) => Math.max(0, c)),
    ),
    vectors,
  )
}

/**
 * The vectors that take the place of spans by one variant, and what it chose, if it makes a choice.
 *
 * @param vectors  `[…, k, g]`
 * @param totals   `[…, k, c]`, −∞ where there is no antecedent
 * @param chosen   the choice of another time: columns of antecedents, −1 for none; null: by the scores
 */
export function* refinedVectors(
  context: Context,
  vectors: Tensor,
  totals: Tensor,
  structure: Structure,
  chosen: Int32Array | null,
): Reading<{ refined: Tensor; choice: Int32Array | null }> {
  const { higherOrder } = context.config
  if (higherOrder === 'attended_antecedent') {
    return { refined: scope(() => matmul(linkMatrix(totals, structure), vectors)), choice: null }
  }
  if (higherOrder === 'entity_equalization') {
    return { refined: scope(() => equalized(vectors, totals, structure)), choice: null }
  }
  const { antecedents, width } = structure
  const choice = chosen ?? bestColumns(yield totals, width)
  const links = chosenAntecedents(choice, antecedents, width)
  if (higherOrder === 'span_clustering')
    return { refined: scope(() => clustered(context, vectors, links).alias()), choice }
  const sources = links.map((j, i) => (j < 0 ? i : j))
  return { refined: scope(() => indexSelect(vectors, integers(sources, vectors), -2)), choice }
}

/** f = sigmoid(W [g; a] + b), and the new vectors f∘a + (1 − f)∘g. */
export function gated({ parameters }: Context, vectors: Tensor, refined: Tensor): { gate: Tensor; vectors: Tensor } {
  const { 'gate_ffnn.weight': weight, 'gate_ffnn.bias': bias } = parameters
  const g = vectors.shape.at(-1)!
  const sums = add(linear(vectors, columnsOf(weight!, 0, g), bias!), linear(refined, columnsOf(weight!, g, 2 * g)))
  const gate = sigmoid(sums)
  return { gate, vectors: add(mul(gate, refined), mul(sub(1, gate), vectors)) }
}
