/** How a model does on development documents, and the offset of its dummy score that does best there. */
import { add, type Tensor } from '@antecedent/tensor'
import type { CorefDocument } from '../documents/document.ts'
import { addScoreCounts, countsOf, noCounts, type ScoreCounts, scoresOf } from '../metrics/score.ts'
import { clustersOf } from '../model/decode.ts'
import { CorefModel } from '../model/model.ts'
import type { ScoreRecord } from '../model/record.ts'
import { resolutionOf } from '../model/resolution.ts'

/** Documents by the name of their set, such as that of a corpus. */
export type DocumentSets = Readonly<Record<string, readonly CorefDocument[]>>

/** CoNLL scores in [0, 1]. */
export interface DevelopmentScores {
  /** added to every pair's score; positive ones make more links */
  readonly offset: number
  /** of each set */
  readonly sets: Readonly<Record<string, number>>
  /** over the sets */
  readonly mean: number
}

/** Offsets that `developmentScores` tries, unless told otherwise. */
export const usualOffsets: readonly number[] = Array.from({ length: 25 }, (_, i) => (i - 12) / 4)

/** A document without the entities that it mentions once: training and the CoNLL score of this model pass over them. */
export function withoutSingletons(document: CorefDocument): CorefDocument {
  const isKept = document.clusters.map((mentions) => mentions.length > 1)
  const { clusterNames } = document
  return {
    ...document,
    clusters: document.clusters.filter((_, c) => isKept[c]),
    ...(clusterNames && { clusterNames: clusterNames.filter((_, c) => isKept[c]) }),
  }
}

/** The antecedents of a record's spans if every pair scored `offset` more: ranks, −1 for none. */
function linksAt({ scores, antecedents }: ScoreRecord, offset: number): Int32Array {
  return Int32Array.from(scores, (row, i) => {
    let best = 0
    for (let c = 1; c < row.length; c++) {
      if (row[c]! + offset > (best === 0 ? 0 : row[best]! + offset)) best = c
    }
    return best === 0 ? -1 : antecedents[i]![best - 1]!
  })
}

/**
 * The scores of a model as it is, and at the offset with the best mean over the sets (of equal ones, that nearest 0).
 *
 * @throws {OptionError} as `CorefModel.read`
 */
export async function developmentScores(
  model: CorefModel,
  sets: DocumentSets,
  options: { offsets?: readonly number[]; onProgress?: (done: number, total: number) => void } = {},
): Promise<{ plain: DevelopmentScores; best: DevelopmentScores }> {
  const offsets = [...new Set([0, ...(options.offsets ?? usualOffsets)])].sort((a, b) => Math.abs(a) - Math.abs(b))
  const names = Object.keys(sets)
  const counts = offsets.map(() => new Map<string, ScoreCounts>(names.map((name) => [name, noCounts])))
  const total = names.reduce((sum, name) => sum + sets[name]!.length, 0)
  let done = 0
  for (const name of names) {
    for (const document of sets[name]!) {
      const record = await model.score(document, { entities: false })
      for (const [o, offset] of offsets.entries()) {
        const { clusters: ranks } = clustersOf(linksAt(record, offset))
        const { clusters } = resolutionOf({ ...record, links: [], clusters: ranks }, document)
        const found = clusters.map((mentions) => mentions.map(({ words }) => words))
        const own = counts[o]!
        own.set(name, addScoreCounts(own.get(name)!, countsOf(document.clusters, found)))
      }
      options.onProgress?.(++done, total)
    }
  }
  const all = offsets.map((offset, o): DevelopmentScores => {
    const scores = names.map((name) => [name, scoresOf(counts[o]!.get(name)!).conll.f1] as const)
    const mean = scores.reduce((sum, [, f1]) => sum + f1, 0) / Math.max(1, names.length)
    return { offset, sets: Object.fromEntries(scores), mean }
  })
  return { plain: all[0]!, best: all.reduce((best, own) => (own.mean > best.mean ? own : best)) }
}

/** A model whose pairs score `offset` more: the bias of the last layer takes it up. Other parameters are shared. */
export function withOffset(model: CorefModel, offset: number): CorefModel {
  if (offset === 0) return model
  const { config, bert, parameters } = model
  const last = `coref_score_ffnn.${3 * config.ffnnDepth}.bias`
  const shifted: Tensor = add(parameters[last]!, offset)
  return new CorefModel({ config, bert, parameters: { ...parameters, [last]: shifted } })
}
