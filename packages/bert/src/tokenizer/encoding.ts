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
  special: boolean
}

/** An encoding without tokens. */
export const emptyEncoding = (text: string, pair: string | null): Encoding => ({
  text,
  pair,
  tokens: [],
  ids: [],
  offsets: [],
  wordIds: [],
  typeIds: [],
  specialTokensMask: [],
})

/** Adds a token at the end of every list. */
export function append(encoding: Encoding, { piece, id, offset, wordId, typeId, special }: Token): void {
  encoding.tokens.push(piece)
  encoding.ids.push(id)
  encoding.offsets.push(offset)
  encoding.wordIds.push(wordId)
  encoding.typeIds.push(typeId)
  encoding.specialTokensMask.push(special)
}
