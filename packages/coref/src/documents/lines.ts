/** What readers of text files share. */
import { FormatError } from 'safetensors-ts'
import type { Span } from './document.ts'

/** What every reader takes besides the text. */
export interface ReadOptions {
  /** name of the file, for errors; default `document` */
  file?: string
}

/** The lines of a text, which end with "\n" or "\r\n"; the last may lack its end. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Spans between ends: sentences by the numbers of words at their ends. */
export const spansBetween = (ends: readonly number[]): Span[] => ends.map((end, i): Span => [ends[i - 1] ?? 0, end])

/** A value as a column of a file. @throws {FormatError} where it is empty or holds white space */
export function column(value: string, what: string, file: string): string {
  if (value !== '' && !/\s/.test(value)) return value
  throw new FormatError({ file, expected: `${what} without white space`, got: JSON.stringify(value) })
}
