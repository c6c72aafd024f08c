/** The steps of a training: gradients of documents, cut and added up, then one update of all parameters. */
import { Bert } from '@antecedent/bert'
import {
  add,
  device,
  dispose,
  div,
  gradNorm,
  mul,
  type OptimizerState,
  type RandomKey,
  scope,
  sub,
  type Tensor,
  valueAndGrad,
} from '@antecedent/tensor'
import type { Pieces } from '../documents/pieces.ts'
import { CorefModel } from '../model/model.ts'
import { type ParameterGroup, type Part, parameterGroups, parts } from './groups.ts'
import type { TrainingSettings } from './settings.ts'

/** Everything that a training changes. Together with settings and documents it decides all that follows. */
export interface TrainingState {
  /** updates done */
  readonly updates: number
  /** by the names that `CorefModel.using` takes, those of all groups */
  readonly weights: Readonly<Record<string, Tensor>>
  /** of each group's optimiser */
  readonly optimizers: readonly OptimizerState[]
  /** running mean of the weights; null where the settings ask for none */
  readonly average: Readonly<Record<string, Tensor>> | null
}

/** A document as an update takes it. */
export interface Example {
  readonly pieces: Pieces
  /** default: nothing is dropped */
  readonly dropout?: RandomKey
  /** what it is called, for errors */
  readonly name: string
  /** segments are padded to this length, if it is more than that of the longest */
  readonly length?: number
}

/** What an update saw, as numbers. */
export interface UpdateReport {
  /** of each document, before it is divided by their number */
  readonly losses: readonly number[]
  /** of each document's gradients added to those before it, before they are cut */
  readonly norms: Readonly<Record<Part, readonly number[]>>
  readonly rates: Readonly<Record<Part, number>>
}

/** A loss or a gradient is NaN or infinite. The state before the update is whole. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError'
  /** the update, counted from 0 */
  readonly update: number
  readonly document: string
  /** whose gradient it is; null: the loss */
  readonly part: Part | null

  constructor({ update, document, part }: Pick<DivergenceError, 'update' | 'document' | 'part'>, got: number) {
    const what = part === null ? 'loss' : `gradient of the ${part === 'bert' ? 'encoder' : 'task layers'} (${part})`
    const hint = 'lower its learning rate, or look at the document'
    super(`train: expected a finite ${what} at update ${update} on ${document}, got ${got} (${hint})`)
    this.update = update
    this.document = document
    this.part = part
  }
}

/** Gradients of some documents, and what each part is to be multiplied by so that it is as long as it may be. */
interface Gradients {
  readonly values: Readonly<Record<string, Tensor>>
  readonly norms: Readonly<Record<Part, number>>
  readonly scales: Readonly<Record<Part, number>>
}

/** A record's values anew, with storage of their own. */
const copied = (record: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(record).map(([name, x]) => [name, mul(x, 1)]))

function* tensorsOf({ weights, optimizers, average }: TrainingState): Generator<Tensor> {
  yield* Object.values(weights)
  for (const { slots } of optimizers) for (const values of Object.values(slots)) yield* values
  yield* Object.values(average ?? {})
}

/** Frees a state, but for what the one after it shares with it. */
export function disposeState(state: TrainingState, next?: TrainingState): void {
  const shared = new Set(next ? tensorsOf(next) : [])
  for (const x of tensorsOf(state)) if (!shared.has(x)) x.dispose()
}

/** Trains a model. The model given is left as it is, and must live as long as the trainer. */
export class Trainer {
  readonly groups: readonly ParameterGroup[]
  readonly #model: CorefModel
  readonly #settings: TrainingSettings
  readonly #names: readonly string[]

  /** @param updates  of the whole training, for the schedules */
  constructor(model: CorefModel, settings: TrainingSettings, updates: number) {
    this.#model = model
    this.#settings = settings
    this.groups = parameterGroups(model, settings, updates)
    this.#names = this.groups.flatMap(({ names }) => names)
  }

