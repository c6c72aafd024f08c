/** Fine scores of pairs: FFNN([g_i; g_j; g_i∘g_j; φ]), its first layer in factored form, some spans at a time. */
import { add, checkpoint, concat, linear, mul, reshape, scope, site, type Tensor, unsqueeze } from '@antecedent/tensor'
import {
  type Context,
  columnsOf,
  featureRows,
  finishScore,
  hiddenDrops,
  laterLayers,
  rowsOf,
  sideBySide,
  takeRows,
} from './layers.ts'
import { bucketOf } from './prune.ts'
import type { Structure } from './structure.ts'

/** Elements of the hidden layer that a chunk of pairs may have. */
const chunkElements = 2 ** 22

/**
 * The features of pairs: speaker, genre, segment distance, antecedent distance, as far as the settings use them. Each
 * is at its site. Null where there are none.
 *
 * @returns `[…, k, c, features]`
 */
export function pairFeatures(context: Context, structure: Structure): Tensor | null {
  const { config } = context
  const { width, sameSpeaker, segmentDistance, offsets, genre } = structure
  const shape = [structure.starts.length, width]
  const rows = (name: string, ids: Int32Array) => featureRows(context, name, ids, shape)
  const parts: Tensor[] = []
  if (config.useMetadata) {
    parts.push(site('features.speaker', rows('emb_same_speaker', Int32Array.from(sameSpeaker))))
    parts.push(site('features.genre', rows('emb_genre', new Int32Array(offsets.length).fill(genre))))
  }
  if (config.useSegmentDistance) {
    parts.push(
      site(
        'features.segment',
        rows(
          'emb_segment_distance',
          segmentDistance.map((d) => Math.max(0, d)),
        ),
      ),
    )
  }
  if (config.useFeatures) {
    parts.push(site('features.distance', rows('emb_top_antecedent_distance', offsets.map(bucketOf))))
  }
  return parts.length === 0 ? null : sideBySide(parts)
}

/**
 * The fine scores of the pairs of a structure: W₁ g_i + W₂ g_j + W₃ [g_i∘g_j; φ], ReLU, and so on. Spans are projected
 * once; pairs exist for some spans at a time, and are computed again in a derivative.
 *
 * @param vectors   `[…, k, g]`
 * @param features  of `pairFeatures`
 * @param budget    elements of the hidden layer that may exist together
 * @returns         `[…, k, c]`; where there is no antecedent they mean nothing
 */
export function finePairs(
  context: Context,
  vectors: Tensor,
  structure: Structure,
  features: Tensor | null,
  budget = chunkElements,
): Tensor {
  const { 'coref_score_ffnn.0.weight': weight, 'coref_score_ffnn.0.bias': bias } = context.parameters
  const [k, g] = vectors.shape.slice(-2) as [number, number]
  const { width, antecedents } = structure
  const bySpan = linear(vectors, columnsOf(weight!, 0, g), bias!)
  const byAntecedent = linear(vectors, columnsOf(weight!, g, 2 * g))
  const ofPair = columnsOf(weight!, 2 * g, weight!.shape[1]!)
  const later = laterLayers(context, 'coref_score_ffnn')
  const phi = features && context.drops.next()(features)
  const points = vectors.size / (k * g)
  const rows = Math.max(1, Math.floor(budget / Math.max(1, points * width * weight!.shape[0]!)))
  const chunks: Tensor[] = []
  for (let begin = 0; begin < k; begin += rows) {
    const end = Math.min(k, begin + rows)
    const columns = antecedents.slice(begin * width, end * width).map((j) => Math.max(0, j))
    const drops = hiddenDrops(context)
    const shape = [end - begin, width]
    const chunk = checkpoint((...xs: Tensor[]) =>
      scope(() => {
        const [all, own, byOwn, byOther, product, ...rest] = xs as [Tensor, Tensor, Tensor, Tensor, Tensor]
        const layers = rest.slice(0, later.length)
        const ownPhi = rest[later.length]
        const products = mul(unsqueeze(own, -2), takeRows(all, columns, shape))
        const x = ownPhi ? sideBySide([products, ownPhi]) : products
        const sums = add(add(linear(x, product), unsqueeze(byOwn, -2)), takeRows(byOther, columns, shape))
        return finishScore(sums, layers, drops)
      }),
    )
    const ownPhi = phi ? [chunkOf(phi, begin, end)] : []
    const own = [rowsOf(vectors, begin, end), rowsOf(bySpan, begin, end)] as const
    chunks.push(chunk(vectors, own[0], own[1], byAntecedent, ofPair, ...later, ...ownPhi))
  }
  return chunks.length === 1 ? chunks[0]! : concat(chunks, -2)
}

/** Rows of the third last axis. */
function chunkOf(x: Tensor, begin: number, end: number): Tensor {
  const [c, width] = x.shape.slice(-2) as [number, number]
  const flat = reshape(x, [...x.shape.slice(0, -2), c * width])
  return reshape(rowsOf(flat, begin, end), [...x.shape.slice(0, -3), end - begin, c, width])
}
