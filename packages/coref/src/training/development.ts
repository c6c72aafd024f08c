/** How a model does on development documents, and the offset of its dummy score that does best there. */
import { add, OptionError } from '@antecedent/tensor'
import type { CorefDocument } from '../documents/document.ts'
import { addScoreCounts, countsOf, noCounts, type ScoreCounts, scoresOf } from '../metrics/score.ts'
import type { CorefConfig } from '../model/config.ts'
import { clustersOf, linksBy } from '../model/decode.ts'
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

/** Offsets that `developmentScores` tries. */
const triedOffsets: readonly number[] = Array.from({ length: 25 }, (_, i) => (i - 12) / 4)

/** The antecedents of a record's spans if every pair scored `offset` more: ranks, −1 for none. */
const linksAt = (config: CorefConfig, { scores, antecedents }: ScoreRecord, offset: number): Int32Array =>
  linksBy(config, scores.length, (i) => ({
    antecedents: antecedents[i]!,
    scores: scores[i]!.slice(1).map((score) => score + offset),
  }))

/**
 * Whether the bias of the pair scorer is a constant on the final scores and nothing else: refinements and cluster merging
 * read the scores on the way.
 */
const hasOffset = ({ fineGrained, depth, higherOrder }: CorefConfig): boolean =>
  fineGrained && depth === 1 && higherOrder !== 'cluster_merging'

/**
 * The scores of a model as it is, and at the offset with the best mean over the sets (of equal ones, that nearest 0).
 * Offsets are tried where `withOffset` can make a model of them: with one pass of fine scores and no cluster merging.
 *
 * @throws {OptionError} as `CorefModel.read`
 */
export async function developmentScores(
  model: CorefModel,
  sets: DocumentSets,
  options: { onProgress?: (done: number, total: number) => void } = {},
): Promise<{ plain: DevelopmentScores; best: DevelopmentScores }> {
  const offsets = (hasOffset(model.config) ? [...triedOffsets] : [0]).sort((a, b) => Math.abs(a) - Math.abs(b))
  const names = Object.keys(sets)
  const counts = offsets.map(() => new Map<string, ScoreCounts>(names.map((name) => [name, noCounts])))
  const total = names.reduce((sum, name) => sum + sets[name]!.length, 0)
  let done = 0
  for (const name of names) {
    for (const document of sets[name]!) {
      const record = await model.score(document, { entities: false })
      for (const [o, offset] of offsets.entries()) {
        const { clusters: ranks } = clustersOf(linksAt(model.config, record, offset))
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

/**
 * A model whose pairs score `offset` more: the bias of the pair scorer takes it up. It shares all other parameters; the
 * caller disposes that one.
 *
 * @throws {OptionError} for an offset other than 0 where scores on the way would change too
 */
export function withOffset(model: CorefModel, offset: number): CorefModel {
  if (offset === 0) return model
  const { config, bert, parameters } = model
  if (!hasOffset(config)) {
    const expected = 'one pass of fine scores and no cluster merging, or the offset 0'
    throw new OptionError({ op: 'withOffset', expected, got: String(offset) })
  }
  const shifted = add(parameters[offsetParameter(config)]!, offset)
  return new CorefModel({ config, bert, parameters: { ...parameters, [offsetParameter(config)]: shifted } })
}

/** The parameter that takes an offset up. */
export const offsetParameter = ({ ffnnDepth }: CorefConfig): string => `coref_score_ffnn.${3 * ffnnDepth}.bias`
