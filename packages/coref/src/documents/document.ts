/** What a coreference document is, whatever file it came from. */
import { OptionError } from '@antecedent/tensor'

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
  /** what the file calls each cluster, where it names them */
  readonly clusterNames?: readonly string[]
  /** the text that the words were taken from, where there was one */
  readonly text?: string
  /** span of each word in `text`, in UTF-16 code units; there where `text` is */
  readonly offsets?: readonly Span[]
}

/** The key that the c2f family names a document by: `ID_PART`. */
export const documentKey = ({ id, part }: Pick<CorefDocument, 'id' | 'part'>): string => `${id}_${part}`

/** By start, then end. */
export const bySpan = (a: Span, b: Span): number => a[0] - b[0] || a[1] - b[1]

/** Clusters of which some share a mention, as one each: mentions by place and once, clusters by their first mention. */
export function mergeClusters(clusters: readonly Cluster[]): Cluster[] {
  const owner = new Map<string, Map<string, Span>>() // the merged cluster of each mention
  for (const cluster of clusters) {
    const merged = new Map(cluster.map((span) => [span.join(), span]))
    for (const mention of [...merged.keys()]) for (const [key, span] of owner.get(mention) ?? []) merged.set(key, span)
    for (const key of merged.keys()) owner.set(key, merged)
  }
  return [...new Set(owner.values())]
    .map((merged) => [...merged.values()].sort(bySpan))
    .sort((a, b) => bySpan(a[0]!, b[0]!))
}

/** @throws {OptionError} where lists are not of one length, or sentences or mentions do not lie within the words */
export function checkDocument({ id, words, sentences, speakers, clusters, text, offsets }: CorefDocument): void {
  const fail = (expected: string, got: string): never => {
    throw new OptionError({ op: `document ${id}`, expected, got })
  }
  const isWithin = ([start, end]: Span, from: number) =>
    Number.isInteger(start) && Number.isInteger(end) && from <= start && start < end && end <= words.length
  if (speakers.length !== words.length) fail(`${words.length} speakers, one a word`, String(speakers.length))
  if (text !== undefined && offsets?.length !== words.length) {
    fail(`${words.length} offsets, one a word, beside the text`, String(offsets?.length ?? 'none'))
  }
  const disordered = sentences.find((sentence, i) => !isWithin(sentence, sentences[i - 1]?.[1] ?? 0))
  if (disordered) fail(`sentences in order within ${words.length} words`, `[${disordered.join(', ')})`)
  const odd = clusters.flat().find((mention) => !isWithin(mention, 0))
  if (odd) fail(`mentions within ${words.length} words`, `[${odd.join(', ')})`)
}

/** A document without the entities that it mentions once, which OntoNotes leaves unmarked and LitBank marks. */
export function withoutSingletons(document: CorefDocument): CorefDocument {
  const isKept = document.clusters.map((mentions) => mentions.length > 1)
  const { clusterNames } = document
  return {
    ...document,
    clusters: document.clusters.filter((_, c) => isKept[c]),
    ...(clusterNames && { clusterNames: clusterNames.filter((_, c) => isKept[c]) }),
  }
}
