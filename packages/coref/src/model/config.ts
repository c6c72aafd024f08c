/** The settings of a model: coref-hoi's names at the file, camelCase inside. */
import { FormatError } from 'safetensors-ts'

/** How span vectors are made anew between two scoring passes, or spans scored against clusters. */
export const higherOrders = [
  'attended_antecedent',
  'max_antecedent',
  'entity_equalization',
  'span_clustering',
  'cluster_merging',
] as const
export type HigherOrder = (typeof higherOrders)[number]

/** How links follow from scores (`linksBy`). */
export const decodings = ['antecedent', 'entity'] as const
export type Decoding = (typeof decodings)[number]

/** Everything that decides what a coreference model computes, its encoder aside. */
export interface CorefConfig {
  /** pieces of a segment at most, `[CLS]` and `[SEP]` included */
  maxSegmentLength: number
  /** segments of a training document at most; also the number of rows of the table of segment distances */
  maxTrainingSegments: number
  /** pieces of a span at most */
  maxSpanWidth: number
  /** spans kept, as a share of the pieces */
  topSpanRatio: number
  /** spans kept at most */
  maxSpans: number
  /** antecedents kept for each span */
  maxTopAntecedents: number
  /** units of a hidden layer of the scorers */
  ffnnSize: number
  /** hidden layers of the scorers */
  ffnnDepth: number
  /** units of a hidden layer of the cluster scorer */
  clusterFfnnSize: number
  /** size of a feature's vector */
  featureSize: number
  /** share of values that training drops in the task layers */
  dropoutRate: number
  /** scoring passes; span vectors are made anew between two of them */
  depth: number
  higherOrder: HigherOrder
  /** whether a span goes to the antecedent with the best score, or to the entity with the best mentions together */
  decoding: Decoding
  /** false: the coarse scores are the final ones */
  fineGrained: boolean
  lossType: 'marginalized' | 'hinge'
  /** weight of the loss on mention scores; 0: none */
  mentionLossCoef: number
  /** of the hinge loss: (3 − this) / 2 is the cost of a wrong link; starting an entity wrongly costs this − 1 more */
  falseNewDelta: number
  /** how a cluster's vector follows from those of its spans */
  clusterReduce: 'mean' | 'max'
  /** merging visits spans by their best score, not by position */
  easyClusterFirst: boolean
  /** cluster merging: add the loss of the scores before merging */
  clusterDoubleLoss: boolean
  /** speaker and genre as features of a pair */
  useMetadata: boolean
  /** width as a feature of a span, antecedent distance as one of a pair */
  useFeatures: boolean
  useSegmentDistance: boolean
  /** what two spans have in common as strings, as a feature of a pair and as a prior of the coarse score */
  useStringMatch: boolean
  /** a span's head by attention; else the mean of its pieces */
  modelHeads: boolean
  useWidthPrior: boolean
  useDistancePrior: boolean
  /** names of genres; any other counts as the first */
  genres: readonly string[]
  /** segments overlap by half, and a token's two vectors are blended (Joshi et al. 2019) */
  overlap: boolean
}

/** The genres of OntoNotes, in the order of the references. */
export const ontonotesGenres: readonly string[] = ['bc', 'bn', 'mz', 'nw', 'pt', 'tc', 'wb']

/** Joshi et al. 2019 with BERT-base and one scoring pass. */
export const defaultConfig: CorefConfig = {
  maxSegmentLength: 128,
  maxTrainingSegments: 11,
  maxSpanWidth: 30,
  topSpanRatio: 0.4,
  maxSpans: 3900,
  maxTopAntecedents: 50,
  ffnnSize: 3000,
  ffnnDepth: 1,
  clusterFfnnSize: 3000,
  featureSize: 20,
  dropoutRate: 0.3,
  depth: 1,
  higherOrder: 'attended_antecedent',
  decoding: 'antecedent',
  fineGrained: true,
  lossType: 'marginalized',
  mentionLossCoef: 0,
  falseNewDelta: 1.5,
  clusterReduce: 'mean',
  easyClusterFirst: false,
  clusterDoubleLoss: false,
  useMetadata: true,
  useFeatures: true,
  useSegmentDistance: true,
  useStringMatch: false,
  modelHeads: true,
  useWidthPrior: true,
  useDistancePrior: true,
  genres: ontonotesGenres,
  overlap: false,
}

