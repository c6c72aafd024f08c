/** Documents of one sentence, written with brackets around the mentions of one entity. */
import type { CorefDocument, Span } from '@antecedent/coref'

/** `[The nurse] slept because [she] was tired .`, words and brackets set apart by spaces or not. */
export function bracketed(text: string, id = 'sentence'): CorefDocument {
  const words: string[] = []
  const mentions: Span[] = []
  let start = 0
  for (const [token] of text.matchAll(/[[\]]|[\w$']+|[^\s\w]/g)) {
    if (token === '[') start = words.length
    else if (token === ']') mentions.push([start, words.length])
    else words.push(token)
  }
  return {
    id,
    part: 0,
    genre: 'nw',
    words,
    sentences: [[0, words.length]],
    speakers: words.map(() => null),
    clusters: mentions.length > 0 ? [mentions] : [],
  }
}
