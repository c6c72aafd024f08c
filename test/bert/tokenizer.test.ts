import { readFileSync } from 'node:fs'
import { type Encoding, Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, repository, shared } from '../support/shared.ts'

const test = suite('tokenizer')
const read = (path: string) => readFileSync(path, 'utf8')
const json = (path: string) => JSON.parse(read(path))

const uncased = new WordPieceTokenizer(Vocabulary.fromText(read(`${repository}/models/antecedent-small/vocab.txt`)))
const noSpecials = { addSpecialTokens: false }

needsShared(test)('10,570 SQuAD questions give the word pieces and ids of the stored file', () => {
  const questions: { original: string; wordpiece: string[] }[] = json(shared('data/wordpiece/question_tokens.json'))
  const ids: number[][] = json(shared('data/wordpiece/tokenized_questions.json'))
  assert.is(questions.length, 10570)
  for (const [i, { original, wordpiece }] of questions.entries()) {
    const encoding = uncased.encode(original, noSpecials)
    assert.equal(encoding.tokens, wordpiece, original)
    assert.equal(encoding.ids, ids[i], original)
  }
})

interface Row extends Pick<Encoding, 'text' | 'tokens' | 'ids' | 'offsets' | 'wordIds'> {
  vocabulary: string
  lowercase: boolean
}

needsShared(test)('every row of the golden file agrees in tokens, ids, offsets and word ids, cased and uncased', () => {
  const tokenizers = new Map<string, WordPieceTokenizer>()
  for (const row of json(shared('golden/bert/tokenizer.json')).rows as Row[]) {
    const vocabulary = read(shared(`data/wordpiece/${row.vocabulary}-vocab.txt`))
    const tokenizer =
      tokenizers.get(row.vocabulary) ??
      new WordPieceTokenizer(Vocabulary.fromText(vocabulary), { lowercase: row.lowercase })
    tokenizers.set(row.vocabulary, tokenizer)
    const { tokens, ids, offsets, wordIds } = tokenizer.encode(row.text)
    const { text } = row
    assert.equal(
      { tokens, ids, offsets, wordIds },
      { tokens: row.tokens, ids: row.ids, offsets: row.offsets, wordIds: row.wordIds },
      JSON.stringify(text),
    )
  }
})

test('an empty text is its special tokens alone', () => {
  assert.equal(uncased.encode('').tokens, ['[CLS]', '[SEP]'])
})

test('a word of 100 characters is looked up, one of 101 is unknown', () => {
  assert.not.equal(uncased.tokenize('a'.repeat(100)), ['[UNK]'])
  assert.equal(uncased.tokenize('a'.repeat(101)), ['[UNK]'])
})

test('special tokens are cut out of raw text, also inside a word', () => {
  assert.equal(uncased.tokenize('x[MASK]y'), ['x', '[MASK]', 'y'])
})

test('a pair has type 1 after the first [SEP]', () => {
  const { tokens, typeIds } = uncased.encode('He ran.', { pair: 'Who?' })
  assert.equal(tokens, ['[CLS]', 'he', 'ran', '.', '[SEP]', 'who', '?', '[SEP]'])
  assert.equal(typeIds, [0, 0, 0, 0, 0, 1, 1, 1])
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 }).map((units) => String.fromCharCode(...units)),
)

test('any string of UTF-16 units is encoded: offsets lie in the text, in order, and lists are parallel', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { tokens, ids, offsets, wordIds, typeIds } = uncased.encode(text, noSpecials)
      assert.ok([ids, offsets, wordIds, typeIds].every((list) => list.length === tokens.length))
      let last = 0
      for (const [start, end] of offsets) {
        assert.ok(start >= 0 && end <= text.length && start <= end && start >= Math.min(last, start))
        last = end
      }
      assert.ok(wordIds.every((id, i) => i === 0 || id! >= wordIds[i - 1]!))
    }),
    { seed: 42, numRuns: 2000 },
  )
})

test('offsets of plain text slice back to the piece', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
      const { tokens, offsets } = uncased.encode(text, noSpecials)
      for (const [i, token] of tokens.entries()) {
        if (token.startsWith('[')) continue
        assert.is(text.slice(...offsets[i]!).toLowerCase(), token.replace(/^##(?=.)/, ''))
      }
    }),
    { seed: 42, numRuns: 1000 },
  )
})

test.run()
