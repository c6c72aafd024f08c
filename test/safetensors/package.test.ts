/** The package as users meet it: its README's example, and a core that a browser can load. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository } from '../support/shared.ts'

const test = suite('safetensors: package')

const folder = join(repository, 'packages', 'safetensors')

test('no file outside src/node imports from Node', () => {
  const files = readdirSync(join(folder, 'src')).filter((file) => file.endsWith('.ts'))
  assert.ok(files.length > 10)
  for (const file of files.filter((file) => file !== 'node.ts')) {
    const text = readFileSync(join(folder, 'src', file), 'utf8')
    assert.not.match(text, /from '(node:|\.\/node)/, file)
    assert.not.match(text, /\b(Buffer|process)\./, file)
  }
})

test('the example of the README prints what it says', () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8')
  const code = /```ts\n([^`]*)```/.exec(readme)![1]!
  const work = mkdtempSync(join(repository, 'test', 'readme-'))
  try {
    writeFileSync(join(work, 'example.ts'), code)
    const args = ['-C', '@antecedent/source', '--import', 'tsx', 'example.ts']
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: work, encoding: 'utf8' })
    assert.is(stderr, '')
    const printed = [...code.matchAll(/console\.log\(.*\/\/ (.*)/g)].map((match) =>
      match[1]!.replace(', the nearest F16', ''),
    )
    assert.is(printed.length, 3)
    assert.equal(stdout.trim().split('\n'), printed)
  } finally {
    rmSync(work, { recursive: true })
  }
})

test.run()
