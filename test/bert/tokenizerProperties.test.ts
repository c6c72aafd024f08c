/** The tokenizer on random Unicode: against `@huggingface/tokenizers`, and against what it promises of itself. */
import { type TokenizerOptions, WordPieceTokenizer } from '@antecedent/bert'
import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared } from '../support/shared.ts'
import { sharedVocabulary, specials } from './vocabularies.ts'

const test = suite('bert tokenizer on random text')

const seed = 42

type VocabularyName = Parameters<typeof sharedVocabulary>[0]

/** The other implementation, set up as `BertTokenizerFast` would be. */
function oracle(name: VocabularyName, lowercase: boolean, stripAccents: boolean | null): Tokenizer {
  const vocabulary = sharedVocabulary(name)
  const ids = Array.from({ length: vocabulary.size }, (_, id) => id)
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const part = (type: 'Sequence' | 'SpecialToken', id: string, type_id: number) => ({ [type]: { id, type_id } })
  const single = [part('SpecialToken', '[CLS]', 0), part('Sequence', 'A', 0), part('SpecialToken', '[SEP]', 0)]
  return new Tokenizer(
    {
      added_tokens: specials.map((content) => ({ id: vocabulary.id(content), content, ...flags })),
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: stripAccents,
        lowercase,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      model: {
        type: 'WordPiece',
        vocab: Object.fromEntries(ids.map((id) => [vocabulary.piece(id), id])),
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
      },
      post_processor: {
        type: 'TemplateProcessing',
        single,
        pair: [...single, part('Sequence', 'B', 1), part('SpecialToken', '[SEP]', 1)],
        special_tokens: {},
      },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    },
    {},
  )
}

const between = (first: number, last: number) =>
  fc.integer({ min: first, max: last }).map((c) => String.fromCodePoint(c))

