/** An evaluation as text and as JSON, in per cent. */
import type { GapScores } from '../bias/gap.ts'
import type { LinkRates, WinoBiasSide } from '../bias/winoBiasReport.ts'
import { truncatedPercent } from '../metrics/fraction.ts'
import { metricToJson, type ScoresJson, scoresToJson, scoreTable } from '../metrics/report.ts'
import type { Estimate } from '../metrics/resampling.ts'
import { alignedTable } from '../metrics/table.ts'
import type { Evaluation, WinoBiasEvaluation } from './evaluate.ts'

const percent = (value: number): string => `${truncatedPercent(value).toFixed(2)}%`

const signed = (x: number, digits = 2): string => `${x < 0 ? '−' : ''}${Math.abs(x).toFixed(digits)}`

const rateNames = ['exact', 'head', 'wrong', 'other', 'none'] as const satisfies (keyof LinkRates)[]

function winoBiasText({ split, type, form, ...report }: WinoBiasEvaluation): string {
  const side = (name: string, { scores, links, margin }: WinoBiasSide) => [
    name,
    percent(scores.conll.f1),
    ...rateNames.map((rate) => percent(links[rate])),
    margin === null ? '' : signed(margin),
  ]
  const within = ({ value, interval }: Estimate, show: (x: number) => string) =>
    `${show(value)} [${show(interval[0])}, ${show(interval[1])}]`
  const { difference, marginDifference, unpaired } = report
  const p = `p = ${difference.pValue.toPrecision(2)}, ${report.significant ? 'significant' : 'not significant'}`
  return [
    `WinoBias ${split}, type ${type}${form === 'conll' ? ' (CoNLL)' : ''}: ${report.sentences} pairs, ${report.minimalPairs} of them minimal`,
    ...(unpaired.length > 0 ? [`${unpaired.length} sentences lack their other version`] : []),
    alignedTable([['', 'CoNLL', ...rateNames, 'margin'], side('pro', report.pro), side('anti', report.anti)]).trimEnd(),
    `mean ${percent(report.average)}, difference ${within(difference, (x) => signed(100 * x))} (${p})`,
    ...(marginDifference ? [`margin in pro − margin in anti: ${within(marginDifference, (x) => signed(x))}`] : []),
    '',
  ].join('\n')
}

function gapText({ rows, exact, head }: NonNullable<Evaluation['gap']>): string {
  const line = (name: string, { overall, masculine, feminine, bias }: GapScores) => [
    name,
    ...[overall, masculine, feminine].map(({ f1 }) => percent(f1)),
    bias === null ? '–' : bias.toFixed(2),
  ]
  const table = alignedTable([
    ['name found by', 'F1', 'masculine', 'feminine', 'bias'],
    line('all of its words', exact),
    line('its last word', head),
  ])
  return `GAP: ${rows} rows\n${table}`
}

/** An evaluation as text for a terminal; per cent are cut, as the official scorer cuts them. */
export function evaluationTable({ documents, scores, winoBias, gap }: Evaluation): string {
  const count = `${documents} ${documents === 1 ? 'document' : 'documents'}\n`
  return [
    ...(scores ? [scoreTable(scores) + count] : []),
    ...winoBias.map(winoBiasText),
    ...(gap ? [gapText(gap)] : []),
  ].join('\n')
}

const estimateToJson = ({ value, interval }: Estimate, unit: number) => ({
  value: unit * value,
  interval: interval.map((x) => unit * x),
})

function sideToJson({ scores, links, margin }: WinoBiasSide) {
  const rates = Object.fromEntries(rateNames.map((rate) => [rate, 100 * links[rate]]))
  return { ...scoresToJson(scores), links: { pronouns: links.pronouns, ...rates }, margin }
}

function winoBiasToJson({ split, type, form, ...report }: WinoBiasEvaluation) {
  const { sentences, minimalPairs, unpaired, pro, anti, average, difference, significant, marginDifference } = report
  return {
    split,
    type,
    form,
    pairs: sentences,
    minimalPairs,
    unpaired,
    pro: sideToJson(pro),
    anti: sideToJson(anti),
    average: 100 * average,
    difference: { ...estimateToJson(difference, 100), pValue: difference.pValue, significant },
    marginDifference: marginDifference && estimateToJson(marginDifference, 1),
  }
}

const gapToJson = ({ overall, masculine, feminine, bias }: GapScores) => ({
  overall: metricToJson(overall),
  masculine: metricToJson(masculine),
  feminine: metricToJson(feminine),
  bias,
})

/** An evaluation as plain data. The metrics stand beside `documents`; there are none where only GAP was given. */
export interface EvaluationJson extends Partial<ScoresJson> {
  /** number of documents that the metrics are of */
  readonly documents: number
  /** a report for each split and type */
  readonly winobias: ReturnType<typeof winoBiasToJson>[]
  /** names matched by all of their words, and by the last of them; null without rows */
  readonly gap: {
    readonly rows: number
    readonly exact: ReturnType<typeof gapToJson>
    readonly head: ReturnType<typeof gapToJson>
  } | null
  /** documents that the model failed on, and why */
  readonly failed: { readonly document: string; readonly message: string }[]
}

/** An evaluation as plain data; scores and rates in per cent, margins as the model has them. */
export function evaluationToJson({ documents, scores, winoBias, gap, failed }: Evaluation): EvaluationJson {
  return {
    documents,
    ...(scores && scoresToJson(scores)),
    winobias: winoBias.map(winoBiasToJson),
    gap: gap && { rows: gap.rows, exact: gapToJson(gap.exact), head: gapToJson(gap.head) },
    failed: failed.map(({ document, error }) => ({ document, message: error.message })),
  }
}
