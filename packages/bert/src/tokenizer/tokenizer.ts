/** BERT's tokenizer: special tokens, normalisation, words, pieces, and the way back. */

import { FormatError } from 'safetensors-ts'
import { append, type Encoding, emptyEncoding } from './encoding.ts'
import { defaultSpecialTokens, type SpecialTokenNames, type TokenizerOptions } from './options.ts'
import type { Vocabulary } from './vocabulary.ts'
import { wordPieces } from './wordpiece.ts'
import { splitWords, type Word, type WordRules } from './words.ts'

/** The part of a text that is one special token, or the text between two of them. */
interface Section {
  text: string
  offset: number
  special: boolean
}

/**
 * WordPiece as the BERT models were trained with it, with the semantics of Hugging Face's fast tokenizer and an offset
 * for every token. Never throws on a text: lone surrogates and controls are dropped.
 *
 * Characters are judged by the engine's Unicode version: unassigned ones are dropped, as in Google's code.
 *
 * @see google-research/bert `tokenization.py`; huggingface/tokenizers `BertNormalizer`, `BertPreTokenizer`, `WordPiece`
 */
export class WordPieceTokenizer {
  readonly vocabulary: Vocabulary
  /** ids of the special tokens */
  readonly specialTokens: Readonly<Record<keyof SpecialTokenNames, number>>
  /** as they were given */
  readonly options: Readonly<TokenizerOptions>
  readonly #rules: WordRules
  readonly #maxChars: number
  /** matches any special token, the longest first; null where raw text holds none */
  readonly #specialInText: RegExp | null

  /** @throws {FormatError} if the vocabulary lacks a special token; it names all that are missing */
  constructor(vocabulary: Vocabulary, options: TokenizerOptions = {}) {
    const { lowercase = true, stripAccents = lowercase, tokenizeChineseChars = true, nfc = false } = options
    this.vocabulary = vocabulary
    this.options = options
    this.#rules = { lowercase, stripAccents, tokenizeChineseChars, nfc }
    this.#maxChars = options.maxChars ?? 100
    const names = { ...defaultSpecialTokens, ...options.specialTokens }
    this.#specialInText = (options.specialTokensInText ?? true) ? anyOf(Object.values(names)) : null
    const missing = Object.values(names).filter((name) => vocabulary.id(name) === undefined)
    if (missing.length > 0) {
      const expected = `the special tokens ${Object.values(names).join(' ')}`
      throw new FormatError({ expected, got: `none of the name ${missing.join(' ')}`, file: vocabulary.file })
    }
    const id = (name: string): number => vocabulary.id(name)!
    const { pad, unk, cls, sep, mask } = names
    this.specialTokens = { pad: id(pad), unk: id(unk), cls: id(cls), sep: id(sep), mask: id(mask) }
  }

  /**
   * Encodes a text, or a pair of texts, as `[CLS] text [SEP]` or `[CLS] text [SEP] pair [SEP]`. Nothing is truncated
   * or padded. An empty text gives the special tokens alone; an empty pair is still a pair.
   *
   * @param options.pair the second text
   * @param options.addSpecialTokens whether to add [CLS] and [SEP]; default true
   */
  encode(text: string, options: { pair?: string | null; addSpecialTokens?: boolean } = {}): Encoding {
    const { pair = null, addSpecialTokens = true } = options
    const { cls, sep } = this.specialTokens
    const encoding = emptyEncoding(text, pair)
    const addSpecial = (id: number, typeId: number) => {
      const piece = this.vocabulary.piece(id)
      if (addSpecialTokens) append(encoding, { piece, id, offset: [0, 0], wordId: null, typeId, special: true })
    }
    addSpecial(cls, 0)
    this.#appendText(encoding, text, 0)
    addSpecial(sep, 0)
    if (pair !== null) {
      this.#appendText(encoding, pair, 1)
      addSpecial(sep, 1)
    }
    return encoding
  }

  /** The pieces of a text, without [CLS] and [SEP]. */
  tokenize(text: string): string[] {
    return this.encode(text, { addSpecialTokens: false }).tokens
  }

  /** The words of a text, normalised but not yet cut into pieces: the "basic tokens" of Google's code. */
  basicTokens(text: string): string[] {
    return this.#sections(text).flatMap((section) =>
      section.special ? [section.text] : splitWords(section.text, 0, this.#rules).map((word) => word.text),
    )
  }

  /**
   * Text of ids: pieces joined by spaces, and to the piece before where they begin with "##". Punctuation keeps the
   * spaces around it, and what normalisation took does not come back.
   *
   * @param options.skipSpecialTokens leave out the five special tokens; default false
   * @throws {RangeError} if an id is not in the vocabulary
   */
  decode(ids: Iterable<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const { skipSpecialTokens = false } = options
    const skipped = new Set(skipSpecialTokens ? Object.values(this.specialTokens) : [])
    const kept = Array.from(ids).filter((id) => !skipped.has(id))
    return kept
      .map((id) => this.vocabulary.piece(id))
      .join(' ')
      .replaceAll(' ##', '')
      .trim()
  }

  #appendText(encoding: Encoding, text: string, typeId: number): void {
    let wordId = 0
    const push = (id: number, offset: [number, number]) =>
      append(encoding, { piece: this.vocabulary.piece(id), id, offset, wordId, typeId, special: false })
    for (const section of this.#sections(text)) {
      if (section.special) {
        push(this.vocabulary.id(section.text)!, [section.offset, section.offset + section.text.length])
        wordId++
        continue
      }
      for (const word of splitWords(section.text, section.offset, this.#rules)) {
        for (const { id, from, to } of this.#pieces(word)) push(id, word.span(from, to))
        wordId++
      }
    }
  }

  #pieces({ text }: Word) {
    return (
      wordPieces(text, this.vocabulary, this.#maxChars) ?? [{ id: this.specialTokens.unk, from: 0, to: text.length }]
    )
  }

  #sections(text: string): Section[] {
    const sections: Section[] = []
    let offset = 0
    for (const match of this.#specialInText ? text.matchAll(this.#specialInText) : []) {
      sections.push({ text: text.slice(offset, match.index), offset, special: false })
      sections.push({ text: match[0], offset: match.index, special: true })
      offset = match.index + match[0].length
    }
    sections.push({ text: text.slice(offset), offset, special: false })
    return sections
  }
}

/** Matches any of the strings, the longest that fits. */
function anyOf(strings: readonly string[]): RegExp {
  const longestFirst = strings.toSorted((a, b) => b.length - a.length)
  return new RegExp(longestFirst.map((string) => string.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g')
}
