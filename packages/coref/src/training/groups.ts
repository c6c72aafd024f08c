/** Parameters in groups that share an optimiser and a schedule: Joshi et al.'s TensorFlow code, and coref-hoi. */
import { adam, adamBertTf, adamwHfLegacy, linearSchedule, type Optimizer, type Schedule } from '@antecedent/tensor'
import type { CorefModel } from '../model/model.ts'
import type { TrainingSettings } from './settings.ts'

/** The encoder and the task layers: gradients of each are cut by themselves. */
export const parts = ['bert', 'task'] as const
export type Part = (typeof parts)[number]

export interface ParameterGroup {
  /** as `CorefModel.using` takes them */
  readonly names: readonly string[]
  readonly part: Part
  readonly optimizer: Optimizer
  /** the learning rate of an update, counted from 0 */
  readonly rate: Schedule
}

/** Weight decay passes over biases and layer norms. */
const isDecayed = (name: string): boolean => !name.includes('bias') && !name.includes('LayerNorm')

/** The number of the encoder's layer that a parameter belongs to; −1 for the embeddings. */
const layerOf = (name: string): number => Number(/^encoder\.layer\.(\d+)\./.exec(name)?.[1] ?? -1)

/**
 * The groups of a model's parameters. The pooler takes no part: nothing depends on it.
 *
 * Schedules rise from 0 over the first `warmupRatio` of the updates and fall to 0 at the last; that of the task layers
 * only falls in coref-hoi. In the TensorFlow code the fall counts from the first update, so that the rate jumps at the
 * end of the rise; Adam's eps of its task layers is TensorFlow's 1e-8 whatever the settings say.
 *
 * @param total  updates in all
 */
export function parameterGroups(model: CorefModel, settings: TrainingSettings, total: number): ParameterGroup[] {
  const { recipe, bertLearningRate, taskLearningRate, layerDecay, adamEps: eps, weightDecay, warmupRatio } = settings
  const warmupSteps = Math.floor(total * warmupRatio)
  const schedule = (lr: number, warmup: number): Schedule =>
    recipe === 'tf'
      ? tensorFlowSchedule(lr, warmup, total)
      : linearSchedule({ lr, warmupSteps: warmup, totalSteps: total })
  const encoderOptimizer = recipe === 'tf' ? adamBertTf : adamwHfLegacy
  const { numLayers } = model.bert.config
  const names = Object.keys(model.bert.parameters).filter((name) => !name.startsWith('pooler.'))
  const keyOf = (name: string) => `${layerDecay === 1 ? numLayers - 1 : layerOf(name)} ${isDecayed(name)}`
  const encoder = [...new Set(names.map(keyOf))].map((key): ParameterGroup => {
    const own = names.filter((name) => keyOf(name) === key)
    const [layer, decayed] = key.split(' ')
    const lr = bertLearningRate * layerDecay ** (numLayers - 1 - Number(layer))
    const decay = decayed === 'true' ? { weightDecay } : {}
    return {
      part: 'bert',
      names: own.map((name) => `bert.${name}`),
      optimizer: encoderOptimizer({ lr, eps, ...decay }),
      rate: schedule(lr, warmupSteps),
    }
  })
  const task: ParameterGroup = {
    part: 'task',
    names: Object.keys(model.parameters),
    optimizer: adam({ lr: taskLearningRate, eps: recipe === 'tf' ? 1e-8 : eps }),
    rate: schedule(taskLearningRate, recipe === 'tf' ? warmupSteps : 0),
  }
  return [...encoder, task]
}

/** lr · n / warmup while the rate rises, then lr (1 − n / total). */
const tensorFlowSchedule =
  (lr: number, warmup: number, total: number): Schedule =>
  (n) =>
    n < warmup ? (lr * n) / warmup : lr * Math.max(0, 1 - n / total)
