import { Vocabulary, WordPieceTokenizer } from '@antecedent/bert'
import {
  type Cluster,
  type CorefDocument,
  documentOfSegmented,
  formatOf,
  mergeClusters,
  ontonotesGenres,
  piecesOfSegmented,
  readConll,
  readConllu,
  readDocuments,
  readGap,
  readJsonlines,
  readLitbank,
  readText,
  readWinoBias,
  type Span,
  segmentDocument,
  segmentedDocument,
  withMentions,
  writeConll,
  writeConllu,
  writeGap,
  writeJsonlines,
  writeLitbank,
  writeWinoBias,
} from '@antecedent/coref'
import fc from 'fast-check'
import { FormatError } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('coref formats')

const words = 'the nurse called doctor because she he was kind and late . a b c'.split(' ')
const tokenizer = new WordPieceTokenizer(
  new Vocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words, '##s', '##x']),
)
const settings = { maxSegmentLength: 12, overlap: false, genres: ontonotesGenres }

const graph = fc.stringMatching(/^[!-~\u00e0-\u00ff\u4e00-\u4e0f]{1,6}$/)
const bySpan = (a: Span, b: Span) => a[0] - b[0] || a[1] - b[1]

/** Clusters of mentions that nest or lie apart within each cluster, by their first mentions. */
const clustersOver = (count: number): fc.Arbitrary<Cluster[]> => {
  if (count === 0) return fc.constant([])
  const span = fc
    .tuple(fc.nat(count - 1), fc.integer({ min: 1, max: 6 }))
    .map(([start, width]): Span => [start, Math.min(count, start + width)])
  const crosses = (a: Span, b: Span) => a[0] < b[0] && b[0] < a[1] - 1 && a[1] < b[1]
  const cluster = fc.array(span, { minLength: 1, maxLength: 5 }).map((spans) => {
    const kept: Span[] = []
    for (const one of spans) {
      if (!kept.some((other) => crosses(one, other) || crosses(other, one) || one.join() === other.join()))
        kept.push(one)
    }
    return kept.sort(bySpan)
  })
  return fc
    .array(cluster, { maxLength: 4 })
    .map((clusters) => clusters.sort((a, b) => bySpan(a[0]!, b[0]!)))
    .filter((clusters) => new Set(clusters.map(([first]) => first!.join())).size === clusters.length)
}

const documents = (word: fc.Arbitrary<string>): fc.Arbitrary<CorefDocument> =>
  fc
    .record({
      id: fc.stringMatching(/^[a-z]{2}\/[a-z0-9_]{1,8}$/),
      part: fc.nat(12),
      sentences: fc.array(fc.array(word, { minLength: 1, maxLength: 9 }), { maxLength: 5 }),
    })
    .chain(({ id, part, sentences }) => {
      const all = sentences.flat()
      let end = 0
      const spans = sentences.map(({ length }): Span => {
        end += length
        return [end - length, end]
      })
      const speaker = fc.option(fc.constantFrom('Ann', 'B#2', 'Ça'))
      return fc
        .tuple(clustersOver(all.length), fc.array(speaker, { minLength: all.length, maxLength: all.length }))
        .map(
          ([clusters, speakers]): CorefDocument => ({
            id,
            part,
            genre: id.slice(0, 2),
            words: all,
            sentences: spans,
            speakers,
            clusters,
            clusterNames: clusters.map((_, i) => String(i)),
          }),
        )
    })

test('documents come back from CoNLL, in both layouts and with mentions of their own', () => {
  fc.assert(
    fc.property(fc.array(documents(graph), { maxLength: 3 }), (all) => {
      const text = writeConll(all)
      assert.equal(readConll(text), all)
      assert.is(writeConll(readConll(text)), text)
      const plain = all.map((document) => ({ ...document, genre: null }))
      assert.equal(readLitbank(writeLitbank(plain)), plain)
    }),
    { numRuns: 60 },
  )
  fc.assert(
    fc.property(documents(graph), (document) => {
      const bare = writeConll([{ ...document, clusters: [], clusterNames: [] }])
      assert.is(withMentions(bare, [document]), writeConll([document]))
      // columns of spaces keep their spaces
      const spaced = bare.replace(/\t/g, '   ').replace(/\n/g, '\r\n')
      assert.equal(readConll(withMentions(spaced, [document])), [document])
    }),
    { numRuns: 60 },
  )
})

