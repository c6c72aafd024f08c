/** Area `coref`, op `train`: updates of a model by documents. */
import { parseTraining, Trainer, trainingNames } from '@antecedent/coref'
import { indexSelect, tensor } from '@antecedent/tensor'
import type { Compute, Context } from './context.ts'
import { modelOfCase, piecesOfCase } from './corefInput.ts'
import type { Output } from './format.ts'

const vector = (values: readonly number[]): Output => ({ shape: [values.length], data: Float64Array.from(values) })

const train: Compute = async (context: Context) => {
  const { golden, inputs } = context
  const documents = golden.attrs.documents as number[]
  const given = golden.attrs.config as Record<string, unknown>
  const own = Object.fromEntries(Object.entries(given).filter(([name]) => trainingNames.includes(name)))
  const settings = parseTraining(own)
  const model = modelOfCase(context)
  const trainer = new Trainer(model, settings, golden.attrs.totalUpdateSteps as number)
  const perUpdate = settings.gradientAccumulation
  const course = { losses: [] as number[], norms: { bert: [] as number[], task: [] as number[] } }
  const rates = { bert: [] as number[], task: [] as number[] }
  const outputs: Record<string, Output> = {}
  let state = trainer.initial()
  for (let from = 0; from < documents.length; from += perUpdate) {
    const examples = await Promise.all(
      documents.slice(from, from + perUpdate).map(async (d) => {
        const { pieces, length } = await piecesOfCase(inputs, `doc${d}.`)
        return { pieces, length, name: `document ${d}` }
      }),
    )
    const { state: next, report } = await trainer.update(state, examples)
    state = next
    course.losses.push(...report.losses.map((loss) => loss / perUpdate))
    for (const part of ['bert', 'task'] as const) {
      course.norms[part].push(...report.norms[part])
      rates[part].push(report.rates[part])
    }
    for (const name of Object.keys(model.bert.parameters)) {
      outputs[`step.${state.updates}.w:bert.${name}`] = state.weights[`bert.${name}`] ?? inputs[`w:bert.${name}`]!
    }
    for (const name of Object.keys(model.parameters)) outputs[`step.${state.updates}.w:${name}`] = state.weights[name]!
    const rows = tensor(Int32Array.from(golden.attrs.wordRows as number[]))
    const table = state.weights['bert.embeddings.word_embeddings.weight']!
    outputs[`step.${state.updates}.wordRows`] = indexSelect(table, rows)
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
