/** The examples run as they stand. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CorefModel } from '@antecedent/coref/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { saveTinyEncoder, tinyModel } from './coref/tinyModel.ts'
import { needsShared, repository, shared } from './support/shared.ts'

const test = suite('examples')

function start(file: string, ...args: string[]) {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const command = ['-C', '@antecedent/source', '--import', tsx, join('examples', file), ...args]
  return spawnSync(process.execPath, command, { cwd: repository, encoding: 'utf8' })
}

function run(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = start(file, ...args)
  assert.is(status, 0, stderr)
  return stdout
}

test('1-tensors prints the gradient and its shape', () => {
  assert.match(run('1-tensors.ts'), /0\.0612.*\[ 2, 2 \]/s)
})

test('2-property-test finds no counterexample', () => {
  assert.match(run('2-property-test.ts'), /agrees with central differences/)
})

needsShared(test)('3-layer-integrated-gradients prints tokens, scores and the completeness error', () => {
  const out = run('3-layer-integrated-gradients.ts', shared('models/minilm-l6'))
  assert.match(out, 'physician')
  assert.match(out, /-?0\.0\d+\n$/)
})

needsShared(test)('4-sites prints the shapes of sites and an attribution of the classifier', () => {
  const out = run('4-sites.ts', shared('models/minilm-l6'))
  assert.match(out, /layer\.0\.output \[ 10, 384 \]/)
  assert.match(out, /classifier\.logits \[ 2 \]/)
})

test('5-coreference resolves the sentence with a model that has a head, and says what a folder without lacks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'antecedent-example-'))
  test.after(() => rmSync(folder, { recursive: true }))
  await new CorefModel(tinyModel({}, 3, 'f32')).save(folder, { overwrite: true })
  assert.match(run('5-coreference.ts', folder), /→ .* \(\d+ %\)/)
  const encoder = join(folder, 'encoder')
  await saveTinyEncoder(encoder)
  const { status, stderr } = start('5-coreference.ts', encoder)
  assert.is(status, 1)
  assert.match(stderr, /an encoder alone.*--model/)
})

test.run()
