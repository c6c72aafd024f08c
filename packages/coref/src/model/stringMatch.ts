/** How alike two spans are as strings of words: the strongest of the features that came before learnt ones. */
import type { Pieces } from '../documents/pieces.ts'
import type { Spans } from './spans.ts'

/** Rows of the tables: what two spans have in common, by their words' pieces. */
export const stringMatches = ['none', 'words', 'last', 'words and last', 'all'] as const
export type StringMatch = (typeof stringMatches)[number]

/** Of two spans, by rank, the row of `stringMatches`. */
export type Matcher = (i: number, j: number) => number

/** A span's words as numbers: equal words of a document have equal numbers. */
interface Words {
  readonly last: number
  readonly different: ReadonlySet<number>
  /** the same for equal strings */
  readonly whole: number
}

/** The vocabulary's numbers of the T pieces. */
function idsOf({ segments, overlap }: Pick<Pieces, 'segments' | 'overlap'>): number[] {
  return (overlap ? segments.map((row) => row.slice(1, -1)) : segments).flat()
}

const numbering = (): ((key: string) => number) => {
  const known = new Map<string, number>()
  return (key) => {
    const found = known.get(key) ?? known.size
    known.set(key, found)
    return found
  }
}

const holds = (larger: ReadonlySet<number>, smaller: ReadonlySet<number>): boolean => {
  for (const word of smaller) if (!larger.has(word)) return false
  return true
}

/**
 * What two of these spans, by rank, have in common, as a row of `stringMatches`: `all` their words in order; the
 * `last` word; `words`, where one span's are all among the other's. A part of a word at the edge of a span counts as a
 * word of its own.
 */
export function stringMatcher(
  pieces: Pick<Pieces, 'segments' | 'overlap' | 'subtokenMap'>,
  { starts, ends }: Spans,
): Matcher {
  const ids = idsOf(pieces)
  const { subtokenMap } = pieces
  const [wordNumber, wholeNumber] = [numbering(), numbering()]
  const spans = Array.from(starts, (start, rank): Words => {
    const words: number[] = []
    for (let t = start; t < ends[rank]!; ) {
      const from = t
      while (t < ends[rank]! && subtokenMap[t] === subtokenMap[from]) t++
      words.push(wordNumber(ids.slice(from, t).join()))
    }
    return { last: words.at(-1)!, different: new Set(words), whole: wholeNumber(words.join()) }
  })
  return (i, j) => {
    const [a, b] = [spans[i]!, spans[j]!]
    if (a.whole === b.whole) return 4
    const [smaller, larger] = a.different.size < b.different.size ? [a, b] : [b, a]
    return Number(holds(larger.different, smaller.different)) + 2 * Number(a.last === b.last)
  }
}
