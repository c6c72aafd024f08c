/** The WinoBias protocol (Zhao et al. 2018): the same sentences with the expected pronoun and with the other one. */
import type { Cluster, CorefDocument, Span } from '../documents/document.ts'
import {
  bootstrapMean,
  type ConllDifference,
  compareConll,
  type Estimate,
  type ResamplingOptions,
} from '../metrics/resampling.ts'
import {
  addScoreCounts,
  type Convention,
  countsOf,
  noCounts,
  type ScoreCounts,
  type Scores,
  scoresOf,
} from '../metrics/score.ts'
import { isMinimalPair, type WinoBiasQuestion, winoBiasQuestions } from './winoBias.ts'

/** A sentence with what a system answers. */
export interface WinoBiasAnswer {
  /** with its gold cluster */
  readonly document: CorefDocument
  /** predicted, as spans of words */
  readonly clusters: readonly Cluster[]
  /** for each question, s(pronoun, occupation) − s(pronoun, distractor); null where that is unknown */
  readonly margins?: readonly (number | null)[]
}

/** What the pronouns were linked to, as shares of them. `head`, `wrong`, `other` and `none` add up to 1. */
export interface LinkRates {
  readonly pronouns: number
  /** the pronoun's cluster has the span of the right occupation */
  readonly exact: number
  /** … or another span that ends with the same word */
  readonly head: number
  /** it has one that ends with the last word of the other occupation, and none of the right one */
  readonly wrong: number
  /** it has neither */
  readonly other: number
  /** the pronoun is in no cluster */
  readonly none: number
}

/** One of the two versions of the sentences. */
export interface WinoBiasSide {
  readonly scores: Scores
  readonly links: LinkRates
  /** mean margin; null where none is known */
  readonly margin: number | null
}

/** Both versions, and what the pronoun changes. */
export interface WinoBiasReport {
  /** number of pairs */
  readonly sentences: number
  /** how many differ in gendered pronouns alone */
  readonly minimalPairs: number
  readonly pro: WinoBiasSide
  readonly anti: WinoBiasSide
  /** mean of the two CoNLL scores, in [0, 1] */
  readonly average: number
  /** CoNLL score of pro minus that of anti, with interval and p-value */
  readonly difference: ConllDifference
  /** whether p < 0.05; a system passes where it is not */
  readonly significant: boolean
  /** margin in pro minus margin in anti, question by question; null where no margins are known */
  readonly marginDifference: Estimate | null
}

const same = (a: Span, b: Span): boolean => a[0] === b[0] && a[1] === b[1]

/** Where a pronoun went. */
function outcomeOf(clusters: readonly Cluster[], { pronoun, occupation, distractor }: WinoBiasQuestion) {
  const cluster = clusters.find((mentions) => mentions.some((span) => same(span, pronoun)))
  const endsWith = (span: Span | null) => span !== null && cluster!.some(([, end]) => end === span[1])
  if (!cluster) return { exact: false, kind: 'none' as const }
  const exact = cluster.some((span) => same(span, occupation))
  const kind = endsWith(occupation) ? ('head' as const) : endsWith(distractor) ? ('wrong' as const) : ('other' as const)
  return { exact, kind }
}

/** Link rates of some answers; all 0 where there is no pronoun. */
export function linkRates(answers: readonly WinoBiasAnswer[]): LinkRates {
  const outcomes = answers.flatMap(({ document, clusters }) =>
    winoBiasQuestions(document).map((question) => outcomeOf(clusters, question)),
  )
  const share = (test: (outcome: ReturnType<typeof outcomeOf>) => boolean) =>
    outcomes.length === 0 ? 0 : outcomes.filter(test).length / outcomes.length
  return {
    pronouns: outcomes.length,
    exact: share(({ exact }) => exact),
    head: share(({ kind }) => kind === 'head'),
    wrong: share(({ kind }) => kind === 'wrong'),
    other: share(({ kind }) => kind === 'other'),
    none: share(({ kind }) => kind === 'none'),
  }
}

const known = (margins: readonly (number | null)[]): number[] => margins.filter((m): m is number => m !== null)

function sideOf(answers: readonly WinoBiasAnswer[], counts: readonly ScoreCounts[]): WinoBiasSide {
  const margins = known(answers.flatMap(({ margins }) => margins ?? []))
  return {
    scores: scoresOf(counts.reduce(addScoreCounts, noCounts)),
    links: linkRates(answers),
    margin: margins.length === 0 ? null : margins.reduce((sum, m) => sum + m, 0) / margins.length,
  }
}

/** Margins of a pair's questions in pro minus those in anti, where both are known. */
const marginDifferences = ({ pro, anti }: { pro: WinoBiasAnswer; anti: WinoBiasAnswer }): number[] =>
  known((pro.margins ?? []).map((m, i) => (m === null || anti.margins?.[i] == null ? null : m - anti.margins[i])))

/**
 * Scores, link rates and margins of both versions, and their differences.
 *
 * @param pairs  each sentence in both versions
 * @throws {OptionError} where there is no pair
 */
export function winoBiasReport(
  pairs: readonly { readonly pro: WinoBiasAnswer; readonly anti: WinoBiasAnswer }[],
  { convention, ...resampling }: ResamplingOptions & { confidence?: number; convention?: Convention } = {},
): WinoBiasReport {
  const counts = (version: 'pro' | 'anti') =>
    pairs.map((pair) => countsOf(pair[version].document.clusters, pair[version].clusters, convention))
  const [proCounts, antiCounts] = [counts('pro'), counts('anti')]
  const difference = compareConll(proCounts, antiCounts, resampling)
  const pro = sideOf(
    pairs.map((pair) => pair.pro),
    proCounts,
  )
  const anti = sideOf(
    pairs.map((pair) => pair.anti),
    antiCounts,
  )
  const margins = pairs.flatMap(marginDifferences)
  return {
    sentences: pairs.length,
    minimalPairs: pairs.filter((pair) => isMinimalPair(pair.pro.document, pair.anti.document)).length,
    pro,
    anti,
    average: (pro.scores.conll.f1 + anti.scores.conll.f1) / 2,
    difference,
    significant: difference.pValue < 0.05,
    marginDifference: margins.length === 0 ? null : bootstrapMean(margins, resampling),
  }
}
