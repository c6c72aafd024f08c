/** Records as text for a terminal or a log. */
import type { AttentionRecord, AttributionRecord } from '../record.ts'
import { type AttributionScale, attributionRgb, legible, type Rgb, terminalColor, viridisRgb } from './colors.ts'
import {
  attentionShares,
  attributionFacts,
  estimateText,
  fixed,
  methodText,
  relativeErrorText,
  signed,
  significant,
  winnersText,
  words,
} from './facts.ts'
import { visible } from './html.ts'
import { displayWidth, pad, truncate, wrap } from './width.ts'

/** Options of the text of any record. */
export interface TextOptions {
  /** ANSI colours, of the 256 that every terminal has; default false */
  color?: boolean
  /** columns; default 80, at least 40 */
  width?: number
}

/** Options of the text of an attribution. */
export interface AttributionTextOptions extends TextOptions {
  /** default `captum`, the paper's red and green */
  scale?: AttributionScale
  /** a table of the numbers per token; by default only where there are no colours to carry them */
  numbers?: boolean
}

const columns = ({ width = 80 }: TextOptions) => Math.max(40, width)

/** `text` on a background, in black or white, by ANSI codes of the 256 colours. */
export function paint(text: string, background: Rgb): string {
  const { index, rgb } = terminalColor(background)
  const foreground = legible(rgb)[0] === 0 ? 16 : 231 // black and white of the cube, which themes leave alone
  return `\x1b[48;5;${index};38;5;${foreground}m${text}\x1b[0m`
}

/** `text` in bold, where there are colours. */
export const bold = (text: string, color: boolean): string => (color ? `\x1b[1m${text}\x1b[0m` : text)

/** The tokens in their colours; pieces of a word stand together, and lines break within a word only where they must. */
function tokenLines(record: AttributionRecord, scale: AttributionScale, width: number): string[] {
  const lines = ['']
  let used = 0
  const put = (text: string, columns: number, separator: '' | ' ') => {
    const fits = used + separator.length + columns <= width
    if (used === 0 || fits) lines.push((lines.pop() ?? '') + (used > 0 ? separator : '') + text)
    else lines.push(text)
    used = columns + (used > 0 && fits ? used + separator.length : 0)
  }
  for (const word of words(record.tokens)) {
    const pieces = word.map((i) => truncate(visible(record.tokens[i]!), width))
    const painted = pieces.map((piece, k) => paint(piece, attributionRgb(record.normalizedScores[word[k]!]!, scale)))
    const columns = displayWidth(pieces.join(''))
    if (columns <= width) put(painted.join(''), columns, ' ')
    else painted.forEach((piece, k) => void put(piece, displayWidth(pieces[k]!), k === 0 ? ' ' : ''))
  }
  return lines
}

/** A bar that grows from an axis in its middle: to the right where positive. `half` columns stand for `max`. */
function signedBar(value: number, max: number, half: number): string {
  const filled = max > 0 ? Math.round((Math.min(max, Math.abs(value)) / max) * half) || 0 : 0
  const left = value < 0 ? '▒'.repeat(filled) : ''
  const right = value > 0 ? '█'.repeat(filled) : ''
  return `${left.padStart(half)}│${right}`.trimEnd()
}

function numberLines(record: AttributionRecord, width: number): string[] {
  const tokens = record.tokens.map(visible)
  const scores = record.scores.map(signed)
  const normalized = record.normalizedScores.map((score) => fixed(score, 3))
  const size = (texts: string[], least: number) => Math.max(least, ...texts.map(displayWidth))
  const indexWidth = String(tokens.length).length
  const scoreWidth = size(scores, 5)
  const normalizedWidth = size(normalized, 10)
  const rest = width - indexWidth - scoreWidth - normalizedWidth - 8
  const tokenWidth = Math.min(size(tokens, 5), Math.max(5, Math.floor(rest / 2)))
  const half = Math.min(16, Math.floor((rest - tokenWidth - 1) / 2))
  const max = Math.max(0, ...record.normalizedScores.map(Math.abs).filter(Number.isFinite))
  const row = (index: string, token: string, score: string, share: string, bar: string) =>
    [
      index.padStart(indexWidth),
      pad(token, tokenWidth),
      score.padStart(scoreWidth),
      share.padStart(normalizedWidth),
      bar,
    ]
      .join('  ')
      .trimEnd()
  return [
    row('', 'token', 'score', 'normalized', ''),
    ...tokens.map((token, i) => {
      const bar = half >= 3 ? signedBar(record.normalizedScores[i]!, max, half) : ''
      return row(String(i), token, scores[i]!, normalized[i]!, bar)
    }),
  ]
}

