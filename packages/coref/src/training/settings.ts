/** How a model is trained: names of coref-hoi's configuration at the file, camelCase inside. */
import { FormatError } from 'safetensors-ts'

/**
 * Which optimisers and schedules: those of Joshi et al.'s TensorFlow code, or those of coref-hoi.
 *
 * | | encoder | task layers |
 * |---|---|---|
 * | `tf` | Adam without bias correction, decay within the step | Adam, eps 1e-8, same schedule as the encoder |
 * | `hoi` | Transformers' former AdamW | Adam, without warm-up |
 */
export const recipes = ['hoi', 'tf'] as const
export type Recipe = (typeof recipes)[number]

/** Everything that decides the course of a training, documents and model aside. */
export interface TrainingSettings {
  /** of initial weights, dropout, the order of documents and their windows */
  seed: number
  recipe: Recipe
  /** passes over all documents; 0: a model that is given is evaluated and written, with its best offset */
  epochs: number
  /** documents whose gradients are added up for one update */
  gradientAccumulation: number
  /** highest learning rate of the encoder's last layer */
  bertLearningRate: number
  /** highest learning rate of the task layers */
  taskLearningRate: number
  /** factor of the learning rate from each layer of the encoder to the one below it; 1: all alike */
  layerDecay: number
  adamEps: number
  /** of the encoder's matrices */
  weightDecay: number
  /** share of the updates over which the encoder's learning rate rises */
  warmupRatio: number
  /** gradients of the encoder, and those of the task layers, are cut to this length; 0: not */
  maxGradNorm: number
  /** whether pruning keeps gold mentions before all other spans, so that links are learnt from the first update on */
  keepGold: boolean
  /** share of the documents whose genre is hidden in a pass, so that the model also learns to do without */
  genreDropout: number
  /** share of the words that a pass shows as `[MASK]`, so that the model also learns from what stands around a name */
  wordMasking: number
  /** share of the names that a pass calls otherwise, at all their places, so that links of names are learnt, not names */
  renaming: number
  /** the bilinear matrix of coarse scores starts as so many times the identity, likeness of vectors; 0: as random as the rest */
  bilinearIdentity: number
  /** decay of the running mean of weights that evaluation uses; 0: the weights themselves */
  averageDecay: number
  /** updates from one addition to that mean to the next */
  averageFrequency: number
  /** antecedents kept for each span in evaluation and by the model that is saved; 0: as many as in training */
  evaluationAntecedents: number
  /** updates from one evaluation to the next */
  evaluateFrequency: number
  /** whether the model of every evaluation is kept, for means of them */
  keepEvaluated: boolean
  /** updates from one checkpoint to the next */
  saveFrequency: number
}

/** coref-hoi's settings for BERT-base, where it has them. */
export const defaultTraining: TrainingSettings = {
  seed: 1,
  recipe: 'hoi',
  epochs: 24,
  gradientAccumulation: 1,
  bertLearningRate: 1e-5,
  taskLearningRate: 2e-4,
  layerDecay: 1,
  adamEps: 1e-6,
  weightDecay: 0.01,
  warmupRatio: 0.1,
  maxGradNorm: 1,
  keepGold: false,
  genreDropout: 0,
  wordMasking: 0,
  renaming: 0,
  bilinearIdentity: 0,
  averageDecay: 0,
  averageFrequency: 10,
  evaluationAntecedents: 0,
  evaluateFrequency: 1000,
  keepEvaluated: false,
  saveFrequency: 500,
}

type Check = readonly [expected: string, fits: (value: unknown) => boolean]

const number = (expected: string, fits: (value: number) => boolean): Check => [
  expected,
  (value) => typeof value === 'number' && fits(value),
]
const whole = (least: number) =>
  number(`a whole number of at least ${least}`, (n) => Number.isSafeInteger(n) && n >= least)
const atLeastZero = number('a number of at least 0', (n) => n >= 0 && n < Number.POSITIVE_INFINITY)
const boolean: Check = ['true or false', (value) => typeof value === 'boolean']
const share = number('a number in [0, 1)', (n) => n >= 0 && n < 1)

/** Names at the file (ours where coref-hoi has none), and what is allowed. */
const fields: Record<keyof TrainingSettings, readonly [name: string, check: Check]> = {
  seed: ['seed', whole(0)],
  recipe: ['recipe', [`one of ${recipes.join(', ')}`, (value) => recipes.some((known) => known === value)]],
  epochs: ['num_epochs', whole(0)],
  gradientAccumulation: ['gradient_accumulation_steps', whole(1)],
  bertLearningRate: ['bert_learning_rate', atLeastZero],
  taskLearningRate: ['task_learning_rate', atLeastZero],
  layerDecay: ['layer_decay', number('a number in (0, 1]', (n) => n > 0 && n <= 1)],
  adamEps: ['adam_eps', atLeastZero],
  weightDecay: ['adam_weight_decay', atLeastZero],
  warmupRatio: ['warmup_ratio', share],
  maxGradNorm: ['max_grad_norm', atLeastZero],
  keepGold: ['keep_gold', boolean],
  genreDropout: ['genre_dropout', share],
  wordMasking: ['word_masking', share],
  renaming: ['renaming', share],
  bilinearIdentity: ['bilinear_identity', atLeastZero],
  averageDecay: ['average_decay', share],
  averageFrequency: ['average_frequency', whole(1)],
  evaluationAntecedents: ['eval_top_antecedents', whole(0)],
  evaluateFrequency: ['eval_frequency', whole(1)],
  keepEvaluated: ['keep_evaluated', boolean],
  saveFrequency: ['save_frequency', whole(1)],
}

/** The names of the settings at a file. */
export const trainingNames: readonly string[] = Object.values(fields).map(([name]) => name)

/**
 * Reads settings from a parsed file; what is missing is as in `defaultTraining`.
 *
 * @throws {FormatError} with the key, for a name that is unknown or a value that is not allowed
 */
export function parseTraining(json: Readonly<Record<string, unknown>>, file = 'config.json'): TrainingSettings {
  const unknown = Object.keys(json).find((key) => !trainingNames.includes(key))
  if (unknown !== undefined) {
    throw new FormatError({ file, key: unknown, expected: `one of ${trainingNames.join(', ')}`, got: unknown })
  }
  const entries = Object.entries(fields).map(([key, [name, [expected, fits]]]) => {
    const value = json[name] ?? defaultTraining[key as keyof TrainingSettings]
    if (fits(value)) return [key, value]
    throw new FormatError({ file, key: name, expected, got: JSON.stringify(value) ?? String(value) })
  })
  return Object.fromEntries(entries) as TrainingSettings
}

/** Settings under their names at a file, as `parseTraining` reads them. */
export const trainingToJson = (settings: TrainingSettings): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([key, [name]]) => [name, settings[key as keyof TrainingSettings]]))
