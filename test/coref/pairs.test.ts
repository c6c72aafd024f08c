/** Fine scores of pairs: factored, in chunks, shared, and with what a tap puts in place, beside pairs written out. */
import { type Structure, structureOfSpans } from '@antecedent/coref'
import { grad, normal, randomKey, stack, type Tensor, tap, tensor, useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import { finePairs, type PairOptions, pairFeatures } from '../../packages/coref/src/model/fine.ts'
import { type Context, score, takeRows } from '../../packages/coref/src/model/layers.ts'
import { headLogits, spanVectors } from '../../packages/coref/src/model/spans.ts'
import { contextOf, tinyModel, tinyPieces, variants } from './tinyModel.ts'

await useDevice('ref') // f64

const test = suite('fine pairs')
const close = { rtol: 1e-10, atol: 1e-11 }
const pieces = tinyPieces([13, 9, 12])

/** FFNN([g_i; g_j; g_i∘g_j; φ]) with every pair written out. */
function plainPairs(context: Context, vectors: Tensor, structure: Parameters<typeof finePairs>[2]): Tensor {
  const { width } = structure
  const k = structure.starts.length
  const columns = structure.antecedents.map((j) => Math.max(0, j))
  const own = takeRows(
    vectors,
    columns.map((_, at) => Math.floor(at / width)),
    [k, width],
  )
  const other = takeRows(vectors, columns, [k, width])
  const features = pairFeatures(context, structure)
  const parts = [own, other, own.mul(other), ...(features ? [features] : [])]
  const widths = parts.map((x) => x.shape.at(-1)!)
  const joined = new Float64Array(k * width * widths.reduce((a, b) => a + b))
  let at = 0
  const rows = parts.map((x) => x.dataSync())
  for (let pair = 0; pair < k * width; pair++) {
    for (const [p, row] of rows.entries()) {
      for (let d = 0; d < widths[p]!; d++) joined[at++] = row[pair * widths[p]! + d]!
    }
  }
  return score(context, 'coref_score_ffnn', tensor(joined, [k, width, joined.length / (k * width)]))
}

test('fine scores in factored form are those of whole pairs, also in chunks, and so are gradients', () => {
  for (const changes of [{}, variants['no features at all']!, { ffnnDepth: 2 }]) {
    const model = tinyModel(changes)
    const context = contextOf(model)
    const tokens = model.encode(pieces)
    const { structure } = model.pruneAtOnce(tokens, pieces)
    const vectors = spanVectors(context, tokens, headLogits(context, tokens), structure)
    const features = pairFeatures(context, structure)
    const whole = finePairs(context, vectors, structure, features)
    allClose(whole, plainPairs(context, vectors, structure), close)
    allClose(finePairs(context, vectors, structure, features, { budget: 100 }), whole, close)
    const weight = model.parameters['coref_score_ffnn.0.weight']!
    const gradients = (options: PairOptions = {}) =>
      grad<Tensor[]>(([v, w]) => {
        const own = { ...context, parameters: { ...context.parameters, 'coref_score_ffnn.0.weight': w! } }
        return finePairs(own, v!, structure, features, options).sin().sum()
      })([vectors, weight])
    for (const options of [{ budget: 100 }, { budget: 100, kept: 0 }]) {
      for (const [i, g] of gradients(options).entries()) allClose(g, gradients()[i]!, close)
    }
  }
})

/** Fine scores where there is an antecedent; elsewhere they mean nothing. */
const ofPairs = (scores: Tensor, { antecedents, width }: Structure): Tensor =>
  scores.mul(
    tensor(
      Float64Array.from(antecedents, (j) => Number(j >= 0)),
      [antecedents.length / width, width],
    ),
  )

test('products shared by pairs with the same first or last pieces change no score and no gradient', () => {
  for (const changes of [{}, { useStringMatch: true }, variants['no features at all']!]) {
    const model = tinyModel(changes)
    const context = contextOf(model)
    const tokens = model.encode(pieces)
    // some begin alike, some end alike, some have neither in common
    const spans = [
      [1, 2],
      [1, 3],
      [1, 5],
      [3, 5],
      [4, 5],
      [4, 6],
      [9, 10],
      [8, 10],
      [14, 15],
    ] as const
    const structure = structureOfSpans(model.config, pieces, spans)
    const scoresBy = (x: Tensor, own: Context, options: PairOptions) =>
      ofPairs(
        finePairs(
          own,
          spanVectors(own, x, headLogits(own, x), structure),
          structure,
          pairFeatures(own, structure),
          options,
        ),
        structure,
      )
    const weight = model.parameters['coref_score_ffnn.0.weight']!
    const gradients = (options: PairOptions) =>
      grad<Tensor[]>(([x, w]) => {
        const own = { ...context, parameters: { ...context.parameters, 'coref_score_ffnn.0.weight': w! } }
        return scoresBy(x!, own, options).sin().sum()
      })([tokens, weight])
    const plain = scoresBy(tokens, context, {})
    for (const options of [{ hidden: 8 }, { hidden: 8, budget: 100 }]) {
      allClose(scoresBy(tokens, context, options), plain, close)
      for (const [i, g] of gradients(options).entries()) allClose(g, gradients({})[i]!, close)
    }
    // points of a path, as attributions have them
    const path = stack([tokens, tokens.mul(0.5)])
    allClose(scoresBy(path, context, { hidden: 8 }), scoresBy(path, context, {}), close)
  }
})

test('spans that a tap puts in place are scored as they are', () => {
  const model = tinyModel()
  const tokens = model.encode(pieces)
  const { structure } = model.pruneAtOnce(tokens, pieces)
  const { recorded } = tap({ record: ['spans'] }, () => model.scoresAtOnce(tokens, structure))
  const other = recorded.spans!.mul(
    tensor(Float64Array.from({ length: structure.starts.length }, (_, i) => 1 + i)).unsqueeze(1),
  )
  const { result } = tap({ replace: { spans: other } }, () => model.scoresAtOnce(tokens, structure))
  allClose(result.passes[0]!.fine, plainPairs(contextOf(model), other, structure), close)
})

test('features that a tap puts in place are read pair by pair, and span by span', () => {
  const model = tinyModel({ useStringMatch: true })
  const tokens = model.encode(pieces)
  const { structure } = model.pruneAtOnce(tokens, pieces)
  const [k, c, e] = [structure.starts.length, structure.width, model.config.featureSize]
  const noise = (shape: number[]) => normal(shape, randomKey(5), { dtype: 'f64' })
  const sites = ['features.speaker', 'features.genre', 'features.segment', 'features.distance', 'features.strings']
  const replaced = {
    ...Object.fromEntries(sites.map((name) => [name, noise([k, c, e])])),
    'features.width': noise([k, e]),
  }
  const context = contextOf(model)
  for (const [name, value] of Object.entries(replaced)) {
    const replace = { [name]: value }
    const { result } = tap({ replace }, () => model.scoresAtOnce(tokens, structure))
    const { result: plain } = tap({ replace }, () =>
      plainPairs(context, spanVectors(context, tokens, headLogits(context, tokens), structure), structure),
    )
    allClose(ofPairs(result.passes[0]!.fine, structure), ofPairs(plain, structure), close)
  }
})

test.run()
