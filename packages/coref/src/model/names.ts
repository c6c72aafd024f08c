/**
 * The variables of mandarjoshi90's TensorFlow checkpoints under coref-hoi's names: matrices transposed, and the two
 * distance features of a pair exchanged, as its order is speaker, genre, antecedent distance, segment distance. The
 * paths follow from the variable scopes of its code.
 */
import type { WeightSource } from '@antecedent/bert'
import type { RawTensor } from 'safetensors-ts'
import type { CorefConfig } from './config.ts'

/** How a variable becomes a parameter. */
type Turn = 'same' | 'transposed' | 'pairs'

interface Origin {
  readonly name: string
  readonly turn: Turn
}

/** Scorers by scope: hidden layers `hidden_weights_I`, then `output_weights`. */
const scorers: Record<string, string> = {
  mention_scores: 'span_emb_score_ffnn',
  width_scores: 'span_width_score_ffnn',
  'coref_layer/slow_antecedent_scores': 'coref_score_ffnn',
}

const tables: Record<string, string> = {
  span_width_embeddings: 'emb_span_width',
  span_width_prior_embeddings: 'emb_span_width_prior',
  genre_embeddings: 'emb_genre',
  antecedent_distance_emb: 'emb_antecedent_distance_prior',
  'coref_layer/same_speaker_emb': 'emb_same_speaker',
  'coref_layer/antecedent_distance_emb': 'emb_top_antecedent_distance',
  'coref_layer/segment_distance/segment_distance_embeddings': 'emb_segment_distance',
}

/** Single layers by the path in front of `output_weights` and `output_bias`. */
const layers: Record<string, string> = {
  'mention_word_attn/': 'mention_token_attn',
  'src_projection/': 'coarse_bilinear',
  '': 'antecedent_distance_score_ffnn',
  'coref_layer/f/': 'gate_ffnn',
  'combo/': 'combo',
}

/** Variables by the parameters that they become. */
function headOrigins(depth: number): Map<string, Origin> {
  const origins = new Map<string, Origin>()
  for (const [name, table] of Object.entries(tables)) origins.set(`${table}.weight`, { name, turn: 'same' })
  for (const [path, layer] of Object.entries(layers)) {
    origins.set(`${layer}.weight`, { name: `${path}output_weights`, turn: 'transposed' })
    origins.set(`${layer}.bias`, { name: `${path}output_bias`, turn: 'same' })
  }
  for (const [path, scorer] of Object.entries(scorers)) {
    for (let i = 0; i <= depth; i++) {
      const ofPairs = scorer === 'coref_score_ffnn' && i === 0
      const [weights, bias] =
        i < depth ? [`hidden_weights_${i}`, `hidden_bias_${i}`] : ['output_weights', 'output_bias']
      origins.set(`${scorer}.${3 * i}.weight`, { name: `${path}/${weights}`, turn: ofPairs ? 'pairs' : 'transposed' })
      origins.set(`${scorer}.${3 * i}.bias`, { name: `${path}/${bias}`, turn: 'same' })
    }
  }
  return origins
}

/** `bert/encoder/layer_0/attention/self/query/kernel` as `bert.encoder.layer.0.attention.self.query.weight`. */
function encoderOrigin(variable: string): [string, Origin] {
  const dotted = variable
    .replace(/\/layer_(\d+)\//, '/layer.$1/')
    .replaceAll('/', '.')
    .replace(/\.kernel$/, '.weight')
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
    .replace(/(_embeddings)$/, '$1.weight')
  return [dotted, { name: variable, turn: variable.endsWith('/kernel') ? 'transposed' : 'same' }]
}

/** Whether a file holds the variables of a TensorFlow checkpoint. */
export const isTensorFlow = (names: readonly string[]): boolean =>
  names.some((name) => name.startsWith('coref_layer/') || name.startsWith('src_projection/'))

/** A matrix [rows, columns] of numbers as [columns, rows]. */
function transposed({ shape, data }: RawTensor): { shape: number[]; data: Float64Array | Float32Array } {
  const [rows, columns] = shape as [number, number]
  const source = data as Float32Array
  const result = data instanceof Float64Array ? new Float64Array(data.length) : new Float32Array(data.length)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = source[i * columns + j]!
  }
  return { shape: [columns, rows], data: result }
}

/** Exchanges the last two blocks of `size` columns: antecedent distance and segment distance. */
function exchanged(matrix: ReturnType<typeof transposed>, size: number): ReturnType<typeof transposed> {
  const [rows, columns] = matrix.shape as [number, number]
  const data = matrix.data.slice()
  for (let i = 0; i < rows; i++) {
    const end = (i + 1) * columns
    data.set(matrix.data.subarray(end - size, end), end - 2 * size)
    data.set(matrix.data.subarray(end - 2 * size, end - size), end - size)
  }
  return { shape: matrix.shape, data }
}

/** A source of a TensorFlow checkpoint's variables as one of parameters under coref-hoi's names. */
export function fromTensorFlow(source: WeightSource, config: CorefConfig): WeightSource {
  const there = new Set(source.names)
  const origins = new Map([...headOrigins(config.ffnnDepth)].filter(([, { name }]) => there.has(name)))
  const training = /adam_[mv]$|\/Adam(_\d+)?$|^global_step$|_power$/
  for (const name of source.names) {
    if (name.startsWith('bert/') && !training.test(name)) origins.set(...encoderOrigin(name))
  }
  const bothDistances = config.useFeatures && config.useSegmentDistance
  return {
    names: [...origins.keys()],
    async get(parameter) {
      const { name, turn } = origins.get(parameter)!
      const raw = await source.get(name)
      if (turn === 'same') return raw
      const turned = transposed(raw)
      const swap = turn === 'pairs' && bothDistances
      return { ...raw, ...(swap ? exchanged(turned, config.featureSize) : turned) } as RawTensor
    },
  }
}
