/** Decisions on pronouns for a terminal: what was weighed, and what each word did for it, both texts side by side. */
import {
  type AttributionRecord,
  attributionRgb,
  bold,
  displayWidth,
  pad,
  paint,
  signed,
  significant,
  truncate,
  visible,
  wrap,
} from '@antecedent/attribution'
import { type ExplainedDocument, nameOf, outcomeOf, type PronounDecision, type WeighedMention } from './decisions.ts'

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

/** A text that ends at the right edge of so many columns. */
const padStart = (text: string, columns: number): string => {
  const cut = truncate(text, columns)
  return ' '.repeat(columns - displayWidth(cut)) + cut
}

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
    const name = nameOf(named.antecedent)
    const isSame = found.some((choice) => choice?.stringMatch === 'all')
    return {
      name: isSame ? `${name} (the same word)` : name,
      probabilities: found.map((choice) => choice?.probability),
    }
  })
}

/** Stands for all special tokens and padding among words. */
const noWord = -1

/** An attribution with the scores of its words. */
interface Column {
  readonly title: string
  readonly record: AttributionRecord
  readonly scores: ReadonlyMap<number, number>
}

function columnOf(title: string, record: AttributionRecord, wordIds: ExplainedDocument['wordIds']): Column {
  const scores = new Map<number, number>()
  for (const [t, score] of record.scores.entries()) {
    const word = wordIds[t] ?? noWord
    scores.set(word, (scores.get(word) ?? 0) + score)
  }
  return { title, record, scores }
}

/** The score of a word as a share of the record's length, which is what colours show. */
const shareOf = ({ scores, record }: Column, word: number): number =>
  (scores.get(word) ?? 0) / (Math.hypot(...record.scores) || 1)

/** The words to show: all of a short text, the strongest of a long one. */
function shownWords(count: number, columns: readonly Column[]): number[] {
  const all = Array.from({ length: count }, (_, word) => word)
  if (count <= mostWords) return all
  const strength = (word: number) => Math.max(...columns.map((column) => Math.abs(shareOf(column, word))))
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
    `  ${pad(name, nameWidth)}${columns.map((column) => ` ${padStart(value(column), cellWidth - 1)}`).join('')}`
  const scoreRow = (name: string, word: number) => {
    const cells = columns.map((column) => {
      const score = signed(column.scores.get(word) ?? 0)
      return ` ${painted(padStart(score, cellWidth - 1), shareOf(column, word))}`
    })
    return `  ${pad(name, nameWidth)}${cells.join('')}`
  }
  const nameAt = (word: number) => [...new Set(words.map((own) => visible(own[word]!)))].join(' / ')
  const shown = shownWords(words[0]!.length, columns)
  const left = words[0]!.length - shown.length
  return [
    row('', ({ title }) => title),
    ...shown.map((word) => scoreRow(nameAt(word), word)),
    scoreRow('[CLS], [SEP]', noWord),
    ...(left > 0 ? [`  … and ${left} weaker words (the report and --json have all)`] : []),
    row('F(x)', ({ record }) => significant(record.fx)),
    row('F(baseline)', ({ record }) => significant(record.fBaseline)),
    row('completeness error', ({ record }) => significant(record.completenessError, 2)),
  ]
}

/** Why a pronoun was linked as it was, in each text. */
function decisionLines(sides: readonly ExplainedDocument[], at: number, { color, width }: DecisionStyle): string[] {
  const decisions = sides.map(({ decisions }) => decisions[at]!)
  const pronouns = decisions.map(({ text }) => visible(text))
  const lines = decisions.map((decision) => bold(visible(`"${decision.text}" ${outcomeOf(decision)}`), color))
  const rows = weighedRows(decisions)
  if (rows.length > 0) {
    lines.push(`  ${pad('probability of', nameWidth)}${pronouns.map((text) => padStart(text, cellWidth)).join('')}`)
    for (const { name, probabilities } of rows) {
      const cells = probabilities.map((probability) => padStart(percent(probability), cellWidth))
      lines.push(`  ${pad(visible(name), nameWidth)}${cells.join('')}`)
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
    const line = (text: string) => wrap(visible(text), width - 2).map((part) => `  ${part}`)
    lines.push('', ...own.flatMap(({ record }) => line(`F: ${record.target}`)))
    for (let from = 0; from < own.length; from += perTable) {
      lines.push(...attributionTable(sides, own.slice(from, from + perTable), color))
    }
    for (const { title, record } of own) {
      for (const warning of record.warnings) lines.push(...line(`warning, "${title}": ${warning}`))
    }
  }
  return lines
}

/** All decisions as text, one block a pronoun. Characters that would act on the terminal are shown, not sent. */
export const renderDecisionsText = (sides: readonly ExplainedDocument[], style: DecisionStyle): string =>
  sides[0]!.decisions.map((_, at) => decisionLines(sides, at, style).join('\n')).join('\n\n')
