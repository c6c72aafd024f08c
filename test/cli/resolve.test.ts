import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConll, readJsonlines, readText, segmentedDocument, writeConll, writeJsonlines } from '@antecedent/coref'
import { CorefModel } from '@antecedent/coref/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { saveTinyEncoder, tinyModel } from '../coref/tinyModel.ts'
import { runCommand } from './run.ts'

const test = suite('resolve')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-resolve-'))
test.after(() => rmSync(folder, { recursive: true }))

const model = new CorefModel(tinyModel({}, 3, 'f32'))
await model.save(join(folder, 'model'))
await saveTinyEncoder(join(folder, 'encoder'))

const run = (args: string[], input?: string) =>
  runCommand(folder, ['resolve', '--model', 'model', '--device', 'wasm', ...args], input)
const text = 'The nurse called the doctor because she was late. The doctor was kind.'
const other = 'She called him and the nurse was kind.'

test('--text gives the text with its mentions, entities and links', () => {
  const { code, out, err } = run(['--text', text])
  assert.is(code, 0)
  assert.match(err, /^model model on wasm/)
  assert.match(out, /\[.*\]₁/)
  assert.match(out, /entit(y|ies)\n {2}1 {2}/)
  assert.match(out, / → .* {2}\d+ %\n/)
  const plain = out
    .split('\n\n')[0]!
    .replace(/\[|\][₀-₉]+/g, '')
    .replace(/\s+/g, ' ')
  assert.is(plain, text)
})

test('--json gives an object a document, its mentions in words and characters', async () => {
  const { code, out } = run(['--text', text, '--json', '--stages'])
  assert.is(code, 0)
  const record = JSON.parse(out)
  const expected = await model.resolve(text)
  assert.equal(record.clusters, JSON.parse(JSON.stringify(expected.clusters)))
  for (const mention of record.clusters.flat())
    assert.is(text.slice(...(mention.characters as [number, number])), mention.text)
  assert.is(record.stages.pieces, model.read(text).pieces.sentenceMap.length)
  assert.match(record.provenance.weightsHash, /^[0-9a-f]{64}$/)
})

test('files, folders and standard input, in several formats, come out as CoNLL', async () => {
  mkdirSync(join(folder, 'texts'))
  writeFileSync(join(folder, 'texts/b.txt'), text)
  writeFileSync(join(folder, 'texts/a.conll'), writeConll([{ ...readText(other), id: 'a' }]))
  writeFileSync(join(folder, 'texts/ignored.png'), 'no text')
  const { code, out } = run(['texts', '-', '--to', 'conll', '--quiet'], other)
  assert.is(code, 0)
  const documents = readConll(out)
  assert.equal(
    documents.map(({ id }) => id),
    ['a', 'texts/b.txt', 'standard_input'],
  )
  const { clusters } = await model.resolve(text)
  assert.equal(
    documents[1]!.clusters,
    clusters.map((mentions) => mentions.map(({ words }) => words)),
  )
})

test('jsonlines keep their fields and gain predicted_clusters in pieces', async () => {
  const line = segmentedDocument({ ...readText(text), id: 'nw/x' }, model.bert.tokenizer, model.config)
  const known = writeJsonlines([{ ...line, fields: { doc_key: 'nw/x_0', note: 'kept' } }])
  const { code, out } = run(['-', '--to', 'jsonlines'], known)
  assert.is(code, 0)
  const [found] = readJsonlines(out)
  assert.is(found!.fields.note, 'kept')
  const pieces = { ...model.read(text).pieces, genre: 3 }
  const { clusters, spans } = await model.score(pieces)
  assert.equal(
    found!.predictedClusters,
    clusters.map((ranks) => ranks.map((rank) => spans.pieces[rank])),
  )
})

test('a document that fails is listed, the others come out, and the exit code is 3', () => {
  writeFileSync(join(folder, 'broken.conll'), '#begin document (x); part 000\nx 0 0 word -\n')
  const long = writeConll([{ ...readText('she was late'), id: 'long', words: ['she', 'was', 'she.'.repeat(12)] }])
  writeFileSync(join(folder, 'long.conll'), long)
  const { code, out, err } = run(['broken.conll', 'long.conll', 'texts/b.txt', '--json', '--quiet'])
  assert.is(code, 3)
  assert.is(out.trim().split('\n').length, 1)
  assert.match(err, /broken\.conll, line 1: expected #end document/)
  assert.match(err, /long: .*words of at most 14 pieces/)
  assert.is(run(['broken.conll', '--quiet']).code, 1)
})

test('--html writes one page that holds the text escaped, and is not overwritten', () => {
  const html = ['--html', 'page.html', '--quiet']
  assert.is(run(['--text', `<b>${text}</b>`, ...html]).code, 0)
  const page = readFileSync(join(folder, 'page.html'), 'utf8')
  assert.match(page, '&lt;')
  assert.not.match(page, '<b>The')
  assert.not.match(page, /(?:src|href)="(?!data:|#)/)
  assert.is(page.split('<mark').length, page.split('</mark>').length)
  const again = run(['--text', text, ...html])
  assert.is(again.code, 2)
  assert.match(again.err, /page\.html, which exists.*--overwrite/)
})

test('wrong uses are told', () => {
  assert.is(run([]).code, 2)
  assert.is(run(['--text', text, 'texts']).code, 2)
  assert.match(run(['nowhere']).err, /nowhere: expected a file or folder/)
  assert.is(run(['texts', '--to', 'xml']).code, 2)
  const encoder = runCommand(folder, ['resolve', '--text', text, '--quiet', '--model', 'encoder'])
  assert.is(encoder.code, 1)
  assert.match(encoder.err, /^antecedent: .*an encoder alone.*--model.*\n$/)
  assert.ok(!existsSync(join(folder, 'antecedent-report.html')))
})

test.run()
