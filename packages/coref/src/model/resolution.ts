/** What a reader of a text wants: who is who, in words and characters. */
import type { CorefDocument, Span } from '../documents/document.ts'
import type { ScoreRecord } from './record.ts'

/** A mention of an entity. */
export interface Mention {
  /** half-open span of words */
  readonly words: Span
  /** half-open span of UTF-16 code units in the document's text; null where it has none */
  readonly characters: Span | null
  /** its part of the text, or its words with spaces between; null where only pieces were given */
  readonly text: string | null
}

/** A link from a mention back to the one that it refers to. */
export interface Link {
  readonly mention: Mention
  readonly antecedent: Mention
  /** final score; more than 0, unless entities decide, whose mentions count together */
  readonly score: number
  /** of this antecedent, all others and none considered */
  readonly probability: number
}

/** The entities of a document. */
export interface Resolution {
  /** mentions of each entity, at least two, by place; entities by their first mention */
  readonly clusters: Mention[][]
  readonly links: Link[]
}

/** The mention that a kept span is. */
export function mentionOf({ spans }: Pick<ScoreRecord, 'spans'>, rank: number, document?: CorefDocument): Mention {
  const [words, characters] = [spans.words[rank]!, spans.characters?.[rank] ?? null]
  const textOf = ({ text, words: all }: CorefDocument): string =>
    characters && text !== undefined ? text.slice(...characters) : all.slice(...words).join(' ')
  return { words, characters, text: document ? textOf(document) : null }
}

/**
 * Entities and links of a record. Spans of pieces that are the same words (one reaches into a `[CLS]` or `[SEP]`) are
 * one mention, of the first entity that has it.
 */
export function resolutionOf(record: ScoreRecord, document?: CorefDocument): Resolution {
  const mention = (rank: number): Mention => mentionOf(record, rank, document)
  const seen = new Set<string>()
  const isNew = ({ words }: Mention) => {
    const size = seen.size
    return seen.add(words.join()).size > size
  }
  const byPlace = (a: Mention, b: Mention) => a.words[0] - b.words[0] || a.words[1] - b.words[1]
  const clusters = record.clusters
    .map((ranks) => ranks.map(mention).filter(isNew).sort(byPlace))
    .filter((mentions) => mentions.length > 1)
    .sort((a, b) => byPlace(a[0]!, b[0]!))
  const links = record.links.flatMap((antecedent, rank): Link[] => {
    if (antecedent < 0) return []
    const column = 1 + record.antecedents[rank]!.indexOf(antecedent)
    const [score, probability] = [record.scores[rank]![column]!, record.distribution[rank]![column]!]
    return [{ mention: mention(rank), antecedent: mention(antecedent), score, probability }]
  })
  return { clusters, links }
}