/** `name  text`, the text broken to the width and aligned under itself. */
function field(name: string, text: string, width: number): string[] {
  const indent = 20
  return wrap(text, width - indent).map((line, i) => (i === 0 ? name : '').padEnd(indent) + line)
}

/**
 * An attribution as text: the target, the tokens in colour or as a table, what the scores add up to and how exactly.
 * Ends without a newline. Characters that would act on the terminal are shown, not sent.
 */
export function renderAttributionText(record: AttributionRecord, options: AttributionTextOptions = {}): string {
  const { color = false, scale = 'captum', numbers = !color } = options
  const width = columns(options)
  const facts = attributionFacts(record)
  const { evaluations, provenance } = record
  const lines = wrap(visible(record.target), width).map((line) => bold(line, color))
  if (color) lines.push(...tokenLines(record, scale, width))
  if (numbers) lines.push(...numberLines(record, width))
  const add = (name: string, text: string) => lines.push(...field(name, visible(text), width))
  add('attribution score', `${fixed(record.attributionScore, 2)} of at most ±${fixed(facts.bound, 2)} (√tokens)`)
  add('sum of scores', `${significant(facts.sum)}, to equal ${record.sumsTo}`)
  const difference = `${significant(record.fx)} − ${significant(record.fBaseline)} = ${significant(facts.difference)}`
  add('F(x) − F(baseline)', difference.replace('− −', '+ '))
  add('completeness error', `${significant(record.completenessError)} (${relativeErrorText(facts)})`)
  const [estimate, winners] = [estimateText(record), winnersText(record)]
  if (estimate) add('estimated error', estimate)
  if (winners) add('largest coordinate', winners)
  add('method', `${methodText(record)}; ${evaluations.forward} forward, ${evaluations.backward} backward`)
  add('device', `${provenance.device}, ${provenance.dtype}`)
  for (const warning of record.warnings) {
    const [first, ...others] = field('warning', visible(warning), width)
    lines.push(bold(first!, color), ...others)
  }
  return lines.join('\n')
}

/**
 * Attention as text: for each layer, where the attention goes, averaged over heads and queries. A figure for the
 * eye stands in the HTML report; this one answers whether the diagonal, [CLS] and [SEP] dominate.
 */
export function renderAttentionText(record: AttentionRecord, options: TextOptions = {}): string {
  const { color = false } = options
  const width = columns(options)
  const heads = record.attentions[0]?.length ?? 0
  const share = (value: number) => {
    const text = fixed(value, 2).padStart(7)
    return color ? paint(text, viridisRgb(value)) : text
  }
  const rows = attentionShares(record).map(({ diagonal, cls, sep, other, mostDiagonal }, layer) => {
    const cells = [diagonal, cls, sep, other].map(share).join(' ')
    return `${String(layer + 1).padStart(5)} ${cells}  ${mostDiagonal.head + 1} (${fixed(mostDiagonal.share, 2)})`
  })
  const size = `${record.attentions.length} layers × ${heads} heads, ${record.tokens.length} tokens`
  return [
    bold('Attention', color),
    ...wrap(`Share of each layer's attention, mean over heads and queries (${size})`, width),
    'layer    self   [CLS]   [SEP]   other  head most on itself',
    ...rows,
    ...wrap(`Evenly spread, each token would receive ${significant(1 / record.tokens.length)}.`, width),
  ].join('\n')
}
