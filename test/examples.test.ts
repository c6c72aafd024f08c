/** The examples run as they stand. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, repository, shared } from './support/shared.ts'

const test = suite('examples')

function run(file: string, ...args: string[]): string {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const command = ['-C', '@antecedent/source', '--import', tsx, join('examples', file), ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: repository, encoding: 'utf8' })
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

test.run()
