/** WordPiece: greedy longest match first. */
import type { Vocabulary } from './vocabulary.ts'

/** A piece of a word and its place `[from, to)` in it, in UTF-16 code units. */
export interface Piece {
  id: number
  from: number
  to: number
}

/**
 * Cuts a word into the longest pieces of the vocabulary, from left to right; all but the first are continuations.
 *
 * @param word not empty
 * @param maxChars longest word that is cut, in code points
 * @returns the pieces, without gaps; null if the word is longer, or some part of it begins no piece
 */
export function wordPieces(word: string, vocabulary: Vocabulary, maxChars: number): Piece[] | null {
  if (word.length > maxChars && Array.from(word).length > maxChars) return null
  const pieces: Piece[] = []
  for (let from = 0; from < word.length; from = pieces.at(-1)!.to) {
    const piece = longestPiece(word, from, vocabulary)
    if (piece === null) return null
    pieces.push(piece)
  }
  return pieces
}

function longestPiece(word: string, from: number, vocabulary: Vocabulary): Piece | null {
  for (let to = Math.min(word.length, from + vocabulary.longestPiece); to > from; to--) {
    const text = word.slice(from, to)
    const id = from === 0 ? vocabulary.id(text) : vocabulary.continuationId(text)
    if (id !== undefined) return { id, from, to }
  }
  return null
}
