/** Scores as a table and as JSON. */
import { type Fraction, truncatedPercent, type Values } from './fraction.ts'
import { type MetricScore, metricNames, type Scores } from './score.ts'
import { alignedTable } from './table.ts'

const titles: Readonly<Record<(typeof metricNames)[number], string>> = {
  mentions: 'mentions',
  muc: 'MUC',
  b3: 'B³',
  ceafm: 'CEAFm',
  ceafe: 'CEAFe',
  lea: 'LEA',
}

/** A sum as it is printed: whole, or with up to four digits after the point. */
const short = (x: number): string => String(Number(x.toFixed(4)))

const fraction = ({ numerator, denominator }: Fraction): string => `(${short(numerator)} / ${short(denominator)})`

const percent = (value: number): string => `${truncatedPercent(value)}%`

/** One line of the table; of BLANC and the CoNLL mean there are no fractions. */
const rowOf = (title: string, { recall, precision, f1, counts }: Values & Partial<Pick<MetricScore, 'counts'>>) => [
  title,
  counts ? fraction(counts.recall) : '',
  percent(recall),
  counts ? fraction(counts.precision) : '',
  percent(precision),
  percent(f1),
]

/**
 * A table of scores, one line a metric: fractions as the official scorer prints them, per cent cut after two digits
 * and not rounded. With a line break at the end.
 */
export function scoreTable(scores: Scores): string {
  return alignedTable([
    ['', 'recall', '', 'precision', '', 'F1'],
    ...metricNames.map((name) => rowOf(titles[name], scores[name])),
    rowOf('BLANC', scores.blanc),
    rowOf('  coreference links', scores.blanc.coreference),
    rowOf('  other links', scores.blanc.nonCoreference),
    rowOf('CoNLL', scores.conll),
  ])
}

/** Values of a metric as JSON, in per cent, with its fractions where it has them. */
export interface MetricJson extends Values {
  readonly counts?: { readonly recall: [number, number]; readonly precision: [number, number] }
}

const percentOf = ({ recall, precision, f1 }: Values): Values => ({
  recall: 100 * recall,
  precision: 100 * precision,
  f1: 100 * f1,
})

/** A metric in per cent with its fractions. */
export const metricToJson = (score: MetricScore): MetricJson => {
  const pair = ({ numerator, denominator }: Fraction): [number, number] => [numerator, denominator]
  return { ...percentOf(score), counts: { recall: pair(score.counts.recall), precision: pair(score.counts.precision) } }
}

/** All metrics as JSON, in per cent and not cut. */
export interface ScoresJson extends Readonly<Record<(typeof metricNames)[number], MetricJson>> {
  readonly blanc: MetricJson & { readonly coreference: MetricJson; readonly nonCoreference: MetricJson }
  /** mean F₁ of MUC, B³ and CEAFe */
  readonly conll: number
}

/** Scores as plain data in per cent; `counts` are [numerator, denominator]. */
export function scoresToJson(scores: Scores): ScoresJson {
  const metrics = Object.fromEntries(metricNames.map((name) => [name, metricToJson(scores[name])]))
  const { blanc, conll } = scores
  return {
    ...(metrics as Record<(typeof metricNames)[number], MetricJson>),
    blanc: {
      ...percentOf(blanc),
      coreference: metricToJson(blanc.coreference),
      nonCoreference: metricToJson(blanc.nonCoreference),
    },
    conll: 100 * conll.f1,
  }
}
