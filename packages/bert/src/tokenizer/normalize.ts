/** Cleaning, composing, stripping of accents and lower case, each character remembering where it came from. */
import { isDropped, isNonspacingMark } from './characters.ts'

/** How text is changed before it is split into words. */
export interface NormalizationRules {
  lowercase: boolean
  stripAccents: boolean
  nfc: boolean
}

/** Normalised text that can say which part of the original text any part of it stands for. */
export interface AlignedText {
  readonly text: string
  /** The original span `[start, end)` of `text.slice(from, to)`, all in UTF-16 code units; `from < to`. */
  span(from: number, to: number): [number, number]
}

/** One code point and the original span that it stands for. */
interface Character {
  text: string
  start: number
  end: number
}

const plainAscii = /^[!-~]*$/

/** Characters that NFC may join to the one before: marks, and the vowels and finals of Hangul and Kirat Rai. */
const joinsPrevious = /^[\p{M}\u1160-\u11ff\u{16d67}]$/u

const textOf = (characters: readonly Character[]): string => characters.map(({ text }) => text).join('')

function clean(text: string, offset: number): Character[] {
  const kept: Character[] = []
  let start = offset
  for (const character of text) {
    const end = start + character.length
    if (!isDropped(character)) kept.push({ text: character, start, end })
    start = end
  }
  return kept
}

/** NFC. What a group of characters composes to stands for the whole group. */
function compose(characters: readonly Character[]): Character[] {
  const groups: Character[][] = []
  for (const character of characters) {
    if (groups.length > 0 && joinsPrevious.test(character.text)) groups.at(-1)!.push(character)
    else groups.push([character])
  }
  return groups.flatMap((group) => {
    const text = textOf(group)
    const composed = text.normalize('NFC')
    if (composed === text) return group
    const [start, end] = [group[0]!.start, group.at(-1)!.end]
    return Array.from(composed, (text) => ({ text, start, end }))
  })
}

/**
 * NFD. Every part of a character stands for that character. Where several marks change places, the places keep their
 * spans, as in huggingface/tokenizers.
 */
function decompose(characters: readonly Character[]): Character[] {
  const parts: Character[] = []
  for (const { text, start, end } of characters) {
    for (const part of text.normalize('NFD')) parts.push({ text: part, start, end })
  }
  const unordered = textOf(parts)
  const ordered = unordered.normalize('NFD')
  if (ordered === unordered) return parts
  return Array.from(ordered, (text, i) => ({ ...parts[i]!, text }))
}

/** Text as it stands, its first unit being unit `offset` of the original. */
const verbatim = (text: string, offset: number): AlignedText => ({
  text,
  span: (from, to) => [offset + from, offset + to],
})

function align(characters: readonly Character[]): AlignedText {
  const units = characters.flatMap((character) => Array<Character>(character.text.length).fill(character))
  return { text: textOf(characters), span: (from, to) => [units[from]!.start, units[to - 1]!.end] }
}

/**
 * Normalises a run of text without white space: drops controls, composes (`nfc`), decomposes and drops accents
 * (`stripAccents`), then lowers each character by itself, so that no sigma is final (`lowercase`).
 *
 * @param text the run; the result may be empty
 * @param offset index of its first UTF-16 unit in the original text
 */
export function normalize(text: string, offset: number, rules: NormalizationRules): AlignedText {
  if (plainAscii.test(text)) return verbatim(rules.lowercase ? text.toLowerCase() : text, offset)
  let characters = clean(text, offset)
  if (rules.nfc) characters = compose(characters)
  if (rules.stripAccents) characters = decompose(characters).filter(({ text }) => !isNonspacingMark(text))
  if (rules.lowercase)
    characters = characters.map((character) => ({ ...character, text: character.text.toLowerCase() }))
  return align(characters)
}
