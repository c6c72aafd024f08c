/** A tiny random model, and documents for it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bert, type BertConfig, parameterShapes, Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import { type CorefConfig, CorefModel, defaultConfig, headShapes, type Pieces } from '@antecedent/coref'
import { CorefModel as SavedModel } from '@antecedent/coref/node'
import { fold, noDropout, normal, randomKey, type Tensor } from '@antecedent/tensor'
import type { Context } from '../../packages/coref/src/model/layers.ts'

const words = ['the', 'nurse', 'called', 'doctor', 'because', 'she', 'he', 'was', 'kind', 'and', 'late', '.', '##s']
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

export const bertConfig: BertConfig = {
  vocabSize: specials.length + words.length,
  hiddenSize: 8,
  numLayers: 2,
  numHeads: 2,
  intermediateSize: 12,
  maxPositions: 40,
  typeVocabSize: 2,
  activation: 'gelu',
  layerNormEps: 1e-12,
  hiddenDropoutRate: 0.1,
  attentionDropoutRate: 0.1,
  padTokenId: 0,
}

export const tinyConfig: CorefConfig = {
  ...defaultConfig,
  maxSegmentLength: 16,
  maxTrainingSegments: 3,
  maxSpanWidth: 4,
  maxTopAntecedents: 4,
  ffnnSize: 10,
  clusterFfnnSize: 7,
  featureSize: 3,
}

/** A model of these settings whose scores differ clearly. */
export function tinyModel(changes: Partial<CorefConfig> = {}, seed = 3, dtype: 'f32' | 'f64' = 'f64'): CorefModel {
  const config = { ...tinyConfig, ...changes }
  const draw = (shapes: Record<string, readonly number[]>, key: number): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape], i) => {
        const mean = name.endsWith('LayerNorm.weight') ? 1 : 0
        return [name, normal(shape, fold(fold(randomKey(seed), key), i), { mean, std: 0.4, dtype })]
      }),
    )
  const tokenizer = new WordPieceTokenizer(new Vocabulary([...specials, ...words]))
  const bert = new Bert({ config: bertConfig, parameters: draw(parameterShapes(bertConfig), 1), tokenizer })
  return new CorefModel({ config, bert, parameters: draw(headShapes(config, bertConfig.hiddenSize), 2) })
}

/** What the stages of a model take, without dropout. */
export const contextOf = ({ config, parameters }: CorefModel): Context => ({ config, parameters, drops: noDropout })

/** Segments of these lengths, `[CLS]` and `[SEP]` included, of two sentences and two speakers each. */
export function tinyPieces(lengths: readonly number[], seed = 1): Pieces {
  let state = seed
  const random = (n: number) => {
    state = (state * 48271) % 2147483647
    return state % n
  }
  const segments = lengths.map((n) => [2, ...Array.from({ length: n - 2 }, () => 5 + random(words.length)), 3])
  const places = lengths.flatMap((n, s) => Array.from({ length: n }, (_, t) => [s, t, n] as const))
  let word = 0
  return {
    segments,
    overlap: null,
    sentenceMap: places.map(([s, t, n]) => 2 * s + Number(t > n / 2)),
    subtokenMap: places.map(([, t, n]) => (t === 0 || t === n - 1 ? Math.max(0, word - 1) : word++)),
    speakerIds: places.map(([s, t, n]) => (t === 0 || t === n - 1 ? 1 : 2 + ((s + Number(t > n / 2)) % 2))),
    segmentMap: places.map(([s]) => s),
    genre: 3,
    clusters: [
      [
        [1, 2],
        [4, 6],
        [8, 9],
      ],
      [
        [2, 3],
        [5, 6],
      ],
    ],
  }
}

/** Every variant of the model, by name. */
export const variants: Record<string, Partial<CorefConfig>> = {
  'one pass': {},
  'three passes of attended antecedents': { depth: 3 },
  'max antecedent': { depth: 2, higherOrder: 'max_antecedent' },
  'entity equalisation': { depth: 2, higherOrder: 'entity_equalization' },
  'span clustering': { depth: 2, higherOrder: 'span_clustering' },
  'cluster merging': { higherOrder: 'cluster_merging' },
  'easy-first merging, maximum': { higherOrder: 'cluster_merging', clusterReduce: 'max', easyClusterFirst: true },
  'coarse scores alone': { fineGrained: false },
  'no features at all': {
    useFeatures: false,
    useMetadata: false,
    useSegmentDistance: false,
    useWidthPrior: false,
    useDistancePrior: false,
    modelHeads: false,
  },
  'width prior without width feature': { useFeatures: false },
  'two hidden layers': { ffnnDepth: 2 },
  'features of strings': { useStringMatch: true },
}

/** A folder with the tiny model's encoder: its settings say nothing of task layers. */
export async function saveTinyEncoder(folder: string): Promise<void> {
  await new SavedModel(tinyModel({}, 3, 'f32')).save(folder)
  const file = join(folder, 'config.json')
  const { coref, ...config } = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify(config))
}
