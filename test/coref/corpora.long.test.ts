/** Whole corpora by a model of full size that has learnt nothing: no failure, and memory. */
import { Bert } from '@antecedent/bert/node'
import { type CorefDocument, CorefModel, defaultConfig, initialHead } from '@antecedent/coref'
import { documentFiles, readDocumentFile } from '@antecedent/coref/node'
import { fastestDevice, randomKey, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

const test = suite('coref corpora')

const read = async (...folders: string[]): Promise<CorefDocument[]> =>
  (await Promise.all(documentFiles(folders).map((file) => readDocumentFile(file)))).flat()

async function fullModel(): Promise<CorefModel> {
  await useDevice(fastestDevice())
  const bert = await Bert.fromPretrained(shared('models/minilm-l6'))
  const parameters = initialHead(defaultConfig, bert.config.hiddenSize, randomKey(1))
  return new CorefModel({ config: defaultConfig, bert, parameters })
}

/** Mentions lie within the words, in order; links and clusters say the same. */
async function requireSound(model: CorefModel, document: CorefDocument): Promise<void> {
  const { clusters, links } = await model.resolve(document)
  for (const { words } of clusters.flat()) {
    assert.ok(words[0] >= 0 && words[0] < words[1] && words[1] <= document.words.length, document.id)
  }
  for (const mentions of clusters) assert.ok(mentions.length > 1)
  assert.ok(links.length >= clusters.flat().length - clusters.length)
}

needsShared(test)('the longest document of LitBank takes less than 1.5 GB, all of the process counted', async () => {
  const all = await read(shared('data/litbank/dev'), shared('data/litbank/train'))
  const longest = all.reduce((a, b) => (b.words.length > a.words.length ? b : a))
  assert.ok(longest.words.length > 3000)
  const model = await fullModel()
  await requireSound(model, longest)
  const peak = process.resourceUsage().maxRSS * 1024
  assert.ok(peak < 1.5e9, `${(peak / 1e6).toFixed(0)} MB`)
  model.dispose()
})

needsShared(test)('all of OntoGUM dev is resolved', async () => {
  const model = await fullModel()
  const documents = await read(shared('data/ontogum/dev'))
  assert.is(documents.length, 30)
  for (const document of documents) await requireSound(model, document)
  model.dispose()
})

test.run()
