/**
 * Mentions as brackets at words: `(3` opens a mention of entity 3, `3)` closes the one opened last, `(3)` is one word.
 * CoNLL's last column joins them by `|`, `Entity=` of CoNLL-U by nothing.
 */
import { FormatError } from 'safetensors-ts'
import { bySpan, type Cluster, type CorefDocument, type Span } from './document.ts'

const bracket = /\(([^()|\s]+)\)|\(([^()|\s]+)|([^()|\s]+)\)|\|/y

/** Gathers the mentions of one document, word by word. */
export class BracketReader {
  readonly #file: string
  readonly #open = new Map<string, { start: number; line: number }[]>()
  readonly #entities = new Map<string, Span[]>()

  constructor(file: string) {
    this.#file = file
  }

  /**
   * Reads what stands at a word, from left to right.
   *
   * @throws {FormatError} where it is no row of brackets, or closes what is not open
   */
  read(field: string, word: number, line: number): void {
    bracket.lastIndex = 0
    while (bracket.lastIndex < field.length) {
      const found = bracket.exec(field)
      if (!found) {
        const expected = 'mentions such as (3, 3) or (3)'
        throw new FormatError({ file: this.#file, line, expected, got: JSON.stringify(field) })
      }
      const [, single, opened, closed] = found
      if (single !== undefined) this.#mentionsOf(single).push([word, word + 1])
      else if (opened !== undefined) {
        this.#mentionsOf(opened)
        this.#open.set(opened, [...(this.#open.get(opened) ?? []), { start: word, line }])
      } else if (closed !== undefined) this.#close(closed, word, line)
    }
  }

  #mentionsOf(name: string): Span[] {
    const mentions = this.#entities.get(name) ?? []
    this.#entities.set(name, mentions)
    return mentions
  }

  #close(name: string, word: number, line: number): void {
    const from = this.#open.get(name)?.pop()
    if (!from) {
      const expected = `an open mention of ${name} to close`
      throw new FormatError({ file: this.#file, line, expected, got: 'none' })
    }
    this.#mentionsOf(name).push([from.start, word + 1])
  }

  /**
   * Clusters by their first mention, mentions by place, with the names of the entities.
   *
   * @throws {FormatError} where a mention was not closed
   */
  finish(): { clusters: Cluster[]; clusterNames: string[] } {
    for (const [name, [from]] of this.#open) {
      if (!from) continue
      const expected = `${name}) after (${name}`
      throw new FormatError({ file: this.#file, line: from.line, expected, got: 'the end of the document' })
    }
    const found = [...this.#entities].map(([name, mentions]) => ({ name, mentions: [...mentions].sort(bySpan) }))
    found.sort((a, b) => bySpan(a.mentions[0]!, b.mentions[0]!))
    return { clusters: found.map(({ mentions }) => mentions), clusterNames: found.map(({ name }) => name) }
  }
}

/**
 * The brackets at each word, in the order of the reference's writer: what closes, the mention that starts last first;
 * single words; what opens, the mention that ends last first. An entity is called by its name, else by its place.
 *
 * @throws {FormatError} where two mentions of one entity cross, which brackets can not say, or lie beyond the words
 */
export function bracketsOf({ words, clusters, clusterNames }: CorefDocument, file: string): string[][] {
  const closing: { text: string; start: number }[][] = words.map(() => [])
  const single: string[][] = words.map(() => [])
  const opening: { text: string; end: number }[][] = words.map(() => [])
  for (const [c, mentions] of clusters.entries()) {
    const name = clusterNames?.[c] ?? String(c)
    requireNested(mentions, name, words.length, file)
    for (const [start, end] of mentions) {
      if (end === start + 1) single[start]!.push(`(${name})`)
      else {
        opening[start]!.push({ text: `(${name}`, end })
        closing[end - 1]!.push({ text: `${name})`, start })
      }
    }
  }
  return words.map((_, w) => [
    ...closing[w]!.sort((a, b) => b.start - a.start).map(({ text }) => text),
    ...single[w]!,
    ...opening[w]!.sort((a, b) => b.end - a.end).map(({ text }) => text),
  ])
}

function requireNested(mentions: Cluster, name: string, words: number, file: string): void {
  const sorted = [...mentions].sort((a, b) => a[0] - b[0] || b[1] - a[1])
  const around: number[] = [] // ends of the mentions that the present one may lie in, the narrowest last
  for (const [start, end] of sorted) {
    if (!(start >= 0 && start < end && end <= words)) {
      throw new FormatError({ file, expected: `mentions within ${words} words`, got: `[${start}, ${end})` })
    }
    // one that ends with the word where this one starts is closed before
    while (around.length > 0 && (around.at(-1)! <= start || (around.at(-1)! === start + 1 && end > start + 1)))
      around.pop()
    if (around.length > 0 && around.at(-1)! < end) {
      const expected = 'mentions of one entity that nest or lie apart, as brackets can say'
      throw new FormatError({ file, expected, got: `crossing ones of entity ${name}, one of them [${start}, ${end})` })
    }
    around.push(end)
  }
}
