/**
 * What BERT's tokenizer asks about a character, always a whole Unicode code point. Categories are those of the
 * engine's Unicode version: a character newer than it is unassigned, hence dropped.
 *
 * Source: google-research/bert, `tokenization.py`.
 */

const control = /^\p{C}$/u
const nonspacingMark = /^\p{Mn}$/u
const punctuation = /^\p{P}$/u

/** CJK ideographs, first and last code point; neither Hangul nor kana. */
const cjkBlocks: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
]

/**
 * Matches the runs between white space: U+0020, tab, line feed, carriage return, category Zs, and the separators
 * U+2028 and U+2029. Other characters that Unicode calls white space (U+000B, U+0085, …) are controls and separate
 * nothing.
 */
export const betweenWhitespace = /[^ \t\n\r\p{Z}]+/gu

/** Whether cleaning drops the character: U+FFFD and category C (U+0000, controls, formats, surrogates, unassigned). */
export const isDropped = (character: string): boolean => character === '\ufffd' || control.test(character)

/** Whether the character is an accent that stripping removes: category Mn. */
export const isNonspacingMark = (character: string): boolean => nonspacingMark.test(character)

/** Every printable ASCII character that is no letter, digit or space (also `$ + < = > ^ | ~`), and category P. */
export function isPunctuation(codePoint: number): boolean {
  if (codePoint > 0x7f) return punctuation.test(String.fromCodePoint(codePoint))
  return (
    (codePoint >= 33 && codePoint <= 47) ||
    (codePoint >= 58 && codePoint <= 64) ||
    (codePoint >= 91 && codePoint <= 96) ||
    (codePoint >= 123 && codePoint <= 126)
  )
}

/** Whether the character is a CJK ideograph, which is a word of its own. */
export const isCjk = (codePoint: number): boolean =>
  codePoint >= 0x3400 && cjkBlocks.some(([first, last]) => codePoint >= first && codePoint <= last)
