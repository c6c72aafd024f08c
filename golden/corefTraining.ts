/** Area `coref`, op `train`: steps of the optimisers on documents. */
import type { CorefModel } from '@antecedent/coref'
import {
  adam,
  adamwHfLegacy,
  add,
  clipGradNorm,
  div,
  indexSelect,
  linearSchedule,
  type Optimizer,
  scope,
  type Tensor,
  tensor,
  valueAndGrad,
} from '@antecedent/tensor'
import type { Compute, Context } from './context.ts'
import { lossWith, modelOfCase, piecesOfCase } from './corefInput.ts'
import type { Output } from './format.ts'

/** Parameters that share an optimiser. */
interface Group {
  readonly names: readonly string[]
  readonly part: 'bert' | 'task'
  readonly optimizer: Optimizer
}

/** The encoder with and without decay, and the task layers. The pooler takes no part. */
function groupsOf(model: CorefModel, config: Record<string, number>): Group[] {
  const bert = Object.keys(model.bert.parameters).filter((name) => !name.startsWith('pooler.'))
  const undecayed = (name: string) => name.includes('bias') || name.includes('LayerNorm.weight')
  const prefixed = (names: string[]) => names.map((name) => `bert.${name}`)
  const common = { lr: config.bert_learning_rate!, eps: config.adam_eps! }
  return [
    {
      part: 'bert',
      names: prefixed(bert.filter((name) => !undecayed(name))),
      optimizer: adamwHfLegacy({ ...common, weightDecay: config.adam_weight_decay! }),
    },
    { part: 'bert', names: prefixed(bert.filter(undecayed)), optimizer: adamwHfLegacy(common) },
    {
      part: 'task',
      names: Object.keys(model.parameters),
      optimizer: adam({ lr: config.task_learning_rate!, eps: config.adam_eps! }),
    },
  ]
}

const vector = (values: readonly number[]): Output => ({ shape: [values.length], data: Float64Array.from(values) })

const train: Compute = async (context: Context) => {
  const { golden, inputs } = context
  const config = golden.attrs.config as Record<string, number>
  const documents = golden.attrs.documents as number[]
  const totalSteps = golden.attrs.totalUpdateSteps as number
  const model = modelOfCase(context)
  const groups = groupsOf(model, config)
  const names = groups.flatMap((group) => group.names)
  const perStep = config.gradient_accumulation_steps!
  const schedules = {
    bert: linearSchedule({
      lr: config.bert_learning_rate!,
      warmupSteps: Math.floor(totalSteps * config.warmup_ratio!),
      totalSteps,
    }),
    task: linearSchedule({ lr: config.task_learning_rate!, totalSteps }),
  }
  const course = { losses: [] as number[], norms: { bert: [] as number[], task: [] as number[] } }
  const rates = { bert: [] as number[], task: [] as number[] }
  const outputs: Record<string, Output> = {}
  let weights = Object.fromEntries(names.map((name) => [name, inputs[`w:${name}`]!]))
  let states = groups.map(({ names, optimizer }) => optimizer.init(names.map((name) => weights[name]!)))
  let gradients: Record<string, Tensor> | null = null
  for (const [pass, d] of documents.entries()) {
    const { pieces, length } = await piecesOfCase(inputs, `doc${d}.`)
    const of = await lossWith(model, weights, pieces, length)
    const [loss, found] = valueAndGrad<Tensor[]>((xs) => {
      const overrides = Object.fromEntries(names.map((name, i) => [name, xs[i]!]))
      return model.using(overrides, () => div(of(), perStep))
    })(names.map((name) => weights[name]!))
    course.losses.push((await loss.data())[0]!)
    const before: Record<string, Tensor> | null = gradients
    gradients = Object.fromEntries(names.map((name, i) => [name, before ? add(before[name]!, found[i]!) : found[i]!]))
    for (const part of ['bert', 'task'] as const) {
      const own = groups.filter((group) => group.part === part).flatMap((group) => group.names)
      const limit = config.max_grad_norm || Number.MAX_VALUE
      const clipped = clipGradNorm(
        own.map((name) => gradients![name]!),
        limit,
      )
      course.norms[part].push((await clipped.norm.data())[0]!)
      if (config.max_grad_norm) for (const [i, name] of own.entries()) gradients[name] = clipped.gradients[i]!
    }
    if ((pass + 1) % perStep !== 0) continue
    const step = (pass + 1) / perStep
    const given = gradients
    for (const part of ['bert', 'task'] as const) rates[part].push(schedules[part](step - 1))
    const updated = groups.map(({ names, optimizer, part }, i) =>
      scope(() =>
        optimizer.update(
          names.map((name) => weights[name]!),
          names.map((name) => given[name]!),
          states[i]!,
          schedules[part](step - 1),
        ),
      ),
    )
    states = updated.map(({ state }) => state)
    weights = Object.fromEntries(
      groups.flatMap(({ names }, i) => names.map((name, k) => [name, updated[i]!.params[k]!])),
    )
    gradients = null
    for (const name of Object.keys(model.bert.parameters)) {
      outputs[`step.${step}.w:bert.${name}`] = weights[`bert.${name}`] ?? inputs[`w:bert.${name}`]!
    }
    for (const name of Object.keys(model.parameters)) outputs[`step.${step}.w:${name}`] = weights[name]!
    const rows = tensor(Int32Array.from(golden.attrs.wordRows as number[]))
    outputs[`step.${step}.wordRows`] = indexSelect(weights['bert.embeddings.word_embeddings.weight']!, rows)
  }
  Object.assign(outputs, {
    losses: vector(course.losses),
    'gradientNorms.bert': vector(course.norms.bert),
    'gradientNorms.task': vector(course.norms.task),
    'learningRates.bert': vector(rates.bert),
    'learningRates.task': vector(rates.task),
  })
  return Object.fromEntries(Object.keys(golden.outputs).map((key) => [key, outputs[key]!]))
}

export const corefTrainingOps: Record<string, Compute> = { train }