  /** Before the first update: copies of the model's parameters. */
  initial(): TrainingState {
    const { bert, parameters } = this.#model
    const own = (name: string) => (name.startsWith('bert.') ? bert.parameters[name.slice(5)] : parameters[name])!
    const weights = copied(Object.fromEntries(this.#names.map((name) => [name, own(name)])))
    const optimizers = this.groups.map(({ names, optimizer }) => optimizer.init(names.map((name) => weights[name]!)))
    const average = this.#settings.averageDecay > 0 ? copied(weights) : null
    return { updates: 0, weights, optimizers, average }
  }

  /**
   * A model with a state's weights, which it shares; with their mean where there is one, and with as many antecedents as
   * evaluation is to have.
   */
  modelOf({ weights, average }: TrainingState): CorefModel {
    const { bert, config, parameters } = this.#model
    const maxTopAntecedents = this.#settings.evaluationAntecedents || config.maxTopAntecedents
    const own = average ?? weights
    const encoder = Object.keys(bert.parameters).map((name) => [name, own[`bert.${name}`] ?? bert.parameters[name]!])
    const task = Object.keys(parameters).map((name) => [name, own[name]!])
    return new CorefModel({
      config: { ...config, maxTopAntecedents },
      bert: new Bert({
        config: bert.config,
        parameters: Object.fromEntries(encoder),
        tokenizer: bert.hasTokenizer ? bert.tokenizer : null,
        source: bert.source,
      }),
      parameters: Object.fromEntries(task),
    })
  }

  /**
   * One update by some documents: the mean of their losses. Gradients of the encoder and of the task layers are cut by
   * themselves, after each document, as coref-hoi does. The caller frees the state before by `disposeState`.
   *
   * @throws {DivergenceError} where a loss or a gradient is NaN or infinite
   */
  async update(
    state: TrainingState,
    examples: readonly Example[],
  ): Promise<{ state: TrainingState; report: UpdateReport }> {
    const losses: number[] = []
    const norms: Record<Part, number[]> = { bert: [], task: [] }
    let gradients: Gradients | null = null
    for (const example of examples) {
      const found: Gradients & { loss: number } = await this.#gradients(state, example, examples.length, gradients)
      dispose(gradients?.values)
      gradients = found
      losses.push(found.loss)
      for (const part of parts) norms[part].push(found.norms[part])
    }
    const next = scope(() => this.#updated(state, gradients!))
    dispose(gradients!.values)
    const rateOf = (part: Part) =>
      Math.max(...this.groups.filter((g) => g.part === part).map((g) => g.rate(state.updates)))
    return { state: next, report: { losses, norms, rates: { bert: rateOf('bert'), task: rateOf('task') } } }
  }

  /** The gradients of a document added to those before it as they were cut. */
  async #gradients(
    state: TrainingState,
    { pieces, dropout, name, length = 0 }: Example,
    count: number,
    before: Gradients | null,
  ): Promise<Gradients & { loss: number }> {
    const model = this.#model
    const { keepGold } = this.#settings
    // where numbers can not be read at once, the discrete choices come first, by a pass of their own
    const structure =
      device().name === 'gpu' && (await model.using(state.weights, () => model.choose(pieces, { length, keepGold })))
    const options = { length, keepGold, ...(dropout && { dropout }), ...(structure && { structure }) }
    const fail = (part: Part | null, got: number) => {
      throw new DivergenceError({ update: state.updates, document: name, part }, got)
    }
    const { loss, values } = scope(() => {
      const [loss, found] = valueAndGrad<Tensor[]>((xs) => {
        const overrides = Object.fromEntries(this.#names.map((name, i) => [name, xs[i]!]))
        return model.using(overrides, () => div(model.loss(pieces, options), count))
      })(this.#names.map((name) => state.weights[name]!))
      const values: Record<string, Tensor> = {}
      for (const [i, name] of this.#names.entries()) {
        const part = name.startsWith('bert.') ? 'bert' : 'task'
        values[name] = before ? add(mul(before.values[name]!, before.scales[part]), found[i]!) : found[i]!
      }
      return { loss, values }
    })
    const value = (await loss.data())[0]! * count
    loss.dispose()
    if (!Number.isFinite(value)) fail(null, value)
    const [norms, scales] = [
      { bert: 0, task: 0 },
      { bert: 1, task: 1 },
    ]
    const { maxGradNorm } = this.#settings
    for (const part of parts) {
      const names = this.groups.filter((group) => group.part === part).flatMap((group) => group.names)
      const norm = gradNorm(names.map((name) => values[name]!))
      norms[part] = (await norm.data())[0]!
      norm.dispose()
      if (!Number.isFinite(norms[part])) fail(part, norms[part])
      if (maxGradNorm > 0) scales[part] = Math.min(1, maxGradNorm / (norms[part] + 1e-6))
    }
    return { loss: value, norms, scales, values }
  }

  #updated(state: TrainingState, { values, scales }: Gradients): TrainingState {
    const weights: Record<string, Tensor> = {}
    const optimizers = this.groups.map(({ names, optimizer, rate, part }, i) => {
      const of = (record: Readonly<Record<string, Tensor>>) => names.map((name) => record[name]!)
      const lr = rate(state.updates)
      const updated = optimizer.update(of(state.weights), of(values), state.optimizers[i]!, lr, scales[part])
      for (const [k, name] of names.entries()) weights[name] = updated.params[k]!
      return updated.state
    })
    const updates = state.updates + 1
    return { updates, weights, optimizers, average: this.#average(state.average, weights, updates) }
  }

  /** The running mean after an update; by few updates it counts like a plain mean, so that the start is soon forgotten. */
  #average(
    before: TrainingState['average'],
    weights: Readonly<Record<string, Tensor>>,
    updates: number,
  ): TrainingState['average'] {
    const { averageDecay, averageFrequency } = this.#settings
    if (!before) return null
    if (updates % averageFrequency !== 0) return before
    const count = updates / averageFrequency
    const decay = Math.min(averageDecay, (count - 1) / (count + 9))
    const mean = (name: string) => add(before[name]!, mul(sub(weights[name]!, before[name]!), 1 - decay))
    return Object.fromEntries(Object.keys(before).map((name) => [name, mean(name)]))
  }
}
