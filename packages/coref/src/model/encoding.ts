/** The segments of a document as one encoding, as attributions take an encoder's input. */
import type { Bert, BertEncoding } from '@antecedent/bert'
import type { CorefDocument, Span } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'

/** What the segments of an encoding need: their lengths, `[CLS]` and `[SEP]` included. */
type Segmented = Pick<Pieces, 'segments' | 'overlap' | 'subtokenMap'>

/** All rows that the encoder reads: with overlapping segments, those of both streams. */
const rowsOf = ({ segments, overlap }: Pick<Pieces, 'segments' | 'overlap'>): Pieces['segments'] => [
  ...segments,
  ...(overlap ?? []),
]

const longestOf = (segments: Pieces['segments'], length: number): number =>
  Math.max(length, ...segments.map((ids) => ids.length))

/**
 * All segments in a row, each padded to the longest: token s·L + t is piece t of segment s, as at the site
 * `embeddings` [S, L, H]. With overlapping segments the rows of the second stream follow, 2S + 1 in all, and each piece
 * of the document is there twice: what a piece receives is the sum of both. First and last piece of a segment, and
 * padding, count as added, so that baselines keep them. Offsets are those of the words in the document's text, [0, 0]
 * where there is none.
 */
export function encodingOf(bert: Bert, pieces: Segmented, document?: CorefDocument): BertEncoding {
  const all = rowsOf(pieces)
  const length = longestOf(all, 0)
  const pad = bert.config.padTokenId
  const rows = all.map((ids) => ({
    ids: [...ids, ...new Array<number>(length - ids.length).fill(pad)],
    added: Array.from({ length }, (_, t) => t === 0 || t >= ids.length - 1),
    real: ids.length,
  }))
  let piece = 0
  const count = pieces.subtokenMap.length
  const words = rows.map(({ added, real }) =>
    added.map((isAdded, t) => {
      // the map has entries for specials in independent segmentation, and counts both streams alike in overlapping
      if (t >= real || (isAdded && pieces.overlap)) return null
      const word = pieces.subtokenMap[piece++ % count]!
      return isAdded ? null : word
    }),
  )
  const ids = rows.flatMap((row) => row.ids)
  const wordIds = words.flat()
  const offset = (word: number | null): [number, number] => {
    const span: Span = (word === null ? undefined : document?.offsets?.[word]) ?? [0, 0]
    return [span[0], span[1]]
  }
  const names = namesOf(bert)
  return {
    text: document?.text ?? '',
    pair: null,
    tokens: ids.map((id) => names?.token(id) ?? `#${id}`),
    ids,
    offsets: wordIds.map(offset),
    wordIds,
    typeIds: ids.map(() => 0),
    specialTokensMask: rows.flatMap((row) => row.added),
    padId: names?.pad ?? pad,
    maskId: names?.mask ?? pad,
    model: bert.source,
  }
}

/** The vocabulary of the encoder; null where it was made without one. */
function namesOf(bert: Bert): { token(id: number): string; pad: number; mask: number } | null {
  if (!bert.hasTokenizer) return null
  const { vocabulary, specialTokens } = bert.tokenizer
  return { token: (id) => vocabulary.piece(id), pad: specialTokens.pad, mask: specialTokens.mask }
}

/** The rows of an encoding that `encodingOf` made of these pieces, whatever ids it has by now. */
export function segmentsOf(
  ids: readonly number[],
  pieces: Pick<Pieces, 'segments' | 'overlap'>,
): Pick<Pieces, 'segments' | 'overlap'> {
  const all = rowsOf(pieces)
  const length = longestOf(all, 0)
  const rows = all.map((own, s) => ids.slice(s * length, s * length + own.length))
  const count = pieces.segments.length
  return { segments: rows.slice(0, count), overlap: pieces.overlap && rows.slice(count) }
}
