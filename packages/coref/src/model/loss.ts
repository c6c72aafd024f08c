/** Training losses: marginal, hinge, mention scores, and those of cluster merging. */
import {
  add,
  argmax,
  cast,
  equal,
  logicalAnd,
  logicalNot,
  logSumExp,
  max,
  mul,
  softplus,
  sub,
  sum,
  type Tensor,
  where,
} from '@antecedent/tensor'
import type { Cluster } from '../documents/document.ts'
import { booleans, type Context, columnsOf } from './layers.ts'
import { withDummy } from './refine.ts'
import type { PairScores } from './scoring.ts'
import type { Structure } from './structure.ts'

/** The gold cluster of each kept span, counted from 1; 0 for a span that is no gold mention. */
export function goldIds({ starts, ends }: Structure, clusters: readonly Cluster[]): Int32Array {
  const ids = new Map<string, number>()
  for (const [c, cluster] of clusters.entries()) for (const [start, end] of cluster) ids.set(`${start} ${end}`, c + 1)
  return starts.map((start, i) => ids.get(`${start} ${ends[i]!}`) ?? 0)
}

/** Which columns of [dummy, antecedents] are right: the antecedents of the same cluster, or the dummy where none is. */
export function goldColumns({ antecedents, width }: Structure, ids: Int32Array): Uint8Array {
  const gold = new Uint8Array(ids.length * (1 + width))
  for (const [i, id] of ids.entries()) {
    let found = 0
    for (let c = 0; c < width; c++) {
      const j = antecedents[i * width + c]!
      if (j < 0 || id === 0 || ids[j] !== id) continue
      gold[i * (1 + width) + 1 + c] = 1
      found = 1
    }
    gold[i * (1 + width)] = 1 - found
  }
  return gold
}

const negative = Number.NEGATIVE_INFINITY

/** Σ_i log Σ_j e^s(i,j) − log Σ_{j gold} e^s(i,j), over `[k, 1 + c]`. */
const marginal = (scores: Tensor, gold: Tensor): Tensor =>
  sum(sub(logSumExp(scores, -1), logSumExp(where(gold, scores, negative), -1)), -1)

/**
 * Σ_i delta_i (1 + max_j s(i,j) − max_{j gold} s(i,j)) with delta 0 where the best column is gold, (3 − f)/2 for a wrong
 * link and f − 1 more for an entity started wrongly.
 */
function hinge({ config }: Context, scores: Tensor, gold: Tensor): Tensor {
  const right = where(gold, scores, negative)
  const [best, bestRight] = [argmax(scores, -1), argmax(right, -1)]
  const startedWrongly = logicalAnd(equal(best, 0), logicalNot(columnsOf(gold, 0, 1).reshape(best.shape.slice(-1))))
  const cost = add(mul(cast(startedWrongly, scores.dtype), config.falseNewDelta - 1), (3 - config.falseNewDelta) / 2)
  const delta = where(equal(best, bestRight), 0, cost)
  return sum(mul(add(sub(max(scores, -1), max(right, -1)), 1), delta), -1)
}

/**
 * The loss of a document, summed over its kept spans. With cluster merging it is the marginal loss of the merged
 * scores; only with `clusterDoubleLoss` the loss of the pairs, and with it hinge and mention loss, is added.
 *
 * @param scores  of `scorePairs`
 * @param ids     of `goldIds`
 * @returns       `[…]`
 */
export function documentLoss(context: Context, scores: PairScores, ids: Int32Array): Tensor {
  const { config } = context
  const { structure, final, mentions } = scores
  const shape = [ids.length, 1 + structure.width]
  const gold = booleans(goldColumns(structure, ids), shape, final)
  const merged = scores.clusters ? marginal(final, gold) : null
  if (merged && !config.clusterDoubleLoss) return merged
  const pairs = merged ? withDummy(scores.pairs) : final
  let loss = config.lossType === 'hinge' ? hinge(context, pairs, gold) : marginal(pairs, gold)
  if (config.mentionLossCoef > 0) {
    const signs = where(
      booleans(
        Uint8Array.from(ids, (id) => Number(id > 0)),
        [ids.length],
        final,
      ),
      mul(mentions.total, -1),
      mentions.total,
    )
    loss = add(loss, mul(sum(softplus(signs), -1), config.mentionLossCoef))
  }
  return merged ? add(loss, merged) : loss
}
