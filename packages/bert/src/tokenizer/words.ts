/** Splitting text into words, the "basic tokens" of BERT's papers: at white space, punctuation and CJK ideographs. */
import { betweenWhitespace, isCjk, isPunctuation } from './characters.ts'
import { type AlignedText, type NormalizationRules, normalize } from './normalize.ts'

/** Normalisation, and whether each CJK ideograph is a word. */
export interface WordRules extends NormalizationRules {
  tokenizeChineseChars: boolean
}

/** A word, normalised and not empty. */
export class Word {
  readonly text: string
  readonly #run: AlignedText
  readonly #start: number

  /** The word `[start, end)` of a run of normalised text. */
  constructor(run: AlignedText, start: number, end: number) {
    this.text = run.text.slice(start, end)
    this.#run = run
    this.#start = start
  }

  /** The original span `[start, end)` of `text.slice(from, to)`, all in UTF-16 code units; `from < to`. */
  span(from: number, to: number): [number, number] {
    return this.#run.span(this.#start + from, this.#start + to)
  }
}

/**
 * The words of `text`, in order.
 *
 * Ideographs are isolated after normalisation, where the sources pad them with spaces before it. The result is the
 * same: ideographs decompose to ideographs, nothing else does, and none takes part in a composition.
 *
 * @param offset index of the first UTF-16 unit of `text` in the original text
 */
export function splitWords(text: string, offset: number, rules: WordRules): Word[] {
  const words: Word[] = []
  for (const match of text.matchAll(betweenWhitespace)) {
    const run = normalize(match[0], offset + match.index, rules)
    let start = 0
    for (let i = 0; i < run.text.length; ) {
      const codePoint = run.text.codePointAt(i)!
      const next = i + (codePoint > 0xffff ? 2 : 1)
      if (isPunctuation(codePoint) || (rules.tokenizeChineseChars && isCjk(codePoint))) {
        if (start < i) words.push(new Word(run, start, i))
        words.push(new Word(run, i, next))
        start = next
      }
      i = next
    }
    if (start < run.text.length) words.push(new Word(run, start, run.text.length))
  }
  return words
}
