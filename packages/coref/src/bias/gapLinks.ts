/** Predicted entities as answers to the rows of GAP. */
import type { Cluster, Span } from '../documents/document.ts'
import type { GapExample } from '../documents/gap.ts'
import { wordsAt } from '../documents/text.ts'
import type { GapAnswer, GapLinks } from './gap.ts'

/** The gold answer of a row. */
export const gapAnswerOf = ({ id, text, pronoun, aCoref, bCoref }: GapExample): GapAnswer => ({
  id,
  pronoun: text.slice(...pronoun),
  a: aCoref,
  b: bCoref,
})

/**
 * Which names a system links the pronoun of a row to: those that the entity of the pronoun has as a mention.
 *
 * @param clusters  predicted, as spans of words of `example.document`
 * @returns         `exact`: by the words of the name; `head`: also by another mention that ends with the same word
 */
export function gapLinksOf(example: GapExample, clusters: readonly Cluster[]): { exact: GapLinks; head: GapLinks } {
  const words = (place: Span): Span | null => wordsAt(example.document, place)
  const equal = (a: Span, b: Span | null) => b !== null && a[0] === b[0] && a[1] === b[1]
  const pronoun = words(example.pronoun)
  const entity = clusters.find((mentions) => mentions.some((span) => equal(span, pronoun))) ?? []
  const links = (test: (mention: Span, name: Span | null) => boolean): GapLinks => ({
    a: entity.some((mention) => test(mention, words(example.a))),
    b: entity.some((mention) => test(mention, words(example.b))),
  })
  return { exact: links(equal), head: links((mention, name) => mention[1] === name?.[1]) }
}
