/** Cleaning, composing, stripping of accents and lower case, each character remembering where it came from. */
import { isDropped, isNonspacingMark } from './characters.ts'

/** How text is changed before it is split into words. */
export interface NormalizationRules {
  lowercase: boolean
  stripAccents: boolean
  nfc: boolean
}

/** Some of the original's characters, and the span `[start, end)` that they have there, in UTF-16 code units. */
interface Source {
  text: string
  start: number
  end: number
}

/** Normalised text that can say which part of the original text any part of it stands for. */
export class AlignedText {
  readonly text: string
  readonly #offset: number
  readonly #starts: readonly number[] | null
  readonly #ends: readonly number[] | null

  /**
   * @param offset index of the first unit of `text` in the original, where all follow as they do there
   * @param starts where the original of each unit of `text` starts, null where `offset` tells
   * @param ends where it ends
   */
  constructor(text: string, offset: number, starts: readonly number[] | null, ends: readonly number[] | null) {
    this.text = text
    this.#offset = offset
    this.#starts = starts
    this.#ends = ends
  }

  /** The original span `[start, end)` of `text.slice(from, to)`, all in UTF-16 code units; `from < to`. */
  span(from: number, to: number): [number, number] {
    return [this.#starts?.[from] ?? this.#offset + from, this.#ends?.[to - 1] ?? this.#offset + to]
  }
}

const plainAscii = /^[!-~]*$/

/** Characters that NFC may join to the one before: marks, and the vowels and finals of Hangul and Kirat Rai. */
const joinsPrevious = /^[\p{M}\u1160-\u11ff\u{16d67}]$/u

/** Characters that are composed together. Reordering marks is quadratic in V8, and no text has so many on one letter. */
const longestGroup = 256

/**
 * Normalises a run of text without white space: drops controls, composes (`nfc`), decomposes and drops accents
 * (`stripAccents`), then lowers each character by itself, so that no sigma is final (`lowercase`).
 *
 * Decomposing goes character by character: of the marks that NFD would reorder, accents are dropped here, and the dozen
 * that are not (Hangul tones, musical stems) stay in the order of the text.
 *
 * @param text the run; the result may be empty
 * @param offset index of its first UTF-16 unit in the original text
 */
export function normalize(text: string, offset: number, rules: NormalizationRules): AlignedText {
  const { lowercase, stripAccents, nfc } = rules
  if (plainAscii.test(text)) return new AlignedText(lowercase ? text.toLowerCase() : text, offset, null, null)
  let normalized = ''
  const starts: number[] = []
  const ends: number[] = []
  const kept = clean(text, offset)
  for (const { text, start, end } of nfc ? compose(kept) : kept) {
    for (const part of stripAccents ? text.normalize('NFD') : text) {
      if (stripAccents && isNonspacingMark(part)) continue
      const result = lowercase ? part.toLowerCase() : part
      normalized += result
      for (let unit = 0; unit < result.length; unit++) {
        starts.push(start)
        ends.push(end)
      }
    }
  }
  return new AlignedText(normalized, offset, starts, ends)
}

/** The characters that cleaning keeps. */
function* clean(text: string, offset: number): Generator<Source> {
  let start = offset
  for (const character of text) {
    const end = start + character.length
    if (!isDropped(character)) yield { text: character, start, end }
    start = end
  }
}

/** NFC. What a group of characters composes to stands for the whole group. */
function* compose(characters: Iterable<Source>): Generator<Source> {
  let group: Source[] = []
  for (const character of characters) {
    if (!joinsPrevious.test(character.text) || group.length >= longestGroup) {
      yield* composeGroup(group)
      group = []
    }
    group.push(character)
  }
  yield* composeGroup(group)
}

function composeGroup(group: Source[]): Source[] {
  const text = group.map((character) => character.text).join('')
  const composed = text.normalize('NFC')
  return composed === text ? group : [{ text: composed, start: group[0]!.start, end: group.at(-1)!.end }]
}
