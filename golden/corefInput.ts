/** What the cases of area `coref` name: a model by its weights, a document by its tensors. */
import { Bert, parameterShapes, parseConfig } from '@antecedent/bert'
import { type Cluster, CorefModel, type Pieces, parseCorefConfig } from '@antecedent/coref'
import { device, type Tensor } from '@antecedent/tensor'
import type { Context } from './context.ts'

/** The model of a case: settings under the reference's names, weights as inputs `w:NAME`. */
export function modelOfCase({ golden, inputs }: Context): CorefModel {
  const bertConfig = parseConfig(golden.attrs.bert)
  const weights = Object.fromEntries(
    Object.entries(inputs)
      .filter(([key]) => key.startsWith('w:'))
      .map(([key, value]) => [key.slice(2), value]),
  )
  const encoder = Object.keys(parameterShapes(bertConfig)).map((name) => [name, weights[`bert.${name}`]!])
  const head = Object.entries(weights).filter(([name]) => !name.startsWith('bert.'))
  return new CorefModel({
    config: parseCorefConfig(golden.attrs.config),
    bert: new Bert({ config: bertConfig, parameters: Object.fromEntries(encoder) }),
    parameters: Object.fromEntries(head),
  })
}

const numbers = async (x: Tensor | undefined): Promise<number[]> => (x ? [...(await x.data())] : [])

/** Gold mentions by cluster; spans are inclusive in the files and half-open here. */
async function clustersOf(inputs: Record<string, Tensor>, prefix: string): Promise<Cluster[]> {
  const lists = ['goldStarts', 'goldEnds', 'goldClusterIds'].map((key) => numbers(inputs[prefix + key]))
  const [starts, ends, ids] = await Promise.all(lists)
  const clusters = new Map<number, [number, number][]>()
  for (const [i, id] of ids!.entries()) {
    clusters.set(id, [...(clusters.get(id) ?? []), [starts![i]!, ends![i]! + 1]])
  }
  return [...clusters.values()]
}

/** The document of a case as pieces, and the length that its segments are padded to. */
export async function piecesOfCase(
  inputs: Record<string, Tensor>,
  prefix = '',
): Promise<{ pieces: Pieces; length: number }> {
  const of = (key: string) => inputs[prefix + key]!
  const length = of('inputIds').shape[1]!
  const [ids, speakers] = [await numbers(of('inputIds')), await numbers(of('speakerIds'))]
  const lengths = await numbers(of('segmentLengths'))
  const rows = (list: number[]) => lengths.map((n, s) => list.slice(s * length, s * length + n))
  return {
    length,
    pieces: {
      segments: rows(ids),
      overlap: null,
      sentenceMap: await numbers(of('sentenceMap')),
      subtokenMap: [],
      speakerIds: rows(speakers).flat(),
      segmentMap: lengths.flatMap((n, s) => new Array<number>(n).fill(s)),
      genre: (await numbers(of('genre')))[0]!,
      clusters: await clustersOf(inputs, prefix),
    },
  }
}

/**
 * The loss of a document as a function for derivatives. Where the device can not be read under a derivative, its choices
 * are made before.
 */
export async function lossOfCase(model: CorefModel, pieces: Pieces, length: number): Promise<() => Tensor> {
  const structure = device().name === 'gpu' && (await model.choose(pieces, { length }))
  return () => model.loss(pieces, { length, ...(structure && { structure }) })
}
