/** Exchange of names: a pass calls the people and places of a document otherwise, so that links are learnt, not names. */
import { fold, type RandomKey } from '@antecedent/tensor'
import { isPersonalPronoun } from '../bias/words.ts'
import type { CorefDocument } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import { unit } from './keys.ts'

/** The names of some documents, as the vocabulary's numbers of their words' pieces, by how many pieces they have. */
export type Names = ReadonlyMap<number, readonly (readonly number[])[]>

/** A word in a document's segments. */
interface Place {
  readonly word: number
  readonly segment: number
  readonly at: number
  readonly ids: readonly number[]
}

/** The words of pieces, special pieces left out. */
function placesOf({ segments, subtokenMap }: Pick<Pieces, 'segments' | 'subtokenMap'>): Place[] {
  const places: Place[] = []
  let piece = 0
  for (const [segment, ids] of segments.entries()) {
    for (let at = 1; at < ids.length - 1; ) {
      const word = subtokenMap[piece + at]!
      let end = at + 1
      while (end < ids.length - 1 && subtokenMap[piece + end] === word) end++
      places.push({ word, segment, at, ids: ids.slice(at, end) })
      at = end
    }
    piece += ids.length
  }
  return places
}

/** Of the documents that a word may occur in and still be a name to exchange: titles and days are in more. */
const largestShare = 0.05
/** Of a word's places within sentences, those where it has a capital letter. */
const leastCapitals = 0.8

/** The words that are written with capitals where sentences do not ask for it, pronouns and frequent ones left out. */
export function namesOf(documents: readonly { document: CorefDocument; pieces: Pieces }[]): Names {
  const words = new Map<string, { ids: readonly number[]; capital: number; all: number; documents: Set<number> }>()
  for (const [d, { document, pieces }] of documents.entries()) {
    const starts = new Set(document.sentences.map(([start]) => start))
    for (const { word, ids } of placesOf(pieces)) {
      const text = document.words[word]!
      if (isPersonalPronoun(text) || !/^\p{L}/u.test(text)) continue
      const own = words.get(ids.join()) ?? { ids, capital: 0, all: 0, documents: new Set() }
      words.set(ids.join(), own)
      own.documents.add(d)
      if (starts.has(word)) continue
      own.all++
      own.capital += Number(/^\p{Lu}/u.test(text))
    }
  }
  const names = new Map<number, (readonly number[])[]>()
  for (const { ids, capital, all, documents: own } of words.values()) {
    if (all === 0 || capital < leastCapitals * all) continue
    if (own.size > Math.max(1, largestShare * documents.length)) continue
    const alike = names.get(ids.length) ?? []
    names.set(ids.length, alike)
    alike.push(ids)
  }
  return names
}

/**
 * The document with some of its names exchanged for others of as many pieces: each with a probability of `share`, at all
 * its places alike, no two for the same. All that counts pieces stays as it was.
 */
export function renamed(pieces: Pieces, names: Names, share: number, key: RandomKey): Pieces {
  if (share === 0) return pieces
  const known = new Set([...names.values()].flatMap((list) => list.map((ids) => ids.join())))
  const places = placesOf(pieces).filter(({ ids }) => known.has(ids.join()))
  const taken = new Set(places.map(({ ids }) => ids.join()))
  const others = new Map<string, readonly number[]>()
  for (const [n, name] of [...taken].entries()) {
    const own = fold(key, n)
    const list = names.get(name.split(',').length)!
    if (unit(fold(own, 0)) >= share) continue
    const other = list[Math.floor(unit(fold(own, 1)) * list.length)]!
    if (taken.has(other.join())) continue
    taken.add(other.join())
    others.set(name, other)
  }
  const segments = pieces.segments.map((ids) => [...ids])
  for (const { segment, at, ids } of places) {
    const other = others.get(ids.join())
    if (other) segments[segment]!.splice(at, ids.length, ...other)
  }
  return { ...pieces, segments }
}
