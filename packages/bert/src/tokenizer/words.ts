/** Splitting text into words, the "basic tokens" of BERT's papers: at white space, punctuation and CJK ideographs. */
import { betweenWhitespace, isCjk, isPunctuation } from './characters.ts'
import { type NormalizationRules, normalize } from './normalize.ts'

/** Normalisation, and whether each CJK ideograph is a word. */
export interface WordRules extends NormalizationRules {
  tokenizeChineseChars: boolean
}

/** A word, normalised and not empty. */
export interface Word {
  readonly text: string
  /** The original span `[start, end)` of `text.slice(from, to)`, all in UTF-16 code units; `from < to`. */
  span(from: number, to: number): [number, number]
}

/**
 * The words of `text`, in order.
 *
 * Ideographs are isolated after normalisation, where the sources pad them with spaces before it. The result is the
 * same: ideographs decompose to ideographs, nothing else does, and none takes part in a composition.
 *
 * @param offset index of the first UTF-16 unit of `text` in the original text
 */
export function* splitWords(text: string, offset: number, rules: WordRules): Generator<Word> {
  for (const run of text.matchAll(betweenWhitespace)) {
    const aligned = normalize(run[0], offset + run.index, rules)
    for (const [start, end] of wordSpans(aligned.text, rules.tokenizeChineseChars)) {
      yield {
        text: aligned.text.slice(start, end),
        span: (from, to) => aligned.span(start + from, start + to),
      }
    }
  }
}

/** `[start, end)` of the words in normalised text without white space. */
function wordSpans(text: string, tokenizeChineseChars: boolean): [number, number][] {
  const spans: [number, number][] = []
  let start = 0
  for (let i = 0; i < text.length; ) {
    const codePoint = text.codePointAt(i)!
    const next = i + (codePoint > 0xffff ? 2 : 1)
    if (isPunctuation(codePoint) || (tokenizeChineseChars && isCjk(codePoint))) {
      if (start < i) spans.push([start, i])
      spans.push([i, next])
      start = next
    }
    i = next
  }
  if (start < text.length) spans.push([start, text.length])
  return spans
}
