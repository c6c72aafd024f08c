/** Coarse antecedent scores: s(i) + s(j) + (W g_i + b) · g_j + priors of the distance and of equal strings. */
import {
  add,
  expand,
  gather,
  indexSelect,
  linear,
  matmul,
  type Shape,
  type Tensor,
  unsqueeze,
} from '@antecedent/tensor'
import { type Context, integers, rowsOf } from './layers.ts'
import { bucketOf } from './prune.ts'
import type { Matcher } from './stringMatch.ts'
import type { Structure } from './structure.ts'

/** The bilinear part and the priors. */
export interface CoarseParts {
  /** `[…, rows, k]`, or of pairs `[…, k, c]` */
  readonly bilinear: Tensor
  /** `[rows, k]`, or of pairs `[k, c]`; null without a distance prior */
  readonly distance: Tensor | null
  /** of what spans have in common as strings, of the same shape; null where the settings do not ask for it */
  readonly strings: Tensor | null
}

/** The priors of pairs, by rows of their tables; null without one. */
export interface Priors {
  /** of each bucket of distances, `[10]` */
  readonly distance: Tensor | null
  /** of each of `stringMatches` */
  readonly strings: Tensor | null
}

/** The two sides of the bilinear score: `[…, k, g]` each. */
export function bilinearSides({ parameters, drops }: Context, vectors: Tensor): { source: Tensor; target: Tensor } {
  const { 'coarse_bilinear.weight': weight, 'coarse_bilinear.bias': bias } = parameters
  return { source: drops.next()(linear(vectors, weight!, bias!)), target: drops.next()(vectors) }
}

/** The priors as the settings ask for them. */
export function priorScores({ config, parameters, drops }: Context): Priors {
  const scores = (table: string, scorer: string) => {
    const { [`${scorer}.weight`]: weight, [`${scorer}.bias`]: bias } = parameters
    return linear(drops.next()(parameters[`${table}.weight`]!), weight!, bias!).reshape([-1])
  }
  return {
    distance: config.useDistancePrior
      ? scores('emb_antecedent_distance_prior', 'antecedent_distance_score_ffnn')
      : null,
    strings: config.useStringMatch ? scores('emb_string_match_prior', 'string_match_score_ffnn') : null,
  }
}

/** The bilinear part and what else there is, added up. */
function totalOf(mentions: Tensor, { bilinear, distance, strings }: CoarseParts): Tensor {
  let total = add(mentions, bilinear)
  for (const prior of [distance, strings]) if (prior) total = add(total, prior)
  return total
}

/** Entries of a prior by rows of its table, in a shape; null without either. */
const entries = (prior: Tensor | null, rows: ArrayLike<number> | null, shape: Shape): Tensor | null =>
  prior && rows && indexSelect(prior, integers(Int32Array.from(rows), prior), 0).reshape(shape)

/** What `coarseRows` needs of a document's spans. */
export interface CoarseSides {
  /** of `bilinearSides` */
  readonly source: Tensor
  readonly target: Tensor
  readonly priors: Priors
  /** mention scores `[k]` */
  readonly mentions: Tensor
  /** null where the settings do not ask for it */
  readonly match: Matcher | null
}

/**
 * The scores of spans `begin` to `end` with every span, without dropout: `[rows, k]`. Where the column is not before
 * the row they mean nothing.
 */
export function coarseRows(
  { source, target, priors, mentions, match }: CoarseSides,
  begin: number,
  end: number,
): Tensor {
  const k = mentions.size
  const shape = [end - begin, k]
  const bilinear = matmul(rowsOf(source, begin, end), target, { transposeB: true })
  const rows = (value: Matcher) => {
    const list = new Int32Array((end - begin) * k)
    for (let i = begin; i < end; i++) for (let j = 0; j < i; j++) list[(i - begin) * k + j] = value(i, j)
    return list
  }
  const distance = entries(
    priors.distance,
    rows((i, j) => bucketOf(i - j)),
    shape,
  )
  const strings = entries(priors.strings, match && rows(match), shape)
  const both = add(unsqueeze(mentions.slice([begin], [end]), 1), unsqueeze(mentions, 0))
  return totalOf(both, { bilinear, distance, strings })
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
  const priors = priorScores(context)
  const { offsets, stringMatch, width } = structure
  const k = mentions.shape.at(-1)!
  const parts = {
    bilinear,
    distance: entries(priors.distance, offsets.map(bucketOf), [k, width]),
    strings: entries(priors.strings, stringMatch, [k, width]),
  }
  const columns = expand(unsqueeze(mentions, -2), [...mentions.shape.slice(0, -1), k, k])
  const both = add(unsqueeze(mentions, -1), pick(columns, structure))
  return { ...parts, total: totalOf(both, parts) }
}
