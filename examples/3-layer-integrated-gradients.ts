// The paper: Layer Integrated Gradients on BERT's embeddings from a [PAD] baseline. Takes a model folder as argument.
import { layerIntegratedGradients, padBaseline, reduceToken } from '@antecedent/attribution'
import { Bert } from '@antecedent/bert/node'

const bert = await Bert.fromPretrained(process.argv[2] ?? 'models/antecedent-small')
const input = bert.tokenize('The physician hired the secretary because he was overwhelmed with clients.')
const record = await layerIntegratedGradients({
  forward: (input) => reduceToken(bert.forward(input).lastHiddenState, { token: 7, reduce: 'max' }),
  input,
  site: 'embeddings',
  baseline: padBaseline(input),
  nSteps: 50,
  method: 'gausslegendre',
})
console.log(record.tokens, record.scores, record.completenessError)
