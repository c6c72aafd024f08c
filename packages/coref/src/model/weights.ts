/** The parameters of the task layers: coref-hoi's names, and their shapes. */
import {
  bertNormal,
  eye,
  fold,
  mul,
  type RandomKey,
  type Shape,
  ShapeError,
  type Tensor,
  zeros,
} from '@antecedent/tensor'
import type { CorefConfig } from './config.ts'

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
  const { featureSize, useFeatures, useMetadata, useSegmentDistance } = config
  return {
    span: 3 * hidden + (useFeatures ? featureSize : 0),
    pairFeatures: featureSize * ((useMetadata ? 2 : 0) + Number(useSegmentDistance) + Number(useFeatures)),
  }
}

/**
 * Every parameter of the task layers by its name in coref-hoi's state dict, with its shape; matrices are [out, in].
 * Two tables, `emb_genre` and `emb_top_antecedent_distance`, are there even where the settings do not use them, as in
 * coref-hoi. `combo` is that of overlapping segments, which coref-hoi lacks.
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
  if (higherOrder === 'cluster_merging') table('emb_cluster_size', bucketCount)
  if (config.modelHeads) dense('mention_token_attn', hidden, 1)
  scorer('span_emb_score_ffnn', span, config.ffnnSize)
  if (config.useWidthPrior) scorer('span_width_score_ffnn', featureSize, config.ffnnSize)
  dense('coarse_bilinear', span, span)
  if (config.useDistancePrior) dense('antecedent_distance_score_ffnn', featureSize, 1)
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