test('documents come back from CoNLL-U', () => {
  fc.assert(
    fc.property(documents(graph), (document) => {
      const speakers = document.sentences.flatMap(([start, end]) =>
        new Array<string | null>(end - start).fill(document.speakers[start]!),
      )
      const once = readConllu(writeConllu([{ ...document, speakers, part: 0 }]))
      const { text, offsets, ...rest } = once[0]!
      assert.equal(rest, { ...document, speakers, part: 0 })
      assert.is(text, document.words.join(' '))
      assert.equal(readConllu(writeConllu(once)), once)
    }),
    { numRuns: 60 },
  )
})

test('documents come back from jsonlines, and their pieces with them', () => {
  const word = fc.constantFrom(...words, 'nurses', 'sx')
  fc.assert(
    fc.property(documents(word), fc.boolean(), (document, overlap) => {
      const config = { ...settings, overlap }
      const line = segmentedDocument(document, tokenizer, config)
      const text = writeJsonlines([line])
      const [again] = readJsonlines(text)
      assert.equal({ ...again, fields: {} }, line)
      assert.is(writeJsonlines([again!]), text)
      assert.equal(piecesOfSegmented(again!, tokenizer, config), segmentDocument(document, tokenizer, config))
      const { clusterNames, ...rest } = document
      assert.equal(documentOfSegmented(again!), { ...rest, clusters: mergeClusters(document.clusters) })
    }),
    { numRuns: 60 },
  )
})

test('segments hold every piece once, in order, within their length, and end with words', () => {
  const word = fc.constantFrom(...words, 'nurses', 'a.b.c', 'sxs', '\u200b')
  fc.assert(
    fc.property(documents(word), fc.integer({ min: 10, max: 20 }), (document, maxSegmentLength) => {
      const pieces = segmentDocument(document, tokenizer, { ...settings, maxSegmentLength })
      const expected = document.words.flatMap((one) => {
        const { ids } = tokenizer.encode(one, { addSpecialTokens: false })
        return ids.length > 0 ? ids : [tokenizer.specialTokens.unk]
      })
      assert.equal(
        pieces.segments.flatMap((ids) => ids.slice(1, -1)),
        expected,
      )
      for (const ids of pieces.segments) assert.ok(ids.length <= maxSegmentLength && ids.length > 2)
      let at = 0
      for (const { length } of pieces.segments) {
        const own = pieces.subtokenMap.slice(at, at + length)
        const next = pieces.subtokenMap[at + length + 1]
        assert.ok(next === undefined || next > own.at(-1)!)
        at += length
      }
      for (const list of [pieces.sentenceMap, pieces.subtokenMap, pieces.segmentMap])
        assert.equal(
          [...list].sort((a, b) => a - b),
          list,
        )
    }),
    { numRuns: 100 },
  )
})

test('Python’s jsonlines come back byte for byte, unknown fields in their places', () => {
  const line =
    '{"doc_key": "bc/x_0", "tokens": ["caf\\u00e9", "\\ud83d\\ude00"], "sentences": [["[CLS]", "the", "[UNK]", "[SEP]"]], "speakers": [["[SPL]", "-", "Ann \\"A\\"", "[SPL]"]], "constituents": [], "ner": [], "clusters": [[[1, 1], [2, 2]]], "sentence_map": [0, 0, 0, 1], "subtoken_map": [0, 0, 1, 1], "pronouns": [[1, 1]]}\n'
  const [document] = readJsonlines(line)
  assert.is(writeJsonlines([document!]), line)
  assert.equal(document!.clusters, [
    [
      [1, 2],
      [2, 3],
    ],
  ])
  assert.equal(documentOfSegmented(document!).words, ['café', '😀'])
})

test('WinoBias lines: nested brackets, spaces within, stops that end no sentence', () => {
  const text = '7 [The nurse] met Mr. Fox. He saw [the [ nurse ] ] again.\n'
  const [document] = readWinoBias(text)
  assert.equal(document!.words, ['The', 'nurse', 'met', 'Mr.', 'Fox', '.', 'He', 'saw', 'the', 'nurse', 'again', '.'])
  assert.equal(document!.sentences, [[0, 12]])
  assert.equal(document!.clusters, [
    [
      [0, 2],
      [9, 10],
      [8, 10],
    ],
  ])
  assert.is(writeWinoBias([document!]), '7 [The nurse] met Mr. Fox. He saw [the [nurse]] again.\n')
})

