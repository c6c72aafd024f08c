/** Where spans lie: in pieces, in words, in characters. All spans are half-open. */
import type { CorefDocument, Span } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import type { Spans } from './spans.ts'

/** Parallel lists, one entry for each span. */
export interface Places {
  readonly pieces: Span[]
  readonly words: Span[]
  /** in the document's text, in UTF-16 code units; null where it has none */
  readonly characters: Span[] | null
}

/** The words that a span of pieces touches. A special piece counts as the word that `subtokenMap` gives it. */
export const wordsOf = ({ subtokenMap }: Pick<Pieces, 'subtokenMap'>, [start, end]: Span): Span => [
  subtokenMap[start]!,
  subtokenMap[end - 1]! + 1,
]

/** The characters of a span of words; null where the document has no text. */
export function charactersOf(document: CorefDocument | undefined, [start, end]: Span): Span | null {
  const { offsets } = document ?? {}
  const [first, last] = [offsets?.[start], offsets?.[end - 1]]
  return first && last ? [first[0], last[1]] : null
}

/** The places of spans of pieces. */
export function placesOf(
  { starts, ends }: Spans,
  pieces: Pick<Pieces, 'subtokenMap'>,
  document: CorefDocument | undefined,
): Places {
  const spans = Array.from(starts, (start, i): Span => [start, ends[i]!])
  const words = spans.map((span) => wordsOf(pieces, span))
  const characters = words.map((span) => charactersOf(document, span))
  return {
    pieces: spans,
    words,
    characters: document?.offsets ? characters.map((span) => span ?? [0, 0]) : null,
  }
}
