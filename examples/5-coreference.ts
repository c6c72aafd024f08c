// Who is "he", and why. Takes the folder of a coreference model as argument.
import { CorefModel } from '@antecedent/coref/node'

const model = await CorefModel.fromPretrained(process.argv[2] ?? 'models/antecedent-small')
const { clusters, links } = await model.resolve(
  'The physician hired the secretary because he was overwhelmed with clients.',
)
for (const mentions of clusters) console.log(mentions.map(({ text }) => text).join(' = '))
for (const { mention, antecedent, probability } of links) {
  console.log(`${mention.text} → ${antecedent.text} (${(100 * probability).toFixed(0)} %)`)
}
