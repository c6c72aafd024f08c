/** The parameters of the task layers: coref-hoi's names, and their shapes. */
import {
  bertNormal,
  concat,
  eye,
  fold,
  indexSelect,
  mul,
  type RandomKey,
  type Shape,
  ShapeError,
  scope,
  slice,
  type Tensor,
  tensor,
  zeros,
} from '@antecedent/tensor'
import type { CorefConfig } from './config.ts'
import { stringMatches } from './stringMatch.ts'

/** Buckets of distances and of cluster sizes. */
export const bucketCount = 10

/** Sizes that follow from the settings; H is the encoder's hidden size. */
export interface Sizes {
  /** of a span's vector: start, end, width feature, head */
  readonly span: number
  /** of the features of a pair */
  readonly pairFeatures: number
}

/** The sizes of vectors under these settings. */
export function sizesOf(config: CorefConfig, hidden: number): Sizes {
  const { featureSize, useFeatures, useMetadata, useSegmentDistance, useStringMatch } = config
  return {
    span: 3 * hidden + (useFeatures ? featureSize : 0),
    pairFeatures:
      featureSize * ((useMetadata ? 2 : 0) + [useSegmentDistance, useFeatures, useStringMatch].filter(Boolean).length),
  }
}

/**
 * Every parameter of the task layers by its name in coref-hoi's state dict, with its shape; matrices are [out, in].
 * Two tables, `emb_genre` and `emb_top_antecedent_distance`, are there even where the settings do not use them, as in
 * coref-hoi. `combo` is that of overlapping segments, which coref-hoi lacks, as it lacks the features of strings.
 *
 * @param hidden  the encoder's hidden size
 */
export function headShapes(config: CorefConfig, hidden: number): Record<string, Shape> {
  const { featureSize, higherOrder } = config
  const { span, pairFeatures } = sizesOf(config, hidden)
  const shapes: Record<string, Shape> = {}
  const table = (name: string, rows: number) => {
    shapes[`${name}.weight`] = [rows, featureSize]
  }
  const dense = (name: string, width: number, out: number) => {
    shapes[`${name}.weight`] = [out, width]
    shapes[`${name}.bias`] = [out]
  }
  /** Linear layers at 0, 3, 6, …; ReLU and dropout lie between. */
  const scorer = (name: string, width: number, size: number) => {
    for (let i = 0; i < config.ffnnDepth; i++) dense(`${name}.${3 * i}`, i === 0 ? width : size, size)
    dense(`${name}.${3 * config.ffnnDepth}`, size, 1)
  }
  if (config.useFeatures) table('emb_span_width', config.maxSpanWidth)
  if (config.useWidthPrior) table('emb_span_width_prior', config.maxSpanWidth)
  if (config.useDistancePrior) table('emb_antecedent_distance_prior', bucketCount)
  table('emb_genre', config.genres.length)
  if (config.useMetadata) table('emb_same_speaker', 2)
  if (config.useSegmentDistance) table('emb_segment_distance', config.maxTrainingSegments)
  table('emb_top_antecedent_distance', bucketCount)
  if (config.useStringMatch) {
    table('emb_string_match', stringMatches.length)
    table('emb_string_match_prior', stringMatches.length)
  }
  if (higherOrder === 'cluster_merging') table('emb_cluster_size', bucketCount)
  if (config.modelHeads) dense('mention_token_attn', hidden, 1)
  scorer('span_emb_score_ffnn', span, config.ffnnSize)
  if (config.useWidthPrior) scorer('span_width_score_ffnn', featureSize, config.ffnnSize)
  dense('coarse_bilinear', span, span)
  if (config.useDistancePrior) dense('antecedent_distance_score_ffnn', featureSize, 1)
  if (config.useStringMatch) dense('string_match_score_ffnn', featureSize, 1)
  if (config.fineGrained) scorer('coref_score_ffnn', 3 * span + pairFeatures, config.ffnnSize)
  if (config.depth > 1) dense('gate_ffnn', 2 * span, span)
  if (higherOrder === 'span_clustering') dense('span_attn_ffnn', span, 1)
  if (higherOrder === 'cluster_merging') scorer('cluster_score_ffnn', 3 * span + featureSize, config.clusterFfnnSize)
  if (config.overlap) dense('combo', 2 * hidden, hidden)
  return shapes
}

