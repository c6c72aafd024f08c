/** Decisions on pronouns for a terminal: what was weighed, and what each word did for it, both texts side by side. */
import {
  type AttributionRecord,
  attributionFacts,
  attributionRgb,
  displayWidth,
  paint,
  signed,
  significant,
  truncate,
  visible,
} from '@antecedent/attribution'
import { type ExplainedDocument, nameOf, type PronounDecision, type WeighedMention } from './decisions.ts'

export interface DecisionStyle {
  readonly color: boolean
  readonly width: number
}

/** Choices below this probability are left out, but for the first of each text. */
const leastProbability = 0.01
const mostChoices = 6
/** Words of a long text that the table shows: the strongest, in the order of the text. */
const mostWords = 32

const nameWidth = 28
const cellWidth = 12

/** A text cut or filled to some columns, at its end or at its start. */
const cell = (text: string, columns: number, end = false): string => {
  const cut = truncate(text, columns)
  const fill = ' '.repeat(columns - displayWidth(cut))
  return end ? fill + cut : cut + fill
}

const bold = (text: string, color: boolean): string => (color ? `\x1b[1m${text}\x1b[0m` : text)

const percent = (probability: number | undefined): string =>
  probability === undefined ? '—' : `${(100 * probability).toFixed(1)} %`

/** A mention's words make it the same in both texts. */
const keyOf = ({ antecedent }: WeighedMention): string => antecedent?.words.join() ?? ''

/** What was weighed in either text, with its probability in each; the best first. */
export function weighedRows(
  sides: readonly PronounDecision[],
): { name: string; probabilities: (number | undefined)[] }[] {
  const all = sides.flatMap(({ choices }) => choices.filter((c, i) => i === 0 || c.probability >= leastProbability))
  const keys = [...new Set(all.sort((a, b) => b.probability - a.probability).map(keyOf))].slice(0, mostChoices)
  return keys.map((key) => {
    const found = sides.map(({ choices }) => choices.find((choice) => keyOf(choice) === key))
    const named = found.find((choice) => choice !== undefined)!
    return { name: nameOf(named.antecedent), probabilities: found.map((choice) => choice?.probability) }
  })
}

/** An attribution with the scores of its words; those of special tokens and padding are under −1. */
interface Column {
  readonly title: string
  readonly record: AttributionRecord
  readonly scores: ReadonlyMap<number, number>
}

function columnOf(title: string, record: AttributionRecord, wordIds: ExplainedDocument['wordIds']): Column {
  const scores = new Map<number, number>()
  for (const [t, score] of record.scores.entries()) {
    const word = wordIds[t] ?? -1
    scores.set(word, (scores.get(word) ?? 0) + score)
  }
  return { title, record, scores }
}

/** The words to show: all of a short text, the strongest of a long one. */
function shownWords(count: number, columns: readonly Column[]): number[] {
  const all = Array.from({ length: count }, (_, word) => word)
  if (count <= mostWords) return all
  const strength = (word: number) =>
    Math.max(...columns.map(({ scores, record }) => Math.abs(scores.get(word) ?? 0) / Math.hypot(...record.scores)))
  const strongest = all.map((word) => ({ word, strength: strength(word) })).sort((a, b) => b.strength - a.strength)
  return strongest
    .slice(0, mostWords)
    .map(({ word }) => word)
    .sort((a, b) => a - b)
}

/** Words by rows, attributions by columns, and below what they add up to. */
function attributionTable(sides: readonly ExplainedDocument[], columns: readonly Column[], color: boolean): string[] {
  const words = sides.map(({ document }) => document.words)
  const painted = (text: string, share: number) => (color ? paint(text, attributionRgb(share, 'captum')) : text)
  const row = (name: string, value: (column: Column) => string) =>
    `  ${cell(name, nameWidth)}${columns.map((column) => ` ${cell(value(column), cellWidth - 1, true)}`).join('')}`
  const scoreRow = (name: string, word: number) => {
    const cells = columns.map(({ scores, record }) => {
      const score = scores.get(word) ?? 0
      return ` ${painted(cell(signed(score), cellWidth - 1, true), score / (Math.hypot(...record.scores) || 1))}`
    })
    return `  ${cell(name, nameWidth)}${cells.join('')}`
  }
  const nameAt = (word: number) => [...new Set(words.map((own) => visible(own[word]!)))].join(' / ')
  const shown = shownWords(words[0]!.length, columns)
  const left = words[0]!.length - shown.length
  return [
    row('', ({ title }) => title),
    ...shown.map((word) => scoreRow(nameAt(word), word)),
    scoreRow('[CLS], [SEP]', -1),
    ...(left > 0 ? [`  … and ${left} weaker words (the report and --json have all)`] : []),
    row('F(x)', ({ record }) => significant(record.fx)),
    row('F(baseline)', ({ record }) => significant(record.fBaseline)),
    row('completeness error', ({ record }) =>
      significant(attributionFacts(record).sum - attributionFacts(record).difference, 2),
    ),
  ]
}

/** Why a pronoun was linked as it was, in each text. */
function decisionLines(sides: readonly ExplainedDocument[], at: number, { color, width }: DecisionStyle): string[] {
  const decisions = sides.map(({ decisions }) => decisions[at]!)
  const pronouns = decisions.map(({ text }) => visible(text))
  const lines = decisions.map(({ text, choices: [best] }) => {
    const outcome = best ? `→ ${nameOf(best.antecedent)}` : 'is not among the spans that the model kept'
    return bold(visible(`"${text}" ${outcome}`), color)
  })
  const rows = weighedRows(decisions)
  if (rows.length > 0) {
    lines.push(`  ${cell('probability of', nameWidth)}${pronouns.map((text) => cell(text, cellWidth, true)).join('')}`)
    for (const { name, probabilities } of rows) {
      const cells = probabilities.map((probability) => cell(percent(probability), cellWidth, true))
      lines.push(`  ${cell(visible(name), nameWidth)}${cells.join('')}`)
    }
  }
  const perTable = Math.max(1, Math.floor((width - 2 - nameWidth) / cellWidth))
  const columns = (['logProbability', 'margin'] as const).map((kind) =>
    decisions.flatMap(({ attributions, text }, s) =>
      attributions ? [columnOf(visible(text), attributions[kind], sides[s]!.wordIds)] : [],
    ),
  )
  for (const own of columns) {
    if (own.length === 0) continue
    lines.push('', ...own.map(({ record }) => `  F: ${visible(record.target)}`))
    for (let from = 0; from < own.length; from += perTable) {
      lines.push(...attributionTable(sides, own.slice(from, from + perTable), color))
    }
  }
  return lines
}

/** All decisions as text, one block a pronoun. Characters that would act on the terminal are shown, not sent. */
export const renderDecisionsText = (sides: readonly ExplainedDocument[], style: DecisionStyle): string =>
  sides[0]!.decisions.map((_, at) => decisionLines(sides, at, style).join('\n')).join('\n\n')
