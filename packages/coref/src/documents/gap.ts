/** GAP: a text a line with a pronoun and two names, A and B, and whether each is who the pronoun means. */
import { FormatError } from 'safetensors-ts'
import type { CorefDocument, Span } from './document.ts'
import { linesOf, type ReadOptions } from './lines.ts'
import { readText, wordsAt } from './text.ts'

const header = [
  'ID',
  'Text',
  'Pronoun',
  'Pronoun-offset',
  'A',
  'A-offset',
  'A-coref',
  'B',
  'B-offset',
  'B-coref',
  'URL',
]

/** A line of GAP. Places are half-open spans of UTF-16 code units; the file counts code points. */
export interface GapExample {
  readonly id: string
  readonly text: string
  readonly pronoun: Span
  readonly a: Span
  readonly b: Span
  readonly aCoref: boolean
  readonly bCoref: boolean
  readonly url: string
  /** the text with words and offsets; the pronoun and the names that it means are one cluster, where it means any */
  readonly document: CorefDocument
}

/**
 * Reads a file of GAP.
 *
 * @throws {FormatError} with file and line where columns are missing, a name does not stand at its offset, or a flag is
 *   neither TRUE nor FALSE
 */
export function readGap(content: string, { file = 'document' }: ReadOptions = {}): GapExample[] {
  const lines = linesOf(content)
  if (lines[0] !== header.join('\t')) {
    const got = lines[0] === undefined ? 'an empty file' : JSON.stringify(lines[0])
    throw new FormatError({ file, line: 1, expected: `the columns ${header.join(', ')}`, got })
  }
  return lines.slice(1).map((line, i) => exampleOf(line.split('\t'), { file, line: i + 2 }))
}

function exampleOf(columns: readonly string[], at: { file: string; line: number }): GapExample {
  if (columns.length !== header.length) {
    throw new FormatError({ ...at, expected: `${header.length} columns between tabs`, got: String(columns.length) })
  }
  const [id = '', text = '', pronoun = '', pronounAt = '', a = '', aAt = '', aFlag, b = '', bAt = '', bFlag, url = ''] =
    columns
  const place = (name: string, offset: string): Span => {
    const start = /^\d+$/.test(offset) ? unitOf(text, Number(offset)) : -1
    if (start >= 0 && text.startsWith(name, start) && name !== '') return [start, start + name.length]
    throw new FormatError({ ...at, expected: `${JSON.stringify(name)} at its offset ${offset}`, got: 'another text' })
  }
  const flag = (value: string | undefined): boolean => {
    if (value === 'TRUE' || value === 'FALSE') return value === 'TRUE'
    throw new FormatError({ ...at, expected: 'TRUE or FALSE', got: JSON.stringify(value) })
  }
  const spans = { pronoun: place(pronoun, pronounAt), a: place(a, aAt), b: place(b, bAt) }
  const flags = { aCoref: flag(aFlag), bCoref: flag(bFlag) }
  const read = readText(text, { id })
  const meant = [...(flags.aCoref ? [spans.a] : []), ...(flags.bCoref ? [spans.b] : [])]
  const cluster = [spans.pronoun, ...meant].map((span) => wordsAt(read, span)!).sort((x, y) => x[0] - y[0])
  const document = { ...read, clusters: meant.length > 0 ? [cluster] : [] }
  return { id, text, ...spans, ...flags, url, document }
}

/** The UTF-16 code unit at which code point n of a text starts. */
function unitOf(text: string, points: number): number {
  let unit = 0
  for (let n = 0; n < points; n++) unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1
  return unit
}

/** Writes examples as a file of GAP. */
export function writeGap(examples: readonly GapExample[]): string {
  const lines = examples.map(({ id, text, pronoun, a, b, aCoref, bCoref, url }) => {
    const name = (span: Span) => [text.slice(...span), [...text.slice(0, span[0])].length]
    const flag = (value: boolean) => (value ? 'TRUE' : 'FALSE')
    return [id, text, ...name(pronoun), ...name(a), flag(aCoref), ...name(b), flag(bCoref), url].join('\t')
  })
  return [header.join('\t'), ...lines].map((line) => `${line}\n`).join('')
}
