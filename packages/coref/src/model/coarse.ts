/** Coarse antecedent scores: s(i) + s(j) + (W g_i + b) · g_j + prior of the distance. */
import { add, expand, gather, indexSelect, linear, matmul, type Tensor, unsqueeze } from '@antecedent/tensor'
import { type Context, integers, rowsOf } from './layers.ts'
import { bucketOf } from './prune.ts'
import type { Structure } from './structure.ts'

/** The bilinear part and the distance part. */
export interface CoarseParts {
  /** `[…, rows, k]`, or of pairs `[…, k, c]` */
  readonly bilinear: Tensor
  /** `[rows, k]`, or of pairs `[k, c]`; null without a distance prior */
  readonly distance: Tensor | null
}

/** The two sides of the bilinear score: `[…, k, g]` each. */
export function bilinearSides({ parameters, drops }: Context, vectors: Tensor): { source: Tensor; target: Tensor } {
  const { 'coarse_bilinear.weight': weight, 'coarse_bilinear.bias': bias } = parameters
  return { source: drops.next()(linear(vectors, weight!, bias!)), target: drops.next()(vectors) }
}

/** The prior of each bucket of distances, `[10]`; null without a distance prior. */
export function distanceScores({ config, parameters, drops }: Context): Tensor | null {
  if (!config.useDistancePrior) return null
  const { 'antecedent_distance_score_ffnn.weight': weight, 'antecedent_distance_score_ffnn.bias': bias } = parameters
  return linear(drops.next()(parameters['emb_antecedent_distance_prior.weight']!), weight!, bias!).reshape([-1])
}

/**
 * The scores of spans `begin` to `end` with every span, without dropout: `[rows, k]`. Where the column is not before
 * the row they mean nothing.
 */
export function coarseRows(
  sides: { source: Tensor; target: Tensor },
  priors: Tensor | null,
  mentions: Tensor,
  begin: number,
  end: number,
): CoarseParts & { total: Tensor } {
  const k = mentions.size
  const bilinear = matmul(rowsOf(sides.source, begin, end), sides.target, { transposeB: true })
  const buckets = Int32Array.from({ length: (end - begin) * k }, (_, at) =>
    bucketOf(begin + Math.floor(at / k) - (at % k)),
  )
  const distance = priors && indexSelect(priors, integers(buckets, priors), 0).reshape([end - begin, k])
  const both = add(add(unsqueeze(mentions.slice([begin], [end]), 1), unsqueeze(mentions, 0)), bilinear)
  return { bilinear, distance, total: distance ? add(both, distance) : both }
}

/** Indices along the last axis, the same for all axes in front: −1 reads column 0, which a mask hides. */
function pick(x: Tensor, { antecedents, width }: Structure): Tensor {
  const [lead, k] = [x.shape.slice(0, -2), x.shape.at(-2)!]
  const index = integers(
    antecedents.map((j) => Math.max(0, j)),
    x,
    [k, width],
  )
  return gather(x, expand(index, [...lead, k, width]), -1)
}

/**
 * The scores of the pairs of a structure.
 *
 * @param vectors   `[…, k, g]`
 * @param mentions  `[…, k]`
 * @returns         `[…, k, c]`; where there is no antecedent they mean nothing
 */
export function coarsePairs(
  context: Context,
  vectors: Tensor,
  mentions: Tensor,
  structure: Structure,
): CoarseParts & { total: Tensor } {
  const { source, target } = bilinearSides(context, vectors)
  const bilinear = pick(matmul(source, target, { transposeB: true }), structure)
  const priors = distanceScores(context)
  const { offsets, width } = structure
  const k = mentions.shape.at(-1)!
  const distance = priors && indexSelect(priors, integers(offsets.map(bucketOf), priors), 0).reshape([k, width])
  const columns = expand(unsqueeze(mentions, -2), [...mentions.shape.slice(0, -1), k, k])
  const both = add(add(unsqueeze(mentions, -1), pick(columns, structure)), bilinear)
  return { bilinear, distance, total: distance ? add(both, distance) : both }
}
