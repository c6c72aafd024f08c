/** A document cut into word pieces and segments, as the model reads it. */
import type { Cluster } from './document.ts'

/**
 * The pieces of a document. Piece indices count over all segments, one after the other, `[CLS]` and `[SEP]` included,
 * padding not (with overlapping segments: specials not included either). T is their number, S the number of segments.
 */
export interface Pieces {
  /** per segment, the vocabulary's numbers of its pieces, `[CLS]` and `[SEP]` included, without padding */
  readonly segments: readonly (readonly number[])[]
  /** the second stream of overlapping segmentation, one row more than `segments`; null in independent segmentation */
  readonly overlap: readonly (readonly number[])[] | null
  /** T sentence numbers; a span may not cross sentences */
  readonly sentenceMap: readonly number[]
  /** T word indices */
  readonly subtokenMap: readonly number[]
  /** T speaker numbers: 1 specials, then by first appearance */
  readonly speakerIds: readonly number[]
  /** T numbers of the segment that each piece lies in */
  readonly segmentMap: readonly number[]
  /** index of the genre in the model's list; 0 where unknown */
  readonly genre: number
  /** gold clusters as half-open spans of pieces */
  readonly clusters: readonly Cluster[]
}