/** One or more characters of a kind that some rule is about. */
const ingredient = fc.oneof(
  { weight: 6, arbitrary: between(0x20, 0x7e) },
  { weight: 6, arbitrary: fc.constantFrom('the ', 'physician', 'un', 'want', 'ed', 'ing', 'JANITOR', ' ', ' ', ' ') },
  { weight: 2, arbitrary: fc.constantFrom(...specials, '[mask]', '[MASK', 'SEP]', '##ing', '[unused1]') },
  { weight: 3, arbitrary: between(0xa0, 0x24f) },
  { weight: 2, arbitrary: between(0x300, 0x36f) },
  { weight: 2, arbitrary: between(0x370, 0x52f) },
  { weight: 1, arbitrary: between(0x591, 0x6ff) },
  { weight: 1, arbitrary: between(0x900, 0xe4f) },
  { weight: 1, arbitrary: between(0x1e00, 0x1fff) },
  { weight: 2, arbitrary: between(0x2000, 0x206f) },
  { weight: 1, arbitrary: between(0x20a0, 0x2bff) },
  { weight: 2, arbitrary: between(0x3000, 0x30ff) },
  { weight: 2, arbitrary: between(0x4e00, 0x9fff) },
  { weight: 2, arbitrary: fc.oneof(between(0xac00, 0xd7a3), between(0x1100, 0x11ff)) },
  { weight: 1, arbitrary: between(0xf900, 0xfaff) },
  { weight: 1, arbitrary: between(0x1f300, 0x1f64f) },
  { weight: 1, arbitrary: between(0x20000, 0x2fa1f) },
  { weight: 1, arbitrary: between(0, 0x1f) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\u0085', '\u00ad', '\u200d', '\u2028', '\u2029', '\ufeff', '\ufffd', '\ue000'),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) },
)

const mixture = fc.array(ingredient, { maxLength: 24 }).map((parts) => parts.join(''))

/** The configurations that random text is tried on. */
const configurations: [VocabularyName, boolean, boolean | null][] = [
  ['bert-base-uncased', true, null],
  ['bert-base-cased', false, null],
  ['bert-base-uncased', true, false],
  ['bert-base-cased', false, true],
]

const ours = (name: VocabularyName, lowercase: boolean, stripAccents: boolean | null, more: TokenizerOptions = {}) =>
  new WordPieceTokenizer(sharedVocabulary(name), {
    lowercase,
    ...(stripAccents === null ? {} : { stripAccents }),
    ...more,
  })

/**
 * What the other implementation treats in another way; each has a test below.
 * - unassigned characters (Cn): it keeps them, Google's code drops them;
 * - ideographs beyond the basic plane: it looks for them by UTF-16 unit, and so never finds one;
 * - capital sigma: it lowers whole texts, and a sigma at the end of a word becomes "ς".
 */
const differs = /[\p{Cn}\u03a3\u{20000}-\u{2fa1f}]/gu

for (const [name, lowercase, stripAccents] of configurations) {
  const title = `${name}, lowercase ${lowercase}, strip accents ${stripAccents}`
  needsShared(test)(`1,000 random strings and pairs agree with @huggingface/tokenizers: ${title}`, () => {
    const tokenizer = ours(name, lowercase, stripAccents)
    const reference = oracle(name, lowercase, stripAccents)
    const comparable = mixture.map((text) => text.replaceAll(differs, ''))
    const pair = comparable.filter((text) => text !== '') // there, an empty pair is none
    fc.assert(
      fc.property(comparable, fc.option(pair), (text, pair) => {
        const expected = reference.encode(text, { text_pair: pair, return_token_type_ids: true })
        const { tokens, ids, typeIds } = tokenizer.encode(text, { pair })
        assert.equal(
          { tokens, ids, typeIds },
          {
            tokens: expected.tokens,
            ids: expected.ids,
            typeIds: expected.token_type_ids,
          },
        )
      }),
      { seed, numRuns: 1000 },
    )
  })
}

needsShared(test)('the three kinds of character that are left out of the comparison do differ, as described', () => {
  const tokenizer = ours('bert-base-uncased', true, null)
  const reference = oracle('bert-base-uncased', true, null)
  const both = (text: string) => [tokenizer.tokenize(text), reference.tokenize(text)]
  assert.equal(both('a\u0378b'), [['ab'], ['[UNK]']], 'unassigned')
  assert.equal(both('a\u{20000}b'), [['a', '[UNK]', 'b'], ['[UNK]']], 'ideograph beyond the basic plane')
  assert.equal(
    both('a\u{2b820}b'),
    [['a', '[UNK]', 'b'], ['[UNK]']],
    "the same where the Rust tokenizer's table has its gap",
  )
  assert.equal(both('ΟΣ'), [
    ['ο', '##σ'],
    ['ο', '##ς'],
  ])
})

/** Tokens of one word, with the word as it is normalised. */
function wordsOf(tokenizer: WordPieceTokenizer, text: string) {
  const { tokens, offsets, wordIds } = tokenizer.encode(text, { addSpecialTokens: false })
  return tokenizer.basicTokens(text).map((word, wordId) => {
    const [first, last] = [wordIds.indexOf(wordId), wordIds.lastIndexOf(wordId)]
    return { word, pieces: tokens.slice(first, last + 1), spans: offsets.slice(first, last + 1) }
  })
}

for (const [name, lowercase, stripAccents] of configurations) {
  const title = `${name}, lowercase ${lowercase}, strip accents ${stripAccents}`
  needsShared(test)(`offsets slice back to the text that pieces and words were made of: ${title}`, () => {
    const tokenizer = ours(name, lowercase, stripAccents)
    const normalized = (text: string, [start, end]: readonly [number, number]) =>
      tokenizer.basicTokens(text.slice(start, end)).join('')
    fc.assert(
      fc.property(mixture, (text) => {
        for (const { word, pieces, spans } of wordsOf(tokenizer, text)) {
          assert.is(normalized(text, [spans[0]![0], spans.at(-1)![1]]), word)
          if (pieces[0] === '[UNK]') {
            assert.is(pieces.length, 1, '[UNK] stands for a whole word')
            continue
          }
          assert.is(pieces.map((piece, i) => (i > 0 ? piece.slice(2) : piece)).join(''), word)
          for (const [i, span] of spans.entries()) {
            const piece = i > 0 ? pieces[i]!.slice(2) : pieces[i]!
            const [before, after] = [spans[i - 1]?.[1] ?? 0, spans[i + 1]?.[0] ?? text.length]
            const shares = before > span[0] || after < span[1] // a character that became several
            const made = normalized(text, span)
            assert.ok(shares ? made.includes(piece) : made === piece, `${piece} is part of ${made}`)
            if (i > 0 && before <= span[0]) assert.is(normalized(text, [before, span[0]]), '', 'nothing is between')
          }
        }
      }),
      { seed, numRuns: 500 },
    )
  })
}

needsShared(test)(
  'encode takes any UTF-16 whatever; lists are of one length, spans in order, words counted by ones',
  () => {
    const tokenizer = ours('bert-base-uncased', true, null)
    const anything = fc.oneof(mixture, fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }))
    fc.assert(
      fc.property(anything, (text) => {
        const { tokens, ids, offsets, wordIds, typeIds, specialTokensMask } = tokenizer.encode(text)
        for (const list of [ids, offsets, wordIds, typeIds, specialTokensMask]) assert.is(list.length, tokens.length)
        assert.equal([tokens[0], tokens.at(-1), wordIds[0], wordIds.at(-1)], ['[CLS]', '[SEP]', null, null])
        let [word, start] = [-1, 0]
        for (const [i, wordId] of wordIds.slice(1, -1).entries()) {
          const [from, to] = offsets[i + 1]!
          assert.ok(wordId === word || wordId === word + 1, `word ${wordId} after ${word}`)
          assert.ok(start <= from && from < to && to <= text.length, `[${from}, ${to}) after ${start}`)
          assert.is(sharedVocabulary('bert-base-uncased').piece(ids[i + 1]!), tokens[i + 1])
          ;[word, start] = [wordId!, from]
        }
      }),
      { seed, numRuns: 1500 },
    )
  },
)

