/** Links from scores: by the best antecedent, and by the likeliest entity. */
import { type CorefModel, developmentScores, readText } from '@antecedent/coref'
import { randomKey, uniform, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { clustersOf, type LinkOptions, linksBy } from '../../packages/coref/src/model/decode.ts'
import { tinyModel, tinyPieces } from './tinyModel.ts'

await useDevice('ref')

const test = suite('decoding')

const links = (decoding: 'antecedent' | 'entity', options: LinkOptions[]) => [
  ...linksBy({ decoding }, options.length, (i) => options[i]!),
]
const none: LinkOptions = { antecedents: [], scores: [] }

test('entities: the mentions of one count together, against none and against others', () => {
  // span 3: 0.25 each for the two of one entity, 0.2 for another span, 0.3 for none
  const scores = [0.25, 0.25, 0.2].map((p) => Math.log(p / 0.3))
  const options = [
    none,
    { antecedents: [0], scores: [5] },
    { antecedents: [1, 0], scores: [-9, -9] },
    { antecedents: [2, 1, 0], scores: [scores[2]!, scores[0]! - 1e-9, scores[1]!] },
  ]
  assert.equal(links('antecedent', options), [-1, 0, -1, -1])
  assert.equal(links('entity', options), [-1, 0, -1, 0])
})

test('entities: of equal ones the first, none before all; scores without bound, and places without antecedent', () => {
  const at = (scores: number[], antecedents = [0, 1]) => links('entity', [none, none, { antecedents, scores }])[2]
  assert.is(at([1, 1]), 0)
  assert.is(at([1, 1], [1, 0]), 1)
  assert.is(at([0, 0]), -1)
  assert.is(at([800, 799]), 0)
  assert.is(at([-800, -800]), -1)
  assert.is(at([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]), -1)
  assert.is(at([Number.NEGATIVE_INFINITY, 2], [-1, 1]), 1)
  assert.is(at([Number.NaN, 2]), -1)
  assert.equal(links('entity', []), [])
})

/** The rule written out: probabilities of all entities so far, sets and sums. */
function literal(options: readonly LinkOptions[]): number[] {
  const entities: Set<number>[] = []
  return options.map(({ antecedents, scores }, i) => {
    const list = Array.from(antecedents)
    const sum = Array.from(scores).reduce((sum, s) => sum + Math.exp(s), 1)
    const probability = (j: number) => (list.includes(j) ? Math.exp(scores[list.indexOf(j)]!) / sum : 0)
    const of = (entity: Set<number>) => [...entity].reduce((p, j) => p + probability(j), 0)
    const best = [...entities].sort((a, b) => of(b) - of(a))[0]
    if (!best || of(best) <= 1 / sum) {
      entities.push(new Set([i]))
      return -1
    }
    const link = [...best].sort((a, b) => probability(b) - probability(a))[0]!
    best.add(i)
    return link
  })
}

test('entities: as the rule says, in 300 random documents', () => {
  let together = 0
  for (let document = 0; document < 300; document++) {
    const numbers = uniform([200], randomKey(document)).toArray() as number[]
    const random = () => numbers.pop()!
    const options = Array.from({ length: 12 }, (_, i): LinkOptions => {
      const antecedents = Array.from({ length: i }, (_, j) => i - 1 - j).filter(() => random() < 0.8)
      return { antecedents, scores: antecedents.map(() => 3 * random() - 2.5) }
    })
    const found = links('entity', options)
    assert.equal(found, literal(options))
    together += Number(found.join() !== links('antecedent', options).join())
  }
  assert.ok(together > 50, `only ${together} documents where it matters`)
})

test('a model decodes as its settings say; scores and probabilities are the same', async () => {
  const pieces = tinyPieces([13, 9, 12])
  const settings = { maxTopAntecedents: 99, topSpanRatio: 0.6 }
  let different = 0
  for (let seed = 1; seed <= 8; seed++) {
    const [one, other] = await Promise.all(
      (['antecedent', 'entity'] as const).map((decoding) => tinyModel({ ...settings, decoding }, seed).score(pieces)),
    )
    assert.equal(other!.scores, one!.scores)
    const options = other!.antecedents.map((antecedents, i) => ({ antecedents, scores: other!.scores[i]!.slice(1) }))
    assert.equal(other!.links, literal(options))
    assert.equal(other!.clusters, clustersOf(Int32Array.from(other!.links)).clusters)
    different += Number(other!.links.join() !== one!.links.join())
  }
  assert.ok(different > 0)
})

test('development scores are of the links that the settings make', async () => {
  const text =
    'the nurse called the doctor because she was late and the nurse was kind . he was late . the doctor called .'
  const settings = { maxTopAntecedents: 99, topSpanRatio: 2 }
  let different = 0
  for (let seed = 1; seed <= 8; seed++) {
    const [model, other] = (['entity', 'antecedent'] as const).map((decoding) =>
      tinyModel({ ...settings, decoding }, seed),
    ) as [CorefModel, CorefModel]
    const { clusters } = await model.resolve(text)
    const key = { ...readText(text), clusters: clusters.map((mentions) => mentions.map(({ words }) => words)) }
    assert.is((await developmentScores(model, { own: [key] })).plain.mean, Number(clusters.length > 0))
    different += Number((await developmentScores(other, { own: [key] })).plain.mean < 1)
  }
  assert.ok(different > 0)
})

test.run()
