/** How many columns a text takes on a terminal. */

const wide =
  /\p{Emoji_Presentation}|\ufe0f|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Script=Yi}|[\u3000-\u303e\u30fc\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/u
const narrow = /[\uff61-\uffdc]/u // half-width katakana and hangul
const zero = /^[\p{M}\p{Cf}]+$/u
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

function graphemeWidth(grapheme: string): number {
  if (zero.test(grapheme)) return 0
  return wide.test(grapheme) && !narrow.test(grapheme) ? 2 : 1
}

/** Columns that `text` takes: 2 for East Asian wide characters and emoji, 0 for marks that stand alone, else 1. */
export function displayWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/** `text`, cut with `…` where it takes more than `width` columns. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let columns = 0
  for (const { segment } of graphemes.segment(text)) {
    columns += graphemeWidth(segment)
    if (columns > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** `text`, cut or filled with spaces on the right, to exactly `width` columns. */
export function pad(text: string, width: number): string {
  const cut = truncate(text, width)
  return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)))
}

/** The lines of `text`, broken at spaces; a word longer than `width` columns is broken within. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) <= width) {
      line += ` ${word}`
      continue
    }
    if (line !== '') lines.push(line)
    line = ''
    for (const { segment } of graphemes.segment(word)) {
      if (line !== '' && displayWidth(line) + graphemeWidth(segment) > width) {
        lines.push(line)
        line = ''
      }
      line += segment
    }
  }
  return [...lines, line]
}
