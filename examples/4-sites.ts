// A model of one's own joins by naming its values. Takes a model folder as argument.
import { layerIntegratedGradients, padBaseline } from '@antecedent/attribution'
import type { BertInput } from '@antecedent/bert'
import { Bert } from '@antecedent/bert/node'
import { linear, normal, randomKey, select, site, tap, zeros } from '@antecedent/tensor'

const bert = await Bert.fromPretrained(process.argv[2] ?? 'models/antecedent-small')
const weight = normal([2, bert.config.hiddenSize], randomKey(1), { std: 0.02 }) // a classifier that has learnt nothing
const bias = zeros([2])

const logits = (ids: BertInput) => site('classifier.logits', linear(bert.forward(ids).pooler!, weight, bias))

const input = bert.tokenize('The nurse called because she was late.')
const { recorded } = tap({ record: ['layer.0.output', 'classifier.logits'] }, () => logits(input))
for (const [name, value] of Object.entries(recorded)) console.log(name, value.shape)

const [record] = await layerIntegratedGradients({
  forward: (input) => [select(logits(input), 0, -1)],
  input,
  baseline: padBaseline(input),
  nSteps: 10,
})
console.log(record!.tokens, record!.scores)