/**
 * Task layers to start training from: matrices and tables N(0, 0.02²) cut at two deviations, biases 0.
 *
 * @param key  the same key gives the same numbers
 */
export function initialHead(
  config: CorefConfig,
  hidden: number,
  key: RandomKey,
  dtype: 'f32' | 'f64' = 'f32',
): Record<string, Tensor> {
  const shapes = Object.entries(headShapes(config, hidden))
  return Object.fromEntries(
    shapes.map(([name, shape], i) => [
      name,
      name.endsWith('.bias') ? zeros(shape, { dtype }) : bertNormal(shape, fold(key, i), { dtype }),
    ]),
  )
}

/**
 * The same task layers with `scale` times the identity as the bilinear matrix: the coarse score begins as the scalar
 * product of two spans' vectors. A random matrix adds noise in the hundreds of an encoder's squared length, which little
 * data learns away by making the encoder's vectors small, and with them the likeness of equal names.
 */
export function withIdentity(parameters: Readonly<Record<string, Tensor>>, scale: number): Record<string, Tensor> {
  const old = parameters['coarse_bilinear.weight']!
  const identity = eye(old.shape[0]!, old.shape[0]!, { dtype: old.dtype })
  const scaled = mul(identity, scale)
  identity.dispose()
  old.dispose()
  return { ...parameters, 'coarse_bilinear.weight': scaled }
}

/**
 * New task layers with the values of others, as far as they have them: a matrix or table that the settings have made
 * larger keeps the old one in its first rows and columns. Distances in segments that are new begin as the largest one
 * before, which stood for them too.
 *
 * @param fresh  of `initialHead`; disposed, but for what the result shares
 * @throws {ShapeError} where an old one is larger than the settings say
 */
export function withValuesOf(
  fresh: Readonly<Record<string, Tensor>>,
  old: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const joined = Object.entries(fresh).map(([name, x]): [string, Tensor] => {
    const known = old[name]
    if (!known) return [name, x]
    const fits = known.rank === x.rank && known.shape.every((size, axis) => size <= x.shape[axis]!)
    if (!fits) {
      const expected = `${name} of at most [${x.shape.join(', ')}], as the settings say`
      throw new ShapeError({ op: 'withValuesOf', expected, got: `[${known.shape.join(', ')}]` })
    }
    const isDistance = name === 'emb_segment_distance.weight'
    const value = scope(() => mul(isDistance ? withLastRow(known, x.shape[0]!) : cornerOf(x, known), 1))
    x.dispose()
    return [name, value]
  })
  return Object.fromEntries(joined)
}

/** A table with its last row repeated, up to so many rows. */
const withLastRow = (table: Tensor, rows: number): Tensor =>
  indexSelect(table, tensor(Int32Array.from({ length: rows }, (_, i) => Math.min(i, table.shape[0]! - 1))), 0)

/** `old` at the beginning of all axes, and for the rest `x`. */
function cornerOf(x: Tensor, old: Tensor): Tensor {
  let corner = old
  for (let axis = x.rank - 1; axis >= 0; axis--) {
    if (old.shape[axis] === x.shape[axis]) continue
    const ends = x.shape.map((size, other) => (other < axis ? old.shape[other]! : size))
    const begins = x.shape.map((_, other) => (other === axis ? old.shape[axis]! : 0))
    corner = concat([corner, slice(x, begins, ends)], axis)
  }
  return corner
}

/** @throws {ShapeError} where a parameter is missing, unknown, or of another shape than the settings say */
export function checkHead(parameters: Readonly<Record<string, Tensor>>, shapes: Record<string, Shape>): void {
  for (const [name, shape] of Object.entries(shapes)) {
    const found = parameters[name]?.shape
    if (found?.join() === shape.join()) continue
    const expected = `${name} of shape [${shape.join(', ')}], as the settings say`
    throw new ShapeError({ op: 'CorefModel', expected, got: found ? `[${found.join(', ')}]` : 'none' })
  }
  const unknown = Object.keys(parameters).find((name) => !(name in shapes))
  if (unknown !== undefined) {
    throw new ShapeError({ op: 'CorefModel', expected: 'parameters of the settings alone', got: unknown })
  }
}
