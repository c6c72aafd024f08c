/** What a tokenizer makes of a text: parallel lists, one entry per token. */

/** A text, or a pair of texts, as tokens. All lists have the same length. */
export interface Encoding {
  /** the text as it was given */
  text: string
  /** the second text, null where there is none */
  pair: string | null
  /** the pieces as they stand in the vocabulary */
  tokens: string[]
  ids: number[]
  /**
   * `[start, end)` of each token in the text it comes from, in UTF-16 code units: in `text` where `typeIds` is 0, in
   * `pair` where it is 1. A token made of normalised text covers the characters that it was made from; [UNK] covers
   * its whole word; tokens that were added have [0, 0]
   */
  offsets: [number, number][]
  /** the word of each token, counted from 0 in either text; null for tokens that were added */
  wordIds: (number | null)[]
  /** 0 for `[CLS] text [SEP]`, 1 for `pair [SEP]` */
  typeIds: number[]
  /** true for the tokens that were added; false for special tokens that the text itself holds */
  specialTokensMask: boolean[]
}

/** One token and all that is known about it. */
export interface Token {
  piece: string
  id: number
  offset: [number, number]
  wordId: number | null
  typeId: number
  added: boolean
}

/** Turns a list of tokens into parallel lists. */
export const toEncoding = (text: string, pair: string | null, tokens: readonly Token[]): Encoding => ({
  text,
  pair,
  tokens: tokens.map(({ piece }) => piece),
  ids: tokens.map(({ id }) => id),
  offsets: tokens.map(({ offset }) => offset),
  wordIds: tokens.map(({ wordId }) => wordId),
  typeIds: tokens.map(({ typeId }) => typeId),
  specialTokensMask: tokens.map(({ added }) => added),
})
