/** What a report says about records in numbers and words, whatever it is drawn on. */
import type { AttentionRecord, AttributionRecord } from '../record.ts'

/** `value` with `digits` decimals and a true minus sign; NaN and infinities by name. */
export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value).replace('-', '−')
  return value
    .toFixed(digits)
    .replace(/^-(?=.*[1-9])/, '−')
    .replace(/^-/, '')
}

/** `value` with `digits` significant digits, in powers of ten where it is very large or very small. */
export function significant(value: number, digits = 4): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value) || size === 0) return fixed(value, 0)
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replaceAll('-', '−').replace('e+', 'e')
  return fixed(value, Math.max(0, digits - 1 - Math.floor(Math.log10(size))))
}

/** `significant` with a plus before what is positive. */
export const signed = (value: number): string => (value > 0 ? `+${significant(value)}` : significant(value))

/** What follows from the numbers of a record. */
export interface Facts {
  /** √tokens, the largest absolute value that the attribution score can have */
  bound: number
  /** sum of the raw scores, in units of F */
  sum: number
  /** F(x) − F(baseline) */
  difference: number
  /** |completeness error| over |difference|; null where the difference is 0 or not finite */
  relativeError: number | null
}

export function attributionFacts(record: AttributionRecord): Facts {
  const difference = record.fx - record.fBaseline
  const comparable = Number.isFinite(difference) && difference !== 0
  return {
    bound: Math.sqrt(record.tokens.length),
    sum: record.scores.reduce((sum, score) => sum + score, 0),
    difference,
    relativeError: comparable ? Math.abs(record.completenessError / difference) : null,
  }
}

/** `0.012 % of the difference`, or why there is no such number. */
export function relativeErrorText({ relativeError }: Facts): string {
  if (relativeError === null) return 'no relative error: the difference is 0 or not finite'
  return `${significant(100 * relativeError, 2)} % of the difference`
}

/** `0.012 % of the largest score; 0.1 % asked for`, or null where the rule tells no error. */
export function estimateText({ errorEstimate, settings }: AttributionRecord): string | null {
  if (errorEstimate === undefined) return null
  const percent = (share: number) => `${significant(100 * share, 2)} %`
  const asked = typeof settings.tolerance === 'number' ? `; ${percent(settings.tolerance)} asked for` : ''
  return `${percent(errorEstimate)} of the largest score${asked}`
}

/** `17 to α = 0.35, then 203 to 1`: which coordinate of a maximum wins where; null for other targets. */
export function winnersText({ winners }: AttributionRecord): string | null {
  if (winners === undefined) return null
  return winners
    .map(({ winner, end }, i) => `${winner} to ${i === 0 ? 'α = ' : ''}${significant(end, 3)}`)
    .join(', then ')
}

/** How the record was computed, in one line: method, rule and points, site, baseline. */
export function methodText(record: AttributionRecord): string {
  const { nSteps, method, site, baseline } = record.settings
  const parts = [record.method, method, nSteps && `${nSteps} points`, site && `at ${site}`]
  return [...parts, typeof baseline === 'string' && `baseline ${baseline}`].filter(Boolean).join(', ')
}

/** Where the mean attention of a layer goes. The four shares are disjoint and sum to 1. */
export interface AttentionShares {
  /** a token to itself */
  diagonal: number
  /** to [CLS], from other tokens */
  cls: number
  /** to [SEP], from other tokens */
  sep: number
  other: number
  /** the head with the largest diagonal, from 0, and its share */
  mostDiagonal: { head: number; share: number }
}

/** For each layer, the shares averaged over heads and queries; NaN for a text without tokens. */
export function attentionShares({ attentions, tokens }: AttentionRecord): AttentionShares[] {
  return attentions.map((heads) => {
    const cells = heads.length * tokens.length
    const sums = { diagonal: 0, cls: 0, sep: 0, other: 0 }
    const diagonals = heads.map((rows) => {
      let diagonal = 0
      rows.forEach((row, query) => {
        row.forEach((p, key) => {
          if (query === key) diagonal += p
          else if (tokens[key] === '[CLS]') sums.cls += p
          else if (tokens[key] === '[SEP]') sums.sep += p
          else sums.other += p
        })
      })
      sums.diagonal += diagonal
      return diagonal / tokens.length
    })
    const share = Math.max(...diagonals)
    const { diagonal, cls, sep, other } = sums
    return {
      diagonal: diagonal / cells,
      cls: cls / cells,
      sep: sep / cells,
      other: other / cells,
      mostDiagonal: { head: diagonals.indexOf(share), share },
    }
  })
}

/** A token as Captum shows it: `<s>` as `#s`, since browsers would take it for a tag. */
export function captumToken(token: string): string {
  const special = token.startsWith('<') && token.endsWith('>')
  return special ? `#${token.replace(/^[<>]+|[<>]+$/g, '')}` : token
}

/** Tokens in words: a word piece `##x` joins the token before it. Indices into `tokens`. */
export function words(tokens: readonly string[]): number[][] {
  const groups: number[][] = []
  tokens.forEach((token, i) => {
    if (token.startsWith('##') && token.length > 2 && groups.length > 0) groups.at(-1)!.push(i)
    else groups.push([i])
  })
  return groups
}

/** The largest finite value of nested lists of numbers, at least `least`. */
export function largest(values: readonly unknown[], least = 0): number {
  return values.reduce<number>((max, value) => {
    if (Array.isArray(value)) return largest(value, max)
    return typeof value === 'number' && Number.isFinite(value) && value > max ? value : max
  }, least)
}
