import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluate, evaluationToJson, readConll, withoutSingletons, writeConll } from '@antecedent/coref'
import { CorefModel } from '@antecedent/coref/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bracketed } from '../coref/sentences.ts'
import { saveTinyEncoder, tinyModel } from '../coref/tinyModel.ts'
import { runCommand } from './run.ts'

const test = suite('evaluate command')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-evaluate-'))
test.after(() => rmSync(folder, { recursive: true }))

const model = new CorefModel(tinyModel({ topSpanRatio: 0.5 }, 1, 'f32'))
await model.save(join(folder, 'model'))
await saveTinyEncoder(join(folder, 'encoder'))
const run = (...args: string[]) => runCommand(folder, ['evaluate', '--model', 'model', '--device', 'wasm', ...args])

const conll = (id: string, text: string) => writeConll([bracketed(text, id)])
const one = conll('one', '[the nurse] called the doctor because [she] was late .')
const two = conll('two', 'the doctor called because [he] was kind and [he] was late .')
for (const name of ['corpus', 'bias']) mkdirSync(join(folder, name))
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
write('corpus/a.conll', one)
write('corpus/b.conll', two)
write('corpus/notes.txt', 'The nurse called.')
for (const [version, pronoun] of [
  ['pro', 'she'],
  ['anti', 'he'],
]) {
  const lines = [
    '[The nurse] called the physician because [X] was late.',
    'The nurse called [the physician] because [X] was kind.',
  ]
  write(
    `bias/${version}_stereotyped_type1.txt.dev`,
    lines.map((line, i) => `${i + 1} ${line.replace('X', pronoun!)}\n`).join(''),
  )
}
write(
  'rows.tsv',
  `${['ID', 'Text', 'Pronoun', 'Pronoun-offset', 'A', 'A-offset', 'A-coref', 'B', 'B-offset', 'B-coref', 'URL'].join('\t')}
${['1', 'The nurse called the doctor because she was late.', 'she', '36', 'nurse', '4', 'TRUE', 'doctor', '21', 'FALSE', 'x'].join('\t')}
`,
)

test('--json has the metrics of the documents in per cent, as the library computes them', async () => {
  const { code, out, err } = run('corpus', '--json')
  assert.is(code, 0)
  assert.match(err, /passed over, since not annotated: corpus\/notes\.txt/)
  const { provenance, ...json } = JSON.parse(out)
  const expected = evaluationToJson(await evaluate(model, { documents: readConll(one + two) }))
  assert.equal(json, JSON.parse(JSON.stringify(expected)))
  assert.is(json.documents, 2)
  assert.ok(json.conll > 0 && json.conll <= 100 && json.muc.f1 <= 100)
  assert.match(provenance.weightsHash, /^[0-9a-f]{64}$/)
  assert.is(provenance.convention, 'official')
})

test('--drop-singletons leaves entities of one mention out of the key, and says so', async () => {
  const alone = conll('alone', '[the nurse] called the doctor because she was late .')
  write('alone.conll', one + alone)
  const { code, out } = run('alone.conll', '--json', '--quiet', '--drop-singletons')
  assert.is(code, 0)
  const { provenance, ...json } = JSON.parse(out)
  const documents = readConll(one + alone).map(withoutSingletons)
  assert.equal(json, JSON.parse(JSON.stringify(evaluationToJson(await evaluate(model, { documents })))))
  const kept = JSON.parse(run('alone.conll', '--json', '--quiet').out)
  assert.is.not(kept.b3.recall, json.b3.recall)
  assert.equal([provenance.dropSingletons, kept.provenance.dropSingletons], [true, undefined])
})

test('the table has a line for each metric', () => {
  const { code, out } = run('corpus/a.conll', 'corpus/b.conll', '--quiet')
  assert.is(code, 0)
  assert.match(out, /^MUC +\(\d \/ 2\)/m)
  assert.match(out, /^2 documents$/m)
})

test('WinoBias and GAP are known by their files', () => {
  const { code, out } = run('bias', 'rows.tsv', '--json', '--quiet', '--resamples', '100', '--seed', '3')
  assert.is(code, 0)
  const { documents, winobias, gap } = JSON.parse(out)
  assert.equal([documents, winobias.length, gap.rows], [4, 1, 1])
  const [report] = winobias
  assert.equal([report.split, report.type, report.pairs, report.minimalPairs], ['dev', 1, 2, 2])
  assert.ok(report.difference.interval[0] <= report.difference.interval[1] && report.difference.pValue > 0)
  const text = run('bias', 'rows.tsv', '--quiet', '--resamples', '100').out
  assert.match(text, /WinoBias dev, type 1: 2 pairs/)
  assert.match(text, /GAP: 1 rows/)
})

test('files that can not be read are told with code 3, or 1 where nothing is left, and an encoder is no model', () => {
  write('broken.conll', '#begin document (x); part 000\nx\t0\t0\tw\n')
  const { code, out, err } = run('corpus/a.conll', 'broken.conll', '--json')
  assert.is(code, 3)
  assert.is(JSON.parse(out).documents, 1)
  assert.match(err, /^antecedent: broken\.conll, line 2: /m)
  const text = run('corpus/notes.txt')
  assert.is(text.code, 1)
  assert.match(text.err, /^antecedent: corpus\/notes\.txt: expected annotated documents, got a text\n$/)
  mkdirSync(join(folder, 'texts'))
  write('texts/only.txt', 'He ran.')
  assert.is(run('texts').code, 2)
  assert.is(run('corpus/a.conll', '--convention', 'perl').code, 2)
  assert.is(run('nowhere').code, 1)
  const encoder = runCommand(folder, ['evaluate', '--device', 'wasm', '--model', 'encoder', 'corpus/a.conll'])
  assert.is(encoder.code, 1)
  assert.match(encoder.err, /an encoder alone.*--model/)
})

test.run()
