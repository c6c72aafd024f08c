import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommand } from './run.ts'

const test = suite('score command')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-score-'))
test.after(() => rmSync(folder, { recursive: true }))

const run = (...args: string[]) => runCommand(folder, ['score', ...args])

const document = (name: string, ...columns: string[]) =>
  `#begin document ${name}\n${columns.map((column) => `x\t${column}\n`).join('')}#end document\n`
const write = (name: string, ...documents: string[]) => writeFileSync(join(folder, name), documents.join(''))

// key {a} {b c} {d e f}, response {a} {d e}: case A2 of the official scorer
write('a.key', document('a', '(0)', '(1)', '(1)', '(2)', '(2)', '(2)'))
write('a.response', document('a', '(0)', '-', '-', '(2)', '(2)', '-'))

test('the table has fractions and per cent that are cut', () => {
  const { code, out, err } = run('a.key', 'a.response')
  assert.equal([code, err], [0, ''])
  assert.match(out, /^MUC +\(1 \/ 3\) +33\.33% +\(1 \/ 1\) +100% +50%$/m)
  assert.match(out, /^B³ +\(2\.3333 \/ 6\) +38\.88% +\(3 \/ 3\) +100% +55\.99%$/m)
  assert.match(out, /^CEAFe +\(1\.8 \/ 3\) +60% +\(1\.8 \/ 2\) +90% +72%$/m)
  assert.match(out, /^1 document$/m)
})

test('--json has per cent and counts, by either convention', () => {
  const { code, out } = run('a.key', 'a.response', '--json')
  const { documents, b3, lea, conll, missing } = JSON.parse(out)
  assert.is(code, 0)
  assert.equal([documents, missing], [1, []])
  assert.ok(Math.abs(b3.counts.recall[0] - 7 / 3) < 1e-12)
  assert.equal([b3.counts.recall[1], b3.counts.precision], [6, [3, 3]])
  assert.equal(lea.counts.recall, [2, 6])
  assert.ok(Math.abs(conll - (50 + 56 + 72) / 3) < 1e-9)
  const python = JSON.parse(run('a.key', 'a.response', '--json', '--convention', 'coref-hoi').out)
  assert.ok(Math.abs(python.b3.counts.recall[0] - 4 / 3) < 1e-12)
  assert.is(python.b3.counts.recall[1], 5)
})

test('folders are read file by file; documents that lack are told and scored as empty', () => {
  for (const side of ['keys', 'responses']) mkdirSync(join(folder, side))
  write('keys/1.key', document('a', '(1)', '(1)'))
  write('keys/2_gold_conll', document('b', '(1)', '(1)'))
  write('keys/LICENSE', 'words')
  write('responses/all.response', document('b', '(7)', '(7)'), document('c', '-'))
  const { code, out, err } = run('keys', 'responses', '--json')
  assert.is(code, 0)
  assert.equal(JSON.parse(out).mentions.counts, { recall: [2, 4], precision: [2, 2] })
  assert.match(err, 'not in the response, scored as empty: a')
  assert.match(err, 'not in the key, not scored: c')
  assert.is(run('keys', 'responses', '--quiet').err, '')
})

test('a broken file is one sentence with file and line; a name that is not there and a wrong convention too', () => {
  write('broken', document('a', '-', '3)'))
  const { code, out, err } = run('a.key', 'broken')
  assert.equal([code, out], [1, ''])
  assert.match(err, /^antecedent: broken, line 3: expected .*\n$/)
  assert.match(run('a.key', 'nowhere').err, /nowhere.*nothing there/)
  assert.match(run('a.key', folder).err, /expected a new document.*a again/)
  assert.is(run('a.key', 'a.response', '--convention', 'perl').code, 2)
  assert.is(run('a.key').code, 2)
})

test.run()
