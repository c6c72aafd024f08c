/** Area `coref`: every intermediate of a model, and losses with gradients; targets and training lie beside this. */
import { type CorefModel, decodeLinks, type PairScores, type Pieces, type Pruned, structureOf } from '@antecedent/coref'
import { add, type Tensor, tap, tensor, vjp, where, zeros } from '@antecedent/tensor'
import type { Compute, Context } from './context.ts'
import { lossOfCase, modelOfCase, piecesOfCase } from './corefInput.ts'
import { corefTargetOps } from './corefTargets.ts'
import { corefTrainingOps } from './corefTraining.ts'
import type { Output } from './format.ts'

const integers = (values: ArrayLike<number>, shape?: readonly number[]): Tensor =>
  tensor(Int32Array.from(values), shape ?? null)

/** Buckets as the outputs want them: −1 where there is no antecedent. */
const bucket = (d: number): number => (d < 0 ? -1 : d <= 4 ? d : Math.min(9, Math.floor(Math.log2(d)) + 3))

/** [k, k] coarse scores and their parts, from the pieces of the public record of one pass. */
async function coarseMatrix(model: CorefModel, tokens: Tensor, pruned: Pruned, pieces: Pieces) {
  const { starts, ends } = pruned.structure
  const k = starts.length
  // every earlier span as antecedent, in the order of ranks
  const all = Int32Array.from({ length: k * k }, (_, at) => (at % k < Math.floor(at / k) ? at % k : -1))
  const { coarse } = await model.scores(tokens, structureOf(model.config, pieces, { starts, ends }, all))
  const valid = tensor(
    Uint8Array.from(all, (j) => Number(j >= 0)),
    [k, k],
    { dtype: 'bool' },
  )
  return {
    coarse: where(valid, coarse.total, Number.NEGATIVE_INFINITY),
    'coarse.bilinear': where(valid, coarse.bilinear, 0),
    'coarse.distance': coarse.distance && where(valid, coarse.distance, 0),
  }
}

/** What the discrete half gives. */
function prunedOutputs(
  { candidates, mentionScores, kept, structure }: Pruned,
  like: Tensor,
): Record<string, Output | null> {
  const { starts, ends, antecedents, offsets, width } = structure
  const k = starts.length
  const floats = (values: ArrayLike<number> | null) =>
    values && tensor(Float64Array.from(values), null, { dtype: like.dtype })
  const last = (list: Int32Array) => integers(list.map((end) => end - 1))
  return {
    candidateStarts: integers(candidates.starts),
    candidateEnds: last(candidates.ends),
    mentionScores: floats(mentionScores.total),
    'mentionScores.span': floats(mentionScores.span),
    'mentionScores.width': floats(mentionScores.width),
    kept: integers(kept),
    keptStarts: integers(starts),
    keptEnds: last(ends),
    antecedents: integers(antecedents, [k, width]),
    'features.segmentDistance': integers(structure.segmentDistance, [k, width]),
    'features.sameSpeaker': tensor(structure.sameSpeaker, [k, width], { dtype: 'bool' }),
    'features.distanceBucket': integers(offsets.map(bucket), [k, width]),
  }
}

/** What the scores of the structure give. */
function scoreOutputs(scores: PairScores): Record<string, Output | null> {
  const { mentions, coarse, passes, clusters, final, structure } = scores
  const { antecedents, width } = structure
  const k = structure.starts.length
  const valid = tensor(
    Uint8Array.from(antecedents, (j) => Number(j >= 0)),
    [k, width],
    { dtype: 'bool' },
  )
  const outputs: Record<string, Output | null> = {
    keptScores: mentions.total,
    'antecedents.coarse': where(valid, coarse.total, Number.NEGATIVE_INFINITY),
    antecedentScores: final,
    clusterScores: clusters && where(valid, clusters, 0),
  }
  for (const [i, pass] of passes.entries()) {
    const d = i + 1
    outputs[`spans.${d}`] = pass.vectors
    outputs[`fine.${d}`] = where(valid, pass.fine, 0)
    outputs[`total.${d}`] = pass.total
    outputs[`refined.${d}`] = pass.refined
    outputs[`gate.${d}`] = pass.gate
  }
  return outputs
}

const forward: Compute = async (context) => {
  const { golden, inputs } = context
  const model = modelOfCase(context)
  const { pieces, length } = await piecesOfCase(inputs)
  const tokens = model.encode(pieces, { length })
  const pruned = await model.prune(tokens, pieces)
  const scores = await model.scores(tokens, pruned.structure)
  const { links, owner } = decodeLinks(model.config, await scores.final.data(), pruned.structure)
  const rows = golden.attrs.spanRows as number[]
  const spans = {
    starts: Int32Array.from(rows, (i) => pruned.candidates.starts[i]!),
    ends: Int32Array.from(rows, (i) => pruned.candidates.ends[i]!),
  }
  const none = new Int32Array(rows.length).fill(-1)
  const { structure } = await model.scores(tokens, structureOf(model.config, pieces, spans, none))
  const { recorded } = tap({ record: ['spans'] }, () => model.scoresAtOnce(tokens, structure))
  const outputs: Record<string, Output | null> = {
    tokenStates: tokens,
    spanEmbeddings: recorded.spans!,
    ...prunedOutputs(pruned, tokens),
    ...(await coarseMatrix(model, tokens, pruned, pieces)),
    ...scoreOutputs(scores),
    predictedAntecedents: integers(links),
    clusterIds: integers(owner),
  }
  return asked(context, outputs)
}

/** The outputs that a case asks for. */
const asked = ({ golden }: Context, outputs: Record<string, Output | null>): Record<string, Output> =>
  Object.fromEntries(
    Object.keys(golden.outputs).flatMap((key) => {
      const value = outputs[key]
      return value ? [[key, value]] : []
    }),
  )

/** A value of ones in the shape of a scalar. */
const one = (like: Tensor): Tensor => zeros([], like).add(1)

const loss: Compute = async (context) => {
  const { golden, inputs } = context
  const model = modelOfCase(context)
  const { pieces, length } = await piecesOfCase(inputs)
  const weights = Object.keys(golden.outputs).flatMap((key) => (key.startsWith('grad.w:') ? [key.slice(7)] : []))
  const sites = { 'grad.site:wordEmbeddings': 'embeddings.word', 'grad.site:tokenStates': 'tokens' }
  const names = Object.values(sites)
  const shapes = tap({ record: names }, () => model.encode(pieces, { length })).recorded
  // a site's own value moves by a tensor of zeros, so that all derivatives come from one pass
  const moved = names.map((name) => zeros(shapes[name]!.shape, shapes[name]!))
  const own = weights.map((name) => inputs[`w:${name}`]!)
  const of = await lossOfCase(model, pieces, length)
  const { value, pullback } = vjp<Tensor[], Tensor>(
    (xs) => {
      const overrides = Object.fromEntries(weights.map((name, i) => [name, xs[names.length + i]!]))
      const replace = Object.fromEntries(names.map((name, i) => [name, (x: Tensor) => add(x, xs[i]!)]))
      return tap({ replace }, () => model.using(overrides, of)).result
    },
    [...moved, ...own],
  )
  const gradients = pullback(one(value))
  pullback.dispose()
  const outputs: Record<string, Output> = { loss: value }
  for (const [i, key] of Object.keys(sites).entries()) outputs[key] = gradients[i]!
  for (const [i, name] of weights.entries()) outputs[`grad.w:${name}`] = gradients[names.length + i]!
  return outputs
}

export const corefOps: Record<string, Compute> = { forward, loss, ...corefTargetOps, ...corefTrainingOps }
