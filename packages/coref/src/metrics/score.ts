/** All metrics of a document, of many, and what they come to. */
import { OptionError, unknownName } from '@antecedent/tensor'
import type { Cluster } from '../documents/document.ts'
import { type Alignment, align } from './alignment.ts'
import { bCubed } from './bCubed.ts'
import { blancLinks, blancValues, type LinkCounts } from './blanc.ts'
import { ceafe, ceafm } from './ceaf.ts'
import { addCounts, type Counts, type Values, valuesOf } from './fraction.ts'
import { lea } from './lea.ts'
import { muc } from './muc.ts'

/**
 * How entities of one mention count. `official`: as the CoNLL scorer v8.01 counts them, and LEA's authors.
 * `coref-hoi`: as the Python of e2e-coref, c2f-coref and coref-hoi does: B³ and LEA pass over them, and CEAFe over those
 * of the response. The two agree where there are none.
 */
export type Convention = 'official' | 'coref-hoi'

/** The names of the conventions, the default first. */
export const conventions: readonly Convention[] = ['official', 'coref-hoi']

/** The metrics of recall and precision as fractions. */
export const metricNames = ['mentions', 'muc', 'b3', 'ceafm', 'ceafe', 'lea'] as const

/** Every numerator and denominator of some documents. */
export interface ScoreCounts extends Readonly<Record<(typeof metricNames)[number], Counts>> {
  /** links of BLANC */
  readonly links: LinkCounts
}

/** Values with the fractions that they are quotients of. */
export interface MetricScore extends Values {
  readonly counts: Counts
}

/** The metrics of some documents, in [0, 1]. */
export interface Scores extends Readonly<Record<(typeof metricNames)[number], MetricScore>> {
  readonly blanc: Values & { readonly coreference: MetricScore; readonly nonCoreference: MetricScore }
  /** means over MUC, B³ and CEAFe; that of F₁ is the CoNLL score */
  readonly conll: Values
}

/** Numerators and denominators of an aligned document. */
export function countsOfAlignment(alignment: Alignment, convention: Convention = 'official'): ScoreCounts {
  if (!conventions.includes(convention)) throw unknownName('score', 'a convention', convention, conventions)
  const { key, response, common } = alignment
  const singletons = convention === 'official'
  const mentions = (entities: Alignment['key']) => ({
    numerator: common,
    denominator: entities.reduce((sum, { size }) => sum + size, 0),
  })
  return {
    mentions: { recall: mentions(key), precision: mentions(response) },
    muc: { recall: muc(key), precision: muc(response) },
    b3: { recall: bCubed(key, { singletons }), precision: bCubed(response, { singletons }) },
    ceafm: ceafm(key, response),
    ceafe: ceafe(key, response, { responseSingletons: singletons }),
    lea: { recall: lea(key, { singletons }), precision: lea(response, { singletons }) },
    links: blancLinks(alignment),
  }
}

/**
 * Numerators and denominators of a document, by the official scorer's rules for repeated mentions.
 *
 * @param key       clusters of spans
 * @param response  the same, in the unit of the key
 */
export const countsOf = (key: readonly Cluster[], response: readonly Cluster[], convention?: Convention): ScoreCounts =>
  countsOfAlignment(align(key, response), convention)

/** Two documents' counts, added up. */
export function addScoreCounts(a: ScoreCounts, b: ScoreCounts): ScoreCounts {
  const metrics = Object.fromEntries(metricNames.map((name) => [name, addCounts(a[name], b[name])]))
  const links = {
    coreference: addCounts(a.links.coreference, b.links.coreference),
    nonCoreference: addCounts(a.links.nonCoreference, b.links.nonCoreference),
  }
  return { ...(metrics as Record<(typeof metricNames)[number], Counts>), links }
}

/** The counts of no document. */
export const noCounts: ScoreCounts = countsOf([], [])

/** Counts with their quotients. */
export const scoreOf = (counts: Counts): MetricScore => ({ ...valuesOf(counts), counts })

/** The mean of recall, of precision and of F₁. */
export function meanOf(scores: readonly Values[]): Values {
  const mean = (name: keyof Values) => scores.reduce((sum, score) => sum + score[name], 0) / scores.length
  return { recall: mean('recall'), precision: mean('precision'), f1: mean('f1') }
}

/** What counts come to. */
export function scoresOf(counts: ScoreCounts): Scores {
  const metrics = Object.fromEntries(metricNames.map((name) => [name, scoreOf(counts[name])]))
  const scores = metrics as Record<(typeof metricNames)[number], MetricScore>
  const { coreference, nonCoreference } = counts.links
  return {
    ...scores,
    blanc: {
      ...blancValues(counts.links),
      coreference: scoreOf(coreference),
      nonCoreference: scoreOf(nonCoreference),
    },
    conll: meanOf([scores.muc, scores.b3, scores.ceafe]),
  }
}

/** Repeated mentions of the response that the official scorer removes in a run, before it refuses the response. */
export const mostRepeated = 10

/**
 * The metrics of documents, numerators and denominators summed over them.
 *
 * @param documents  clusters of the key and of the response, spans in any unit that both share
 * @param options.convention  default `official`
 * @throws {OptionError} where responses repeat more than ten mentions of the key, and for an unknown convention
 * @example
 * const { muc, conll } = scoreClusters([{ key: [[[0, 1], [3, 4]]], response: [[[0, 1], [3, 4]]] }])
 */
export function scoreClusters(
  documents: Iterable<{ readonly key: readonly Cluster[]; readonly response: readonly Cluster[] }>,
  options: { convention?: Convention } = {},
): Scores {
  const { convention = 'official' } = options
  let counts = noCounts
  let repeated = 0
  for (const { key, response } of documents) {
    const alignment = align(key, response)
    repeated += alignment.repeated.length
    if (repeated > mostRepeated) {
      const expected = `responses that repeat at most ${mostRepeated} mentions`
      throw new OptionError({ op: 'scoreClusters', expected, got: `${repeated}`, hint: 'name each mention once' })
    }
    counts = addScoreCounts(counts, countsOfAlignment(alignment, convention))
  }
  return scoresOf(counts)
}
