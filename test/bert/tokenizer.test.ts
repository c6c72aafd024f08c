/** One case or more for each rule of the tokenizer, on vocabularies written here. */
import { type TokenizerOptions, tokenizerOptions, Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import { FormatError } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { specials, tinyVocabulary } from './vocabularies.ts'

const test = suite('bert tokenizer')

/** Basic tokens; they do not depend on the vocabulary. */
const words = (text: string, options: TokenizerOptions = {}): string[] =>
  new WordPieceTokenizer(tinyVocabulary(), options).basicTokens(text)

const caught = (f: () => unknown): FormatError => {
  try {
    f()
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  return assert.unreachable('nothing was thrown') as never
}

test('white space is space, tab, line feed, carriage return, Zs, U+2028 and U+2029', () => {
  assert.equal(words(' a\tb\nc\rd\u00a0e\u2009f\u3000g\u2028h\u2029i '), [...'abcdefghi'])
  assert.equal(words(''), [])
  assert.equal(words(' \t\u3000\n'), [])
})

test('controls, formats, private and unassigned characters, NUL and U+FFFD are dropped and separate nothing', () => {
  assert.equal(words('a\0b\ufffdc\u000bd\u000ce\u0085f\u001cg\u00adh\u200bi\ufeffj\ue000k\u{10ffff}l\u0378m'), [
    'abcdefghijklm',
  ])
})

test('lone surrogates are dropped', () => {
  assert.equal(words('a\ud800b \udc00 c\udfff\ud83d'), ['ab', 'c'])
})

test('every ASCII character that is no letter, digit or space is punctuation', () => {
  const ascii = Array.from({ length: 94 }, (_, i) => String.fromCodePoint(33 + i))
  for (const character of ascii) {
    const expected = /[a-z0-9]/i.test(character) ? [`a${character}b`.toLowerCase()] : ['a', character, 'b']
    assert.equal(words(`a${character}b`), expected)
  }
})

test('category P is punctuation, other symbols are not', () => {
  assert.equal(words('a“b”c—d。e¿f…g'), ['a', '“', 'b', '”', 'c', '—', 'd', '。', 'e', '¿', 'f', '…', 'g'])
  assert.equal(words('5€ ©2020 x×y a²'), ['5€', '©2020', 'x×y', 'a²'])
  assert.equal(words('a𐄀b'), ['a', '𐄀', 'b'], 'beyond the basic plane')
})

test('each CJK ideograph is a word, Hangul and kana are not', () => {
  for (const codePoint of [
    ...[0x4e00, 0x9fff, 0x3400, 0x4dbf, 0x20000, 0x2a6df, 0x2a700, 0x2b734],
    ...[0x2b740, 0x2b81d, 0x2b820, 0x2ceaf - 0xe, 0xfa0e, 0xfa29],
  ]) {
    const character = String.fromCodePoint(codePoint)
    assert.equal(words(`a${character}b`), ['a', character, 'b'], codePoint.toString(16))
  }
  assert.equal(words('aカbのc한d', { lowercase: false }), ['aカbのc한d'])
  assert.equal(words('北京ab'), ['北', '京', 'ab'])
  assert.equal(words('北京ab', { tokenizeChineseChars: false }), ['北京ab'])
})

test('compatibility ideographs are words, and decompose only where accents are stripped', () => {
  assert.equal(words('a\uf900b'), ['a', '\u8c48', 'b'])
  assert.equal(words('a\uf900b', { lowercase: false }), ['a', '\uf900', 'b'])
})

test('lower case implies stripped accents, cased implies neither', () => {
  assert.equal(words('Café Ångström'), ['cafe', 'angstrom'])
  assert.equal(words('Café', { lowercase: false }), ['Café'])
  assert.equal(words('Cafe\u0301', { lowercase: false }), ['Cafe\u0301'])
  assert.equal(words('Café', { stripAccents: false }), ['café'])
  assert.equal(words('Café', { lowercase: false, stripAccents: true }), ['Cafe'])
})

test('characters are lowered one by one: no sigma is final, İ without stripping becomes two', () => {
  assert.equal(words('ΟΔΟΣ ς'), ['οδοσ', 'ς'])
  assert.equal(words('İI'), ['ii'])
  assert.equal(words('İI', { stripAccents: false }), ['i\u0307i'])
  assert.equal(words('ẞ K Ω Ǆ'), ['ß', 'k', 'ω', 'ǆ'])
})

test('accents decompose before punctuation is judged: ≠ loses its stroke and is "="', () => {
  assert.equal(words('a≠b'), ['a', '=', 'b'])
  assert.equal(words('a≠b', { lowercase: false }), ['a≠b'])
})

test('nfc composes across the group, and its results cover the whole group', () => {
  const options = { lowercase: false, nfc: true }
  assert.equal(words('e\u0323\u0302 \u1100\u1161\u11a8 =\u0338', options), ['ệ', '각', '≠'])
  assert.equal(words('e\u0323\u0302', { lowercase: false }), ['e\u0323\u0302'])
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('x', '##é', '##y'), options)
  const { tokens, offsets } = tokenizer.encode('xe\u0301y', { addSpecialTokens: false })
  assert.equal(tokens, ['x', '##é', '##y'])
  assert.equal(offsets, [
    [0, 1],
    [1, 3],
    [3, 4],
  ])
})

test('the longest piece wins at each place, and a rest without a piece makes the whole word unknown', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('un', 'want', '##want', '##ed', '##wa', 'runn', '##ing'))
  assert.equal(tokenizer.tokenize('unwanted running'), ['un', '##want', '##ed', 'runn', '##ing'])
  assert.equal(tokenizer.tokenize('unwantedX wa'), ['[UNK]', '[UNK]'])
  assert.equal(tokenizer.tokenize('edun'), ['[UNK]'], '"##ed" does not begin a word')
  assert.equal(tokenizer.tokenize('wantun'), ['[UNK]'], '"un" does not continue one')
})

