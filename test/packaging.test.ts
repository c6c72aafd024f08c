/** Each package, packed and installed into an empty project, runs the README's scripts without the workspace. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import typescript from 'typescript'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository } from './support/shared.ts'

const test = suite('packages')
const project = mkdtempSync(join(tmpdir(), 'antecedent-packed-'))
test.after(() => rmSync(project, { recursive: true, force: true }))

// the workspace's own settings must not reach the project
const { NODE_OPTIONS: _, ...environment } = process.env

function run(command: string, args: string[], cwd = project) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', env: environment })
  return { status: result.status, out: result.stdout, err: result.stderr }
}

function must(command: string, args: string[], cwd = project): string {
  const { status, out, err } = run(command, args, cwd)
  assert.is(status, 0, `${command} ${args.join(' ')}: ${err}`)
  return out
}

/** The blocks of TypeScript in the README, in order. */
const blocks = [...readFileSync(join(repository, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
  (m) => m[1]!,
)

test('packed packages install into an empty project', () => {
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
  for (const name of readdirSync(join(repository, 'packages'))) {
    must('npm', ['pack', '--pack-destination', project], join(repository, 'packages', name))
  }
  const archives = readdirSync(project).filter((file) => file.endsWith('.tgz'))
  assert.is(archives.length, 6)
  must('npm', ['install', '--no-audit', '--no-fund', ...archives.map((file) => `./${file}`)])
})

test('the testing tools need fast-check for arbitraries alone, and say so', () => {
  const script = `import { arbitraries, checkGradients } from '@antecedent/tensor/testing'
    import { tensor } from '@antecedent/tensor'
    console.log(checkGradients((x) => x.square().sum(), [tensor([1, 2])]))
    try { arbitraries.tensor() } catch (error) { console.log(error.message) }`
  writeFileSync(join(project, 'without.js'), script)
  assert.match(must(process.execPath, ['without.js']), /true\narbitraries: expected the package fast-check.*npm i -D/)
})

test('the scripts of the README run there', () => {
  assert.ok(blocks.length >= 2)
  must('npm', ['install', '--no-audit', '--no-fund', 'fast-check@4.10.2'])
  for (const [i, block] of blocks.entries()) {
    const model = JSON.stringify(join(repository, 'models/antecedent-small'))
    // plain JavaScript: without its types the script is what node 20 runs
    const { outputText } = typescript.transpileModule(block, {
      compilerOptions: { target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext },
    })
    const script = outputText.replace("'models/antecedent-small'", model).replace('nSteps: 50', 'nSteps: 4')
    writeFileSync(join(project, `script${i}.js`), script)
    must(process.execPath, [`script${i}.js`])
  }
})

test('the packed command has no model: it says so, and takes one', () => {
  const without = run('npx', ['antecedent', 'tokenize', 'He ran.'])
  assert.is(without.status, 2)
  assert.match(without.err, /--model FOLDER/)
  const model = join(repository, 'models/antecedent-small')
  assert.match(must('npx', ['antecedent', 'tokenize', 'He ran.', '--json', '--quiet', '--model', model]), '"tokens"')
})

test.run()