test('GAP counts code points, places here are UTF-16 code units', () => {
  const header = 'ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n'
  const text = `${header}x-1\t😀 Ann met Eve. She left.\tShe\t15\tAnn\t2\tTRUE\tEve\t10\tFALSE\thttp://x\n`
  const [example] = readGap(text)
  assert.equal(
    [example!.pronoun, example!.a, example!.b],
    [
      [16, 19],
      [3, 6],
      [11, 14],
    ],
  )
  assert.equal(example!.document.clusters, [
    [
      [1, 2],
      [5, 6],
    ],
  ])
  assert.is(writeGap([example!]), text)
})

const good = '#begin document (a); part 000\n'
const bad: [
  reader: (text: string, options: { file: string }) => unknown,
  text: string,
  line: number,
  message: RegExp,
][] = [
  [readConll, 'a 0 0 word -\n', 1, /#begin document/],
  [readConll, `${good}a 0 0\n#end document\n`, 2, /at least 5 columns.*got 3/],
  [readConll, `${good}a\t0\t0\t\t-\n#end document\n`, 2, /an empty word/],
  [readConll, `${good}a 0 0 w (3\na 0 1 w 4)\n#end document\n`, 3, /an open mention of 4/],
  [readConll, `${good}a 0 0 w -\na 0 0 w (3\n#end document\n`, 3, /3\) after \(3/],
  [readConll, `${good}a 0 0 w (3)x\n#end document\n`, 2, /mentions such as/],
  [readConll, `${good}a 0 0 w -\n`, 1, /#end document/],
  [readConll, `${good}a 0 0 w -\n${good}`, 3, /#end document of a/],
  [readConll, '#begin document a\n', 1, /#begin document \(ID\)/],
  [readConll, '\n#end document\n', 2, /#begin document/],
  [readConllu, '1\tw\t_\t_\t_\t_\t_\t_\t_\t_\n', 1, /# newdoc id/],
  [readConllu, '# newdoc id = a\n1\tw\t_\n', 2, /10 columns.*got 3/],
  [readConllu, '# newdoc id = a\n2\tw\t_\t_\t_\t_\t_\t_\t_\t_\n', 2, /word 1 of the sentence/],
  [readConllu, '# newdoc id = a\n# global.Entity = eid-etype\n', 2, /GRP/],
  [readConllu, '# newdoc id = a\n1\tw\t_\t_\t_\t_\t_\t_\t_\tEntity=1)\n', 2, /an open mention of 1/],
  [readConllu, '# newdoc id = a\n\n1\tw\t_\t_\t_\t_\t_\t_\t_\tEntity=(1\n', 3, /1\) after \(1/],
  [readJsonlines, '\n{', 2, /JSON/],
  [readJsonlines, '[]', 1, /a JSON object/],
  [readJsonlines, '{"doc_key": "a"}', 1, /key "sentences"/],
  [readJsonlines, '{"sentences": [["a"]], "speakers": [[]]}', 1, /a name for each piece/],
  [
    readJsonlines,
    '{"doc_key": "a", "sentences": [["a"]], "speakers": [["-"]], "sentence_map": [0, 1]}',
    1,
    /sentence_map.*1 numbers/,
  ],
  [
    readJsonlines,
    '{"doc_key": "a", "sentences": [["a"]], "speakers": [["-"]], "sentence_map": [0], "subtoken_map": [0], "clusters": [[[0, 1]]]}',
    1,
    /within 1 pieces.*\[0, 1\]/,
  ],
  [readWinoBias, 'no number\n', 1, /a number and a sentence/],
  [readWinoBias, '1 fine\n2 [open\n', 2, /expected \]/],
  [readWinoBias, '1 closed] here\n', 1, /a mention in brackets/],
  [readWinoBias, '1 empty [] here\n', 1, /a mention in brackets/],
  [readGap, 'ID\tText\n', 1, /Pronoun-offset/],
]

test('malformed lines are told with file and line', () => {
  for (const [read, text, line, message] of bad) {
    let error: unknown
    try {
      read(text, { file: 'some.file' })
    } catch (caught) {
      error = caught
    }
    assert.instance(error, FormatError, text)
    const { file, line: at, message: sentence } = error as FormatError
    assert.equal([file, at], ['some.file', line], sentence)
    assert.match(sentence, message)
    assert.match(sentence, `some.file`)
  }
  const header = 'ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n'
  const rows: [string, RegExp][] = [
    ['x\ttoo few', /11 columns/],
    ['x\tShe saw Eve\tShe\t1\tEve\t8\tTRUE\tEve\t8\tTRUE\tu', /"She" at its offset 1/],
    ['x\tShe saw Eve\tShe\t0\tEve\t8\tyes\tEve\t8\tTRUE\tu', /TRUE or FALSE/],
  ]
  for (const [row, message] of rows) assert.throws(() => readGap(`${header}${row}\n`, { file: 'g' }), message)
})

test('writers refuse what their format can not hold', () => {
  const document = { ...readText('she was late'), id: 'a' }
  const crossing = { ...document, clusters: [[[0, 2] as const, [1, 3] as const]] }
  assert.ok(readConll(writeConll([crossing])).length === 1) // they share one word: closed before opened
  const words = ['a', 'b', 'c', 'd']
  const four = { ...document, words, sentences: [[0, 4] as const], speakers: words.map(() => null) }
  const crossed = { ...four, clusters: [[[0, 3] as const, [1, 4] as const]] }
  assert.throws(() => writeConll([crossed]), /crossing ones of entity 0/)
  const apart = { ...four, clusters: [[[0, 3] as const], [[1, 4] as const]] }
  assert.equal(readConll(writeConll([apart]))[0]!.clusters, apart.clusters) // of two entities they may cross
  assert.throws(() => writeConll([{ ...document, words: ['a b', 'c', 'd'] }]), /a word without white space/)
  assert.throws(() => writeConll([{ ...document, id: '' }]), /an id without white space/)
  assert.throws(() => writeConll([{ ...document, clusters: [[[2, 4]]] }]), /mentions within 3 words/)
  assert.throws(() => writeConllu([{ ...document, speakers: ['A', 'B', 'B'] }]), /one speaker a sentence/)
  assert.throws(() => withMentions(writeConll([document]), []), /mentions of a_0/)
  assert.throws(() => withMentions(writeConll([document]), [{ ...four }]), /4 words/)
  assert.throws(() => writeWinoBias([document]), /a number as id/)
  const line = segmentedDocument(document, tokenizer, settings)
  const other = new WordPieceTokenizer(new Vocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']))
  assert.throws(() => piecesOfSegmented(line, other, settings), /pieces of the model's vocabulary.*"she"/)
  assert.throws(() => piecesOfSegmented(line, tokenizer, { ...settings, overlap: true }), /without \[CLS\]/)
  assert.throws(() => piecesOfSegmented(line, tokenizer, { ...settings, maxSegmentLength: 4 }), /at most 4 pieces/)
})

test('formats are told apart by content and ending', () => {
  const document = { ...readText('She was late.'), id: '1' }
  const texts: [string, string, string][] = [
    ['conll', writeConll([document]), ''],
    ['litbank', writeLitbank([document]), ''],
    ['conllu', writeConllu([document]), ''],
    ['jsonlines', writeJsonlines([segmentedDocument(document, tokenizer, settings)]), ''],
    ['winobias', '1 [She] was late.\n2 And [he] was.\n', ''],
    ['winobias', '1 nothing marked\n', 'x.txt.dev'],
    ['gap', writeGap([]), 'x.tsv'],
    ['text', 'She was late.', 'x.txt'],
    ['text', '', ''],
  ]
  for (const [format, text, file] of texts) assert.is(formatOf(text, { file }), format)
  for (const [format, text, file] of texts.slice(0, 5))
    assert.equal(readDocuments(text, { file })[0]!.words.slice(0, 3), ['She', 'was', 'late'], format)
  const unknown = () => readDocuments('', { format: 'xml' as 'text' })
  assert.throws(unknown, /conll, litbank, conllu, jsonlines, winobias, gap, text/)
})

test.run()