test('a word of 100 code points is cut, one of 101 is unknown', () => {
  const vocabulary = tinyVocabulary('a', '##a', '😀', '##😀')
  const tokenizer = new WordPieceTokenizer(vocabulary)
  for (const character of ['a', '😀']) {
    assert.is(tokenizer.tokenize(character.repeat(100)).length, 100)
    assert.equal(tokenizer.tokenize(character.repeat(101)), ['[UNK]'])
  }
  const google = new WordPieceTokenizer(vocabulary, { maxChars: 200 })
  assert.is(google.tokenize('a'.repeat(200)).length, 200)
  assert.equal(google.tokenize('a'.repeat(201)), ['[UNK]'])
})

test('special tokens are cut out of raw text, also within a word, and only as they are spelled', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('x', 'y', '[', ']', 'mask'))
  const { tokens, offsets, wordIds, specialTokensMask } = tokenizer.encode('x[MASK]y[SEP][mask]')
  assert.equal(tokens, ['[CLS]', 'x', '[MASK]', 'y', '[SEP]', '[', 'mask', ']', '[SEP]'])
  assert.equal(wordIds, [null, 0, 1, 2, 3, 4, 5, 6, null])
  assert.equal(offsets[2], [1, 7])
  assert.equal(offsets[4], [8, 13])
  assert.equal(specialTokensMask, [true, ...Array(7).fill(false), true], 'only those that were added')
})

test('with specialTokensInText false, as in Google\'s code, "[MASK]" is three words', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('[', ']', 'mask'), { specialTokensInText: false })
  assert.equal(tokenizer.tokenize('[MASK]'), ['[', 'mask', ']'])
  assert.equal(tokenizer.basicTokens('[MASK]'), ['[', 'mask', ']'])
})

test('special tokens may have other names; the longest that fits is taken', () => {
  const names = { pad: '<p>', unk: '<u>', cls: '<s>', sep: '</s>', mask: '<s><m>' }
  const vocabulary = new Vocabulary(['a', '<p>', '<u>', '<s>', '</s>', '<s><m>'])
  const tokenizer = new WordPieceTokenizer(vocabulary, { specialTokens: names })
  assert.equal(tokenizer.specialTokens, { pad: 1, unk: 2, cls: 3, sep: 4, mask: 5 })
  assert.equal(tokenizer.encode('a<s><m><s>z').tokens, ['<s>', 'a', '<s><m>', '<s>', '<u>', '</s>'])
})

test('offsets are UTF-16 indices into the original; dropped characters belong to no piece', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('cafe', '##s', 'ab', '#', 'ᄒ', '##ᅡ', '##ᆫ'))
  const offsets = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).offsets.map(([a, b]) => [a, b])
  assert.equal(offsets('😀 Cafés'), [
    [0, 2],
    [3, 7],
    [7, 8],
  ])
  assert.equal(offsets('cafe\u0301s'), [
    [0, 4],
    [5, 6],
  ])
  assert.equal(offsets('\u200ba\0b\u00ad'), [[1, 4]])
  assert.equal(offsets('한'), [
    [0, 1],
    [0, 1],
    [0, 1],
  ])
  assert.equal(offsets('x😀y#'), [
    [0, 4],
    [4, 5],
  ])
})

