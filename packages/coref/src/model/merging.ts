/** Cluster merging (Xu and Choi 2020): spans are scored, one after the other, against the clusters of antecedents. */
import {
  add,
  concat,
  div,
  indexSelect,
  linear,
  maximum,
  mul,
  scope,
  select,
  stack,
  type Tensor,
  unsqueeze,
  zeros,
} from '@antecedent/tensor'
import { type Context, columnsOf, featureRows, finishScore, hiddenDrops, integers, laterLayers } from './layers.ts'
import { bucketOf } from './prune.ts'
import type { Reading } from './reading.ts'
import type { Structure } from './structure.ts'

/** The clusters so far. A span that is in none has −1; sizes and vectors are by cluster. */
interface State {
  readonly owner: Int32Array
  readonly sizes: number[]
  /** `[…, g]` each */
  readonly vectors: Tensor[]
  /** all that were made on the way, to be disposed */
  readonly made: Tensor[]
}

/** The scorer's first layer, cut into its parts. */
interface Layers {
  readonly bySpan: Tensor
  readonly byCluster: Tensor
  readonly byProduct: Tensor
  readonly bySize: Tensor
}

function layersOf({ parameters }: Context, vectors: Tensor): Layers {
  const { 'cluster_score_ffnn.0.weight': weight, 'cluster_score_ffnn.0.bias': bias } = parameters
  const g = vectors.shape.at(-1)!
  return {
    bySpan: linear(vectors, columnsOf(weight!, 0, g), bias!),
    byCluster: columnsOf(weight!, g, 2 * g),
    byProduct: columnsOf(weight!, 2 * g, 3 * g),
    bySize: columnsOf(weight!, 3 * g, weight!.shape[1]!),
  }
}

/** The scores of span i against some clusters: `[…, clusters]`. */
function clusterScores(
  context: Context,
  layers: Layers,
  span: Tensor,
  i: number,
  clusters: readonly number[],
  { vectors, sizes }: State,
): Tensor {
  const v = stack(
    clusters.map((c) => vectors[c]!),
    -2,
  )
  const buckets = Int32Array.from(clusters, (c) => bucketOf(sizes[c]!))
  const size = context.drops.next()(featureRows(context, 'emb_cluster_size', buckets))
  const ofCluster = add(linear(v, layers.byCluster), linear(mul(unsqueeze(span, -2), v), layers.byProduct))
  const sums = add(add(ofCluster, unsqueeze(select(layers.bySpan, i, -2), -2)), linear(size, layers.bySize))
  return finishScore(sums, laterLayers(context, 'cluster_score_ffnn'), hiddenDrops(context))
}

/** One row of scores: each antecedent that is in a cluster has that cluster's, the others 0. `[…, c]`. */
function rowOf(
  context: Context,
  layers: Layers,
  span: Tensor,
  i: number,
  state: State,
  antecedents: Int32Array,
): Tensor {
  const owners = antecedents.map((j) => (j < 0 ? -1 : state.owner[j]!))
  const clusters = [...new Set(owners)].filter((c) => c >= 0)
  const none = zeros([...span.shape.slice(0, -1), 1], span)
  const scores =
    clusters.length === 0 ? none : concat([none, clusterScores(context, layers, span, i, clusters, state)], -1)
  const columns = owners.map((c) => 1 + clusters.indexOf(c))
  return indexSelect(scores, integers(columns, scores), -1)
}

/** A cluster's vector with one more span's: their mean or maximum. */
function joined({ config }: Context, cluster: Tensor, size: number, span: Tensor): Tensor {
  if (config.clusterReduce === 'max') return scope(() => maximum(cluster, span))
  return scope(() => div(add(mul(cluster, size), span), size + 1))
}

/**
 * Links span i to antecedent j, as coref-hoi computes it. Where both are in clusters already (easy-first alone), its
 * code moves the antecedent alone, and joins the span's cluster with itself: the vector stays, the size doubles.
 */
function link(context: Context, state: State, vectorOf: (rank: number) => Tensor, i: number, j: number): void {
  const { owner, sizes, vectors, made } = state
  const enter = (cluster: number, rank: number) => {
    vectors[cluster] = joined(context, vectors[cluster]!, sizes[cluster]!, vectorOf(rank))
    made.push(vectors[cluster]!)
    sizes[cluster]!++
    owner[rank] = cluster
  }
  const [own, other] = [owner[i]!, owner[j]!]
  // by position, span i is in no cluster yet; easy-first it may be in one
  if (own >= 0 && other >= 0) {
    owner[j] = own
    sizes[own] = 2 * sizes[own]!
  } else if (own >= 0) {
    enter(own, j)
  } else {
    if (other < 0) {
      owner[j] = vectors.push(vectorOf(j)) - 1
      sizes.push(1)
    }
    enter(owner[j]!, i)
  }
}

/** Ranks by their best score, the largest first; of equal ones the lowest first. */
function easyFirst(totals: ArrayLike<number>, k: number, width: number): Int32Array {
  const best = Float64Array.from({ length: k }, (_, i) =>
    Math.max(...Array.from({ length: width }, (_, c) => totals[i * width + c]!)),
  )
  // equal infinities have no difference
  return Int32Array.from(best, (_, i) => i).sort((a, b) => (best[a] === best[b] ? a - b : best[b]! - best[a]!))
}

/** The column of the largest score, the first of equal ones; −1 where it is below 0. */
function bestColumn(scores: ArrayLike<number>): number {
  let best = 0
  for (let c = 1; c < scores.length; c++) if (scores[c]! > scores[best]!) best = c
  return scores.length > 0 && scores[best]! >= 0 ? best : -1
}

/**
 * The scores of clusters, to be added to those of pairs.
 *
 * @param vectors  `[…, k, g]`
 * @param totals   `[…, k, c]`, −∞ where there is no antecedent
 * @param chosen   order and columns of another time; null: by the scores
 * @returns        `scores` `[…, k, c]`; `choices`: the order in which spans were visited, and each span's column
 */
export function* mergedScores(
  context: Context,
  vectors: Tensor,
  totals: Tensor,
  structure: Structure,
  chosen: readonly Int32Array[] | null,
): Reading<{ scores: Tensor; choices: Int32Array[]; scratch: Tensor[] }> {
  const { antecedents, width } = structure
  const k = vectors.shape.at(-2)!
  const inOrder = Int32Array.from({ length: k }, (_, i) => i)
  const order = chosen?.[0] ?? (context.config.easyClusterFirst ? easyFirst(yield totals, k, width) : inOrder)
  const columns = chosen?.[1] ?? new Int32Array(k).fill(-1)
  const layers = scope(() => layersOf(context, vectors))
  const scratch: Tensor[] = [layers.bySpan, layers.byCluster, layers.byProduct, layers.bySize]
  const state: State = { owner: new Int32Array(k).fill(-1), sizes: [], vectors: [], made: scratch }
  const kept = (x: Tensor) => {
    scratch.push(x)
    return x
  }
  const vectorOf = (rank: number) => kept(scope(() => select(vectors, rank, -2)))
  const rows = new Array<Tensor>(k)
  for (const i of order) {
    const own = antecedents.slice(i * width, (i + 1) * width)
    rows[i] = kept(scope(() => rowOf(context, layers, select(vectors, i, -2), i, state, own)))
    if (!chosen) columns[i] = bestColumn(yield kept(scope(() => add(select(totals, i, -2), rows[i]!))))
    if (columns[i]! >= 0) link(context, state, vectorOf, i, own[columns[i]!]!)
  }
  return { scores: scope(() => stack(rows, -2)), choices: [order, columns], scratch }
}
