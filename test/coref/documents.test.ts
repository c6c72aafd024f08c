import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type CorefDocument,
  readConll,
  readConllu,
  readGap,
  readLitbank,
  readWinoBias,
  withMentions,
  writeConll,
  writeConllu,
  writeGap,
  writeLitbank,
  writeWinoBias,
} from '@antecedent/coref'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

const test = suite('coref documents')

const filesOf = (...parts: string[]): [name: string, text: string][] =>
  readdirSync(shared('data', ...parts), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, readFileSync(join(shared('data', ...parts), name), 'utf8')])

const count = (documents: readonly CorefDocument[]) => ({
  documents: documents.length,
  sentences: documents.reduce((n, { sentences }) => n + sentences.length, 0),
  words: documents.reduce((n, { words }) => n + words.length, 0),
  mentions: documents.reduce((n, { clusters }) => n + clusters.flat().length, 0),
  clusters: documents.reduce((n, { clusters }) => n + clusters.length, 0),
})

/** Sentences cover the words, offsets their text, mentions lie within the words. */
function requireSound({ id, words, sentences, speakers, clusters, text, offsets }: CorefDocument): void {
  assert.is(speakers.length, words.length, id)
  let end = 0
  for (const [from, to] of sentences) {
    assert.ok(from === end && to > from, id)
    end = to
  }
  assert.is(end, words.length, id)
  for (const [from, to] of clusters.flat()) assert.ok(from >= 0 && from < to && to <= words.length, id)
  if (text !== undefined) for (const [w, word] of words.entries()) assert.is(text.slice(...offsets![w]!), word, id)
}

// counts of spec/coref.md §10
needsShared(test)('OntoGUM has the words, mentions and clusters that it is said to have, and comes back', () => {
  const train = filesOf('ontogum', 'train').flatMap(([file, text]) => readConllu(text, { file }))
  const dev = filesOf('ontogum', 'dev').flatMap(([file, text]) => readConllu(text, { file }))
  const counts = [count(train), count(dev)]
  assert.equal(
    counts.map(({ documents, words, mentions }) => [documents, words, mentions]),
    [
      [177, 177410, 23320],
      [30, 28119, 3818],
    ],
  )
  for (const document of dev) requireSound(document)
  assert.equal(readConllu(writeConllu(dev)), dev)
  const talk = dev.find(({ id }) => id === 'GUM_conversation_grounded')!
  assert.is(talk.genre, 'conversation')
  assert.ok(talk.speakers.includes('Kendra'))
  assert.match(talk.text!, "What'd you do Sabrina? Nothing. I left the phone")
  const conll = readConll(writeConll(dev))
  for (const [i, { words, sentences, clusters, clusterNames, speakers }] of dev.entries())
    assert.equal(
      { ...conll[i]!, id: '', genre: '', part: 0 },
      { words, sentences, clusters, clusterNames, speakers, id: '', genre: '', part: 0 },
    )
})

needsShared(test)(
  'LitBank has the documents, sentences, words and mentions that it is said to have, and comes back',
  () => {
    const read = (part: string) =>
      filesOf('litbank', part).map(([file, text]) => ({ text, documents: readLitbank(text, { file }) }))
    const [train, dev] = [read('train'), read('dev')]
    const all = [...train, ...dev].flatMap(({ documents }) => documents)
    for (const document of all) requireSound(document)
    assert.equal(count(all), { documents: 90, sentences: 7682, words: 189894, mentions: 26271, clusters: 7120 })
    for (const { text, documents } of dev) {
      assert.equal(readLitbank(writeLitbank(documents)), documents)
      assert.equal(readLitbank(withMentions(text, documents)), documents)
    }
  },
)

needsShared(test)('the CoNLL files of WinoBias come back byte for byte', () => {
  const files = filesOf('winobias', 'conll_format')
  assert.is(files.length, 8)
  for (const [file, text] of files) {
    const documents = readConll(text, { file })
    assert.is(documents.length, 396)
    documents.forEach(requireSound)
    assert.equal([documents[0]!.genre, documents[0]!.part, documents[0]!.speakers[0]], ['nw', 0, 'Speaker#1'])
    // a few words have a named entity in column 13, which a document does not keep
    const plain = text.replace(/\t(?:\(MISC\)|\(MISC\*|\*\))\t/g, '\t*\t')
    assert.ok(writeConll(documents) === plain, `${file} as written`)
    assert.ok(withMentions(text, documents) === text, `${file} with its own mentions`)
  }
})

needsShared(test)('the text files of WinoBias hold the sentences of the CoNLL files', () => {
  const odd: string[] = []
  for (const [file, text] of filesOf('winobias').filter(([name]) => /txt/.test(name) && !/occupations/.test(name))) {
    const documents = readWinoBias(text, { file })
    assert.is(documents.length, 396)
    documents.forEach(requireSound)
    const back = writeWinoBias(documents)
    const tidy = text
      .replace(/\[\s+/g, '[')
      .replace(/[ \t]+$/gm, '')
      .replace(/^(\d+)\s+/gm, '$1 ')
    assert.ok(back === (tidy.endsWith('\n') ? tidy : `${tidy}\n`), `${file} as written`)
    const [, kind, type, split] = /^(pro|anti)_stereotyped_(type\d)\.txt\.(\w+)$/.exec(file)!
    const conll = readConll(
      readFileSync(shared('data/winobias/conll_format', `${split}_${type}_${kind}_stereotype.v4_auto_conll`), 'utf8'),
    )
    const plain = (words: readonly string[]) =>
      words
        .join('')
        .replace(/[^\p{L}\p{N}]/gu, '')
        .toLowerCase()
    for (const { id, words, clusters } of conll) {
      const own = documents.find((document) => document.id === String(Number(/\d+$/.exec(id)![0]) + 1))!
      if (plain(own.words) !== plain(words)) odd.push(`${file} ${id}: ${own.words.join(' ')} / ${words.join(' ')}`)
      else {
        const mentions = (d: Pick<CorefDocument, 'words' | 'clusters'>) =>
          d.clusters.map((c) => c.map(([s, e]) => plain(d.words.slice(s, e))))
        if (JSON.stringify(mentions(own)) !== JSON.stringify(mentions({ words, clusters })))
          odd.push(`${id} ${JSON.stringify([mentions(own), mentions({ words, clusters })])}`)
      }
    }
  }
  assert.equal(odd, [])
})

needsShared(test)('GAP comes back byte for byte, its mentions as words', () => {
  for (const [file, text] of filesOf('gap').filter(([name]) => name.endsWith('.tsv'))) {
    const examples = readGap(text, { file })
    assert.ok(writeGap(examples) === text)
    assert.is(examples.length, file === 'gap-development.tsv' ? 2000 : 454)
    for (const { document, aCoref, bCoref } of examples) {
      requireSound(document)
      assert.is(document.clusters.flat().length, aCoref || bCoref ? 1 + Number(aCoref) + Number(bCoref) : 0)
    }
  }
})

test.run()
