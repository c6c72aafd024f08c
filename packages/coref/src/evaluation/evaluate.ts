/** A model judged on annotated documents, on WinoBias and on GAP. */
import { OptionError } from '@antecedent/tensor'
import { type GapScores, gapScores } from '../bias/gap.ts'
import { gapAnswerOf, gapLinksOf } from '../bias/gapLinks.ts'
import { pairWinoBias, type WinoBiasSet } from '../bias/winoBiasFiles.ts'
import { type WinoBiasReport, winoBiasReport } from '../bias/winoBiasReport.ts'
import type { CorefDocument } from '../documents/document.ts'
import type { GapExample } from '../documents/gap.ts'
import type { ResamplingOptions } from '../metrics/resampling.ts'
import { addScoreCounts, type Convention, countsOf, noCounts, type Scores, scoresOf } from '../metrics/score.ts'
import type { CorefModel } from '../model/model.ts'
import { type Answer, answersOf } from './answers.ts'

/** What a model is to be judged on. */
export interface EvaluationData {
  /** annotated documents; those of WinoBias and GAP have places of their own */
  readonly documents?: readonly CorefDocument[]
  /** sentences of WinoBias, by file */
  readonly winoBias?: readonly { readonly set: WinoBiasSet; readonly documents: readonly CorefDocument[] }[]
  /** rows of GAP */
  readonly gap?: readonly GapExample[]
}

/** One type of one split of WinoBias. */
export interface WinoBiasEvaluation extends WinoBiasReport {
  readonly split: WinoBiasSet['split']
  readonly type: WinoBiasSet['type']
  readonly form: WinoBiasSet['form']
  /** ids of sentences that lack their other version */
  readonly unpaired: string[]
}

/** How a model did. */
export interface Evaluation {
  /** number of documents that `scores` are of: annotated ones and sentences of WinoBias */
  readonly documents: number
  /** null where only GAP was given, whose annotation is of two names */
  readonly scores: Scores | null
  readonly winoBias: WinoBiasEvaluation[]
  /** with names matched by their words, and by the last of them; null without rows */
  readonly gap: { readonly rows: number; readonly exact: GapScores; readonly head: GapScores } | null
  /** documents that the model failed on; they count as without entities */
  readonly failed: { readonly document: string; readonly error: Error }[]
}

/** How to judge, and whom to tell. */
export interface EvaluateOptions extends ResamplingOptions {
  /** default `official` */
  convention?: Convention
  /** called after each document */
  onProgress?: (done: number, total: number) => void
}

/**
 * Resolves documents and scores the answers.
 *
 * @example
 * const { scores, failed } = await evaluate(model, { documents: readDocuments(text) })
 * @throws {OptionError} where there is no document at all
 */
export async function evaluate(
  model: CorefModel,
  { documents = [], winoBias = [], gap = [] }: EvaluationData,
  { convention = 'official', onProgress, ...resampling }: EvaluateOptions = {},
): Promise<Evaluation> {
  const total = documents.length + gap.length + winoBias.reduce((sum, file) => sum + file.documents.length, 0)
  if (total === 0) throw new OptionError({ op: 'evaluate', expected: 'documents', got: 'none' })
  let before = 0
  const answers = async (list: readonly CorefDocument[], margins = false): Promise<Answer[]> => {
    const found = await answersOf(model, list, { margins, onProgress: (done) => onProgress?.(before + done, total) })
    before += list.length
    return found
  }
  const plain = await answers(documents)
  const files: { set: WinoBiasSet; answers: Answer[] }[] = []
  for (const file of winoBias) files.push({ set: file.set, answers: await answers(file.documents, true) })
  const rows = await answers(gap.map(({ document }) => document))
  const judged = [...plain, ...files.flatMap((file) => file.answers)]
  const counts = judged.map(({ document, clusters }) => countsOf(document.clusters, clusters, convention))
  return {
    documents: judged.length,
    scores: judged.length === 0 ? null : scoresOf(counts.reduce(addScoreCounts, noCounts)),
    winoBias: winoBiasEvaluations(files, { convention, ...resampling }),
    gap: gap.length === 0 ? null : gapEvaluation(gap, rows),
    failed: [...judged, ...rows].flatMap(({ document, error }) => (error ? [{ document: document.id, error }] : [])),
  }
}

/** A report for each type of each split, in either form, that has both versions. */
function winoBiasEvaluations(
  files: readonly { set: WinoBiasSet; answers: Answer[] }[],
  options: Parameters<typeof winoBiasReport>[1],
): WinoBiasEvaluation[] {
  const nameOf = ({ split, type, form }: WinoBiasSet) => `${split} ${type} ${form}`
  return [...new Set(files.map(({ set }) => nameOf(set)))].flatMap((name) => {
    const own = files.filter(({ set }) => nameOf(set) === name)
    const of = (version: WinoBiasSet['version']) =>
      own.filter(({ set }) => set.version === version).flatMap(({ answers }) => answers)
    const { pairs, unpaired } = pairWinoBias(of('pro'), of('anti'))
    if (pairs.length === 0) return []
    const { split, type, form } = own[0]!.set
    return [{ split, type, form, unpaired, ...winoBiasReport(pairs, options) }]
  })
}

function gapEvaluation(gap: readonly GapExample[], rows: readonly Answer[]): NonNullable<Evaluation['gap']> {
  const gold = gap.map(gapAnswerOf)
  const links = gap.map((example, i) => [example.id, gapLinksOf(example, rows[i]!.clusters)] as const)
  const by = (matching: 'exact' | 'head') =>
    gapScores(gold, new Map(links.map(([id, found]) => [id, found[matching]] as const)))
  return { rows: gap.length, exact: by('exact'), head: by('head') }
}
