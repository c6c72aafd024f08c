/** Every TypeScript block of the README and of `docs/` compiles and runs as it stands. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository } from './support/shared.ts'

const test = suite('code in the documentation')

const documents = [
  'README.md',
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]

const blocks = documents.flatMap((document) => {
  const text = readFileSync(join(repository, document), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], i) => ({
    name: `${document.replaceAll(/\W+/g, '-')}-${i + 1}`,
    code: code!,
  }))
})

// beside the examples, so that packages resolve as they do for users who copy them
const folder = join(repository, 'examples', '.documentation')

const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: repository, encoding: 'utf8' })

test.before(() => {
  mkdirSync(folder, { recursive: true })
  for (const { name, code } of blocks) writeFileSync(join(folder, `${name}.ts`), code)
  const config = { extends: '../../tsconfig.scripts.json', compilerOptions: { rootDir: '../..' }, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
})
test.after(() => rmSync(folder, { recursive: true }))

test('the README has code', () => {
  assert.ok(blocks.length >= 2)
})

test('all blocks compile', () => {
  const { status, stdout } = run('node_modules/typescript/bin/tsc', '-p', folder)
  assert.is(status, 0, stdout)
})

for (const { name } of blocks) {
  test(`${name} runs`, () => {
    const { status, stderr } = run('-C', '@antecedent/source', '--import', 'tsx', join(folder, `${name}.ts`))
    assert.is(status, 0, stderr)
  })
}

test.run()
