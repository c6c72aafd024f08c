/** What a coreference document is, whatever file it came from. */

/** Half-open span `[start, end)`: of words, of pieces or of UTF-16 code units, as the field that holds it says. */
export type Span = readonly [start: number, end: number]

/** The mentions of one entity. */
export type Cluster = readonly Span[]

/** Words with sentences, speakers and, where they are known, the clusters of their mentions. */
export interface CorefDocument {
  /** name of the document, without its part */
  readonly id: string
  /** number of the part, where a file cuts one text into several; default 0 */
  readonly part: number
  /** genre as the corpus names it, such as `nw`; null where unknown */
  readonly genre: string | null
  /** the words, in order */
  readonly words: readonly string[]
  /** sentences as spans of words: in order, not empty, without gaps, covering all words */
  readonly sentences: readonly Span[]
  /** who says each word; null where unknown */
  readonly speakers: readonly (string | null)[]
  /** entities as spans of words; empty where the document has no annotation */
  readonly clusters: readonly Cluster[]
  /** the text that the words were taken from, where there was one */
  readonly text?: string
  /** span of each word in `text`, in UTF-16 code units; there where `text` is */
  readonly offsets?: readonly Span[]
}
