/** The benchmarks run and write what they say; no time is judged. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository } from './support/shared.ts'

const test = suite('benchmarks')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-bench-'))
test.after(() => rmSync(folder, { recursive: true }))

function bench(...args: string[]) {
  const tsx = join(repository, 'node_modules/tsx/dist/loader.mjs')
  const command = ['-C', '@antecedent/source', '--import', tsx, 'bench/main.ts', ...args]
  return spawnSync(process.execPath, command, { cwd: repository, encoding: 'utf8' })
}

test('micro times every operation of the table, forward and back, and writes JSON', () => {
  const json = join(folder, 'micro.json')
  const { status, stdout, stderr } = bench('micro', '--time', '1', '--json', json)
  assert.is(status, 0, stderr)
  assert.match(stdout, /^ref/)
  const { rows, machine } = JSON.parse(readFileSync(json, 'utf8'))
  assert.ok(rows.length > 50)
  for (const row of rows) assert.ok(row.forwardMs > 0, row.op)
  assert.ok(rows.find(({ op }: { op: string }) => op === 'matmul').pullbackMs > 0)
  assert.is(machine.node, process.version)
  assert.match(bench('micro', '--filter', 'exp', '--json', json).stderr, /exists \(--overwrite replaces it\)/)
})

test('wrong usage says what is known', () => {
  const unknown = bench('macro')
  assert.is(unknown.status, 2)
  assert.match(unknown.stderr, /expected a benchmark \(micro\), got 'macro'/)
  assert.match(bench('micro', '--filter', 'nothing').stderr, /no operation's name holds 'nothing'/)
  assert.match(bench('--help').stdout, /--filter PART/)
})

test.run()