/** Names of coref-hoi's configuration; `overlap_segments`, `use_string_match` and `decoding` are ours, as it has none of them. */
const fileNames: Record<keyof CorefConfig, string> = {
  maxSegmentLength: 'max_segment_len',
  maxTrainingSegments: 'max_training_sentences',
  maxSpanWidth: 'max_span_width',
  topSpanRatio: 'top_span_ratio',
  maxSpans: 'max_num_extracted_spans',
  maxTopAntecedents: 'max_top_antecedents',
  ffnnSize: 'ffnn_size',
  ffnnDepth: 'ffnn_depth',
  clusterFfnnSize: 'cluster_ffnn_size',
  featureSize: 'feature_emb_size',
  dropoutRate: 'dropout_rate',
  depth: 'coref_depth',
  higherOrder: 'higher_order',
  decoding: 'decoding',
  fineGrained: 'fine_grained',
  lossType: 'loss_type',
  mentionLossCoef: 'mention_loss_coef',
  falseNewDelta: 'false_new_delta',
  clusterReduce: 'cluster_reduce',
  easyClusterFirst: 'easy_cluster_first',
  clusterDoubleLoss: 'cluster_dloss',
  useMetadata: 'use_metadata',
  useFeatures: 'use_features',
  useSegmentDistance: 'use_segment_distance',
  useStringMatch: 'use_string_match',
  modelHeads: 'model_heads',
  useWidthPrior: 'use_width_prior',
  useDistancePrior: 'use_distance_prior',
  genres: 'genres',
  overlap: 'overlap_segments',
}

type Check = readonly [expected: string, fits: (value: unknown) => boolean]

const whole = (least: number): Check => [
  `a whole number of at least ${least}`,
  (value) => Number.isSafeInteger(value) && (value as number) >= least,
]
const within = (low: number, high: number): Check => [
  `a number from ${low} to ${high}`,
  (value) => typeof value === 'number' && value >= low && value <= high,
]
const oneOf = (...known: string[]): Check => [`one of ${known.join(', ')}`, (value) => known.includes(value as string)]

/** Of the settings that are no booleans. */
const checks: Partial<Record<keyof CorefConfig, Check>> = {
  maxSegmentLength: whole(4),
  maxTrainingSegments: whole(1),
  maxSpanWidth: whole(1),
  topSpanRatio: within(0, 100),
  maxSpans: whole(1),
  maxTopAntecedents: whole(1),
  ffnnSize: whole(1),
  ffnnDepth: whole(1),
  clusterFfnnSize: whole(1),
  featureSize: whole(1),
  dropoutRate: within(0, 0.999),
  depth: whole(1),
  higherOrder: oneOf(...higherOrders),
  decoding: oneOf(...decodings),
  lossType: oneOf('marginalized', 'hinge'),
  mentionLossCoef: within(0, Number.MAX_VALUE),
  falseNewDelta: within(0, Number.MAX_VALUE),
  clusterReduce: oneOf('mean', 'max'),
  genres: [
    'a list of names',
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string'),
  ],
}
const boolean: Check = ['true or false', (value) => typeof value === 'boolean']

/**
 * Reads settings under coref-hoi's names (`max_span_width`, `coref_depth`, …). What is missing has the value of
 * `defaultConfig`; names that say nothing of the model, such as learning rates, are passed over.
 *
 * @param json  the parsed settings
 * @param file  the name of their file, for errors
 * @throws {FormatError} where a value is of the wrong kind, or values do not go together
 */
export function parseCorefConfig(json: unknown, file = 'config.json'): CorefConfig {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new FormatError({ file, expected: 'a JSON object', got: Array.isArray(json) ? 'a list' : String(json) })
  }
  const fields = json as Record<string, unknown>
  const config: Record<string, unknown> = {}
  for (const name of Object.keys(fileNames) as (keyof CorefConfig)[]) {
    const key = fileNames[name]
    const value = fields[key] ?? defaultConfig[name]
    const [expected, fits] = checks[name] ?? boolean
    if (!fits(value)) throw new FormatError({ file, key, expected, got: JSON.stringify(value) ?? 'nothing' })
    config[name] = value
  }
  return requireConsistent(Object.assign({ ...defaultConfig }, config), file)
}

/** @throws {FormatError} where a higher order is asked for without fine scores, which it refines */
function requireConsistent(config: CorefConfig, file: string): CorefConfig {
  if (!config.fineGrained && (config.depth > 1 || config.higherOrder === 'cluster_merging')) {
    throw new FormatError({
      file,
      key: 'fine_grained',
      expected: 'true with coref_depth above 1 or cluster merging, which work on fine scores',
      got: 'false',
    })
  }
  return config
}

/** The settings under coref-hoi's names, as `parseCorefConfig` reads them. */
export const corefConfigToJson = (config: CorefConfig): Record<string, unknown> =>
  Object.fromEntries((Object.keys(fileNames) as (keyof CorefConfig)[]).map((name) => [fileNames[name], config[name]]))

/** The number of the genre in the model's list; 0 where it is unknown, as in the references. */
export const genreIndex = (config: Pick<CorefConfig, 'genres'>, genre: string | null): number =>
  Math.max(0, config.genres.indexOf(genre ?? ''))