needsShared(test)('printable ASCII: what decode gives is encoded as the same ids', () => {
  const tokenizer = ours('bert-base-uncased', true, null)
  const printable = fc.array(fc.oneof(between(0x20, 0x7e), fc.constantFrom(' the', 'JANITOR ', '[MASK]')), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(printable, (parts) => {
      const { ids } = tokenizer.encode(parts.join(''), { addSpecialTokens: false })
      assert.equal(tokenizer.encode(tokenizer.decode(ids), { addSpecialTokens: false }).ids, ids)
    }),
    { seed, numRuns: 500 },
  )
})

needsShared(test)("nfc in groups, with spans, gives the same words as the engine's NFC of the whole text", () => {
  const plain = ours('bert-base-cased', false, null, { specialTokensInText: false })
  const composing = ours('bert-base-cased', false, null, { specialTokensInText: false, nfc: true })
  const marked = fc.array(
    fc.oneof(
      ingredient,
      between(0x300, 0x36f),
      between(0x1100, 0x11ff),
      between(0x900, 0xdff),
      between(0x1b00, 0x1b4f),
    ),
    { maxLength: 16 },
  )
  fc.assert(
    fc.property(marked, (parts) => {
      const cleaned = parts.join('').replaceAll(/[\p{C}\ufffd]/gu, (c) => (/[\t\n\r]/.test(c) ? c : ''))
      assert.equal(composing.basicTokens(parts.join('')), plain.basicTokens(cleaned.normalize('NFC')))
    }),
    { seed, numRuns: 1500 },
  )
})

needsShared(test)('time grows with the text: 200,000 characters of any sort take seconds, not minutes', () => {
  const tokenizer = ours('bert-base-uncased', true, null)
  const composing = ours('bert-base-cased', false, null, { nfc: true })
  for (const text of ['a', '\u0301\u0323', '😀', 'é', '[', ' ', 'the physician hired. ']) {
    for (const each of [tokenizer, composing]) {
      const started = performance.now()
      each.encode(text.repeat(2e5 / text.length))
      const seconds = (performance.now() - started) / 1000
      assert.ok(seconds < 5, `${JSON.stringify(text)} took ${seconds} s`)
    }
  }
})

test.run()
