/** The tokenizer against stored results of other implementations. */
import { readdirSync, readFileSync } from 'node:fs'
import { Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'
import { sharedVocabulary } from './vocabularies.ts'

interface Question {
  original: string
  basic: string[]
  wordpiece: string[]
}

interface GoldenRow {
  vocabulary: 'bert-base-uncased' | 'bert-base-cased'
  lowercase: boolean
  text: string
  tokens: string[]
  ids: number[]
  offsets: [number, number][]
  wordIds: (number | null)[]
}

const test = suite('bert tokenizer against references')

const read = (...parts: string[]): string => readFileSync(shared(...parts), 'utf8')

needsShared(test)('the vocabularies have 28,996 and 30,522 pieces, special tokens at 0 and 100 to 103', () => {
  for (const [name, size] of [
    ['bert-base-cased', 28996],
    ['bert-base-uncased', 30522],
  ] as const) {
    const vocabulary = sharedVocabulary(name)
    assert.is(vocabulary.size, size)
    const { specialTokens } = new WordPieceTokenizer(vocabulary)
    assert.equal(specialTokens, { pad: 0, unk: 100, cls: 101, sep: 102, mask: 103 })
  }
})

needsShared(test)('all 10,570 SQuAD questions agree in basic tokens, pieces and ids', () => {
  const questions = JSON.parse(read('data', 'wordpiece', 'question_tokens.json')) as Question[]
  const ids = JSON.parse(read('data', 'wordpiece', 'tokenized_questions.json')) as number[][]
  const tokenizer = new WordPieceTokenizer(sharedVocabulary('bert-base-uncased'))
  assert.is(questions.length, 10570)
  for (const [i, { original, basic, wordpiece }] of questions.entries()) {
    const encoding = tokenizer.encode(original, { addSpecialTokens: false })
    assert.equal(tokenizer.basicTokens(original), basic)
    assert.equal(encoding.tokens, wordpiece)
    assert.equal(encoding.ids, ids[i])
  }
})

needsShared(test)('all 2 × 68 golden rows agree in tokens, ids, offsets and word ids', () => {
  const { rows } = JSON.parse(read('golden', 'bert', 'tokenizer.json')) as { rows: GoldenRow[] }
  assert.is(rows.length, 136)
  for (const { vocabulary, lowercase, text, tokens, ids, offsets, wordIds } of rows) {
    const encoding = new WordPieceTokenizer(sharedVocabulary(vocabulary), { lowercase }).encode(text)
    const { tokens: t, ids: i, offsets: o, wordIds: w } = encoding
    assert.equal({ tokens: t, ids: i, offsets: o, wordIds: w }, { tokens, ids, offsets, wordIds }, JSON.stringify(text))
  }
})

needsShared(test)("the paper's sentence has its 14 cased ids, physician at 2 and he at 7", () => {
  const tokenizer = new WordPieceTokenizer(sharedVocabulary('bert-base-cased'), { lowercase: false })
  const sentence = 'The physician hired the secretary because he was overwhelmed with clients .'
  const { ids, tokens } = tokenizer.encode(sentence)
  assert.equal(ids, [101, 1109, 7454, 4327, 1103, 4848, 1272, 1119, 1108, 14127, 1114, 7550, 119, 102])
  assert.is(tokens[2], 'physician')
  assert.is(tokens[7], 'he')
  assert.is(tokenizer.decode(ids, { skipSpecialTokens: true }), sentence)
})

needsShared(test)(
  'WinoBias, cased: 44,491 basic tokens, 2,083 split into 2,601 extra pieces, at most 28 tokens',
  () => {
    const tokenizer = new WordPieceTokenizer(sharedVocabulary('bert-base-cased'), { lowercase: false })
    const files = readdirSync(shared('data', 'winobias')).filter((file) => file.includes('stereotyped'))
    const lines = files
      .flatMap((file) => read('data', 'winobias', file).split('\n'))
      .filter((line) => line.trim() !== '')
    const counts = { files: files.length, basic: 0, split: 0, extra: 0, shifted: 0, tokens: 0, longest: 0 }
    for (const line of lines) {
      const { wordIds } = tokenizer.encode(line.replace(/^\d+ /, '').replace(/[[\]]/g, ''))
      const words = new Set(wordIds.filter((wordId) => wordId !== null))
      counts.basic += words.size
      counts.split += [...words].filter((word) => wordIds.indexOf(word) !== wordIds.lastIndexOf(word)).length
      counts.extra += wordIds.length - 2 - words.size
      counts.shifted += [...words].filter((word) => wordIds.indexOf(word) !== word + 1).length
      counts.tokens += wordIds.length
      counts.longest = Math.max(counts.longest, wordIds.length)
    }
    const { tokens, ...exact } = counts
    assert.equal(exact, { files: 8, basic: 44491, split: 2083, extra: 2601, shifted: 15001, longest: 28 })
    assert.is((tokens / lines.length).toFixed(1), '16.9')
  },
)

needsShared(test)('ten WinoBias occupations, and "ceo", split into several cased pieces', () => {
  const tokenizer = new WordPieceTokenizer(sharedVocabulary('bert-base-cased'), { lowercase: false })
  const words = ['male', 'female'].flatMap((gender) =>
    read('data', 'winobias', `${gender}_occupations.txt`).trim().split(/\s+/),
  )
  const split = words.filter((word) => word !== 'CEO' && tokenizer.tokenize(word).length > 1).sort()
  assert.equal(split, [
    'auditor',
    'baker',
    'cashier',
    'hairdresser',
    'janitor',
    'laborer',
    'mover',
    'receptionist',
    'salesperson',
    'tailor',
  ])
  assert.equal(tokenizer.tokenize('janitor hairdresser CEO ceo'), [
    ...['j', '##ani', '##tor', 'hair', '##dress', '##er'],
    ...['CEO', 'c', '##eo'],
  ])
})

needsShared(test)('a vocabulary with one line less or a repeated line is told apart', () => {
  const text = read('data', 'wordpiece', 'bert-base-cased-vocab.txt')
  assert.is(Vocabulary.fromText(text.trimEnd()).size, 28996)
  assert.is(Vocabulary.fromText(text.replaceAll('\n', '\r\n')).id('physician'), 7454)
  assert.throws(
    () => Vocabulary.fromText(`${text}physician\n`),
    /vocabulary, line 28997: .*"physician" again, first on line 7455/,
  )
})

test.run()