test('an empty text gives the special tokens alone, or nothing', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary())
  assert.equal(tokenizer.encode(''), {
    text: '',
    pair: null,
    tokens: ['[CLS]', '[SEP]'],
    ids: [2, 3],
    offsets: [
      [0, 0],
      [0, 0],
    ],
    wordIds: [null, null],
    typeIds: [0, 0],
    specialTokensMask: [true, true],
  })
  assert.equal(tokenizer.encode('', { addSpecialTokens: false }).ids, [])
  assert.equal(tokenizer.encode('', { pair: '' }).tokens, ['[CLS]', '[SEP]', '[SEP]'])
})

test('a pair has types 0 and 1, offsets into its own text, and word ids that start anew', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('a', 'b', '##c'))
  const encoding = tokenizer.encode('a b', { pair: ' bc a' })
  assert.equal(encoding.tokens, ['[CLS]', 'a', 'b', '[SEP]', 'b', '##c', 'a', '[SEP]'])
  assert.equal(encoding.typeIds, [0, 0, 0, 0, 1, 1, 1, 1])
  assert.equal(encoding.wordIds, [null, 0, 1, null, 0, 0, 1, null])
  assert.equal(encoding.offsets.slice(4, 7), [
    [1, 2],
    [2, 3],
    [4, 5],
  ])
  assert.equal(encoding.specialTokensMask, [true, false, false, true, false, false, false, true])
  assert.is(encoding.pair, ' bc a')
  assert.equal(tokenizer.encode('a', { pair: 'b', addSpecialTokens: false }).typeIds, [0, 1])
})

test('decode joins pieces, keeps or skips special tokens, and refuses ids out of range', () => {
  const tokenizer = new WordPieceTokenizer(tinyVocabulary('play', '##ing', '.'))
  const { ids } = tokenizer.encode('Playing. [MASK]')
  assert.is(tokenizer.decode(ids), '[CLS] playing . [MASK] [SEP]')
  assert.is(tokenizer.decode(ids, { skipSpecialTokens: true }), 'playing .')
  assert.is(tokenizer.decode([]), '')
  assert.throws(() => tokenizer.decode([8]), /expected an id in \[0, 8\), got 8/)
})

test('a vocabulary counts lines from 0, keeps spaces, and takes both line ends', () => {
  const vocabulary = Vocabulary.fromText('a\r\n b \n##c')
  assert.equal([vocabulary.size, vocabulary.id('a'), vocabulary.id(' b '), vocabulary.id('##c')], [3, 0, 1, 2])
  assert.equal([vocabulary.continuationId('c'), vocabulary.id('c'), vocabulary.piece(2)], [2, undefined, '##c'])
  assert.is(Vocabulary.fromText('').size, 0)
})

test('a broken vocabulary is refused with file, line, what was expected and what was found', () => {
  const duplicate = caught(() => Vocabulary.fromText('a\nb\na\n', { file: 'v.txt' }))
  assert.equal([duplicate.file, duplicate.line, duplicate.got], ['v.txt', 3, '"a" again, first on line 1'])
  assert.match(duplicate.message, /^v\.txt, line 3: expected a new piece on every line, got "a" again/)
  assert.match(caught(() => Vocabulary.fromText('a\n\nb')).message, /^vocabulary, line 2: .* got an empty line$/)
  const without = specials.filter((name) => name !== '[CLS]' && name !== '[MASK]')
  const missing = caught(() => new WordPieceTokenizer(new Vocabulary(without, { file: 'v.txt' })))
  assert.match(
    missing.message,
    /^v\.txt: expected the special tokens .*\[SEP\].*, got none of the name \[CLS\] \[MASK\]$/,
  )
})

test("options come from Hugging Face's JSON; absent and null take the defaults", () => {
  assert.equal(tokenizerOptions(undefined), {})
  assert.equal(tokenizerOptions({ strip_accents: null, pad_token: null, model_max_length: 512 }), { specialTokens: {} })
  const json = {
    do_lower_case: false,
    strip_accents: true,
    tokenize_chinese_chars: false,
    unk_token: '<unk>',
    mask_token: { content: '<mask>', lstrip: true },
  }
  assert.equal(tokenizerOptions(json), {
    lowercase: false,
    stripAccents: true,
    tokenizeChineseChars: false,
    specialTokens: { unk: '<unk>', mask: '<mask>' },
  })
})

test('options of another type are refused by name', () => {
  assert.match(caught(() => tokenizerOptions([])).message, /^tokenizer_config\.json: expected a JSON object, got \[\]$/)
  assert.match(
    caught(() => tokenizerOptions({ do_lower_case: 'no' })).message,
    /do_lower_case to be true, false or null/,
  )
  assert.match(caught(() => tokenizerOptions({ cls_token: { id: 1 } })).message, /cls_token .* got \{"id":1\}$/)
})

test.run()
