/** What a WinoBias sentence asks: which of two occupations a pronoun means. */
import type { Cluster, CorefDocument, Span } from '../documents/document.ts'
import { genderOf, occupations } from './words.ts'

/** A pronoun of a WinoBias sentence with its two possible antecedents, as half-open spans of words. */
export interface WinoBiasQuestion {
  readonly pronoun: Span
  /** the occupation that it means */
  readonly occupation: Span
  /** the other occupation, with its article; null where the sentence names none */
  readonly distractor: Span | null
}

const names = [...occupations.male, ...occupations.female].map((name) => name.toLowerCase().split(' '))
const articles = new Set(['the', 'a', 'an'])

/** The occupations that a document names, as spans without article. */
function occupationsIn(words: readonly string[]): { name: string; span: Span }[] {
  const lower = words.map((word) => word.toLowerCase())
  return lower.flatMap((_, start) => {
    const name = names.find((parts) => parts.every((part, i) => lower[start + i] === part))
    return name ? [{ name: name.join(' '), span: [start, start + name.length] as const }] : []
  })
}

const overlaps = (a: Span, b: Span): boolean => a[0] < b[1] && b[0] < a[1]

/**
 * The questions of a WinoBias sentence: one for each pronoun of its gold cluster. The distractor is the first other
 * occupation that the sentence names.
 */
export function winoBiasQuestions({ words, clusters }: CorefDocument): WinoBiasQuestion[] {
  const named = occupationsIn(words)
  return clusters.flatMap((mentions) => {
    const isPronoun = ([start, end]: Span) => end - start === 1 && genderOf(words[start]!) !== null
    const occupation = mentions.find((span) => !isPronoun(span))
    if (!occupation) return []
    const own = named.find(({ span }) => overlaps(span, occupation))?.name
    const other = named.find(({ name, span }) => name !== own && !overlaps(span, occupation))
    const distractor = other ? withArticle(words, other.span) : null
    return mentions.filter(isPronoun).map((pronoun) => ({ pronoun, occupation, distractor }))
  })
}

const withArticle = (words: readonly string[], [start, end]: Span): Span =>
  articles.has(words[start - 1]?.toLowerCase() ?? '') ? [start - 1, end] : [start, end]

/**
 * Whether two sentences differ in gendered pronouns alone: the same words but for a gendered pronoun in the place of
 * another, and the same gold spans. Then a path between their embeddings has a meaning at every token.
 *
 * @param options.single  exactly one pronoun differs; default false: one or more
 */
export function isMinimalPair(a: CorefDocument, b: CorefDocument, options: { single?: boolean } = {}): boolean {
  const { single = false } = options
  if (a.words.length !== b.words.length) return false
  const different = a.words.flatMap((word, i) => (word === b.words[i] ? [] : [i]))
  if (different.length === 0 || (single && different.length > 1)) return false
  if (!different.every((i) => genderOf(a.words[i]!) !== null && genderOf(b.words[i]!) !== null)) return false
  return spansOf(a.clusters) === spansOf(b.clusters)
}

/** Clusters as a text that is the same for every order of entities and mentions. */
const spansOf = (clusters: readonly Cluster[]): string =>
  clusters
    .map((mentions) =>
      mentions
        .map((span) => span.join('-'))
        .sort()
        .join(' '),
    )
    .sort()
    .join(', ')
