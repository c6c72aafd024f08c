/** A document's text with its mentions marked: what terminal and page draw. */
import type { CorefDocument, Mention, Resolution, Span } from '@antecedent/coref'
import type { Resolved } from './resolve.ts'

/** A place where mentions begin or end, or the text between two such places. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' | 'close'; readonly entity: number; readonly mention: Mention }

/** The text of a document: its own, or its words, a sentence a line. */
export function textOf({ text, offsets, words, sentences }: CorefDocument): { text: string; offsets: readonly Span[] } {
  if (text !== undefined && offsets) return { text, offsets }
  const made: Span[] = []
  let joined = ''
  for (const [start, end] of sentences) {
    for (let w = start; w < end; w++) {
      made.push([joined.length, joined.length + words[w]!.length])
      joined += `${words[w]}${w + 1 < end ? ' ' : '\n'}`
    }
  }
  return { text: joined.trimEnd(), offsets: made }
}

/** Entities that a resolution found are counted from 1. Where mentions end and begin, the ends come first. */
export function partsOf({ document, resolution }: Resolved): Part[] {
  const { text, offsets } = textOf(document)
  const marks = resolution.clusters.flatMap((mentions, c) =>
    mentions.flatMap((mention) => {
      const [first, last] = mention.words
      const [start, end] = [offsets[first]![0], offsets[last - 1]![1]]
      const one = { entity: c + 1, mention }
      return [
        { ...one, kind: 'open' as const, at: start, order: 1 / (1 + end - start) },
        { ...one, kind: 'close' as const, at: end, order: -1 / (1 + end - start) },
      ]
    }),
  )
  // of those that end together the shortest ends first, of those that begin together the longest begins first
  marks.sort((a, b) => a.at - b.at || a.order - b.order)
  const parts: Part[] = []
  let done = 0
  for (const { at, kind, entity, mention } of marks) {
    if (at > done) parts.push({ kind: 'text', text: text.slice(done, at) })
    parts.push({ kind, entity, mention })
    done = at
  }
  return done < text.length ? [...parts, { kind: 'text', text: text.slice(done) }] : parts
}

/** The different texts of an entity's mentions, with how often each occurs, in order. */
export function namesOf(mentions: Resolution['clusters'][number]): { name: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { text } of mentions) counts.set(text ?? '', (counts.get(text ?? '') ?? 0) + 1)
  return [...counts].map(([name, count]) => ({ name, count }))
}
