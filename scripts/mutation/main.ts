/**
 * Does the suite see a wrong derivative? Runs the tests of operations once for each mutant of the table, two at a time.
 *
 *     npm run mutate [-- PART-OF-A-NAME]
 *
 * Prints the survivors and a table; exits 1 where there are any, or where the suite fails without a mutant.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { mutants } from './mutants.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const preload = new URL('./mutants.ts', import.meta.url).href

/** Whether the tests of operations pass, with a mutant or with none. */
function passes(mutant?: string): Promise<boolean> {
  const env = { ...process.env, ...(mutant === undefined ? {} : { ANTECEDENT_MUTANT: mutant }) }
  const args = ['-C', '@antecedent/source', '--import', 'tsx', '--import', preload, 'test/run.ts', 'tensor/ops.test']
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'ignore' })
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0))
  })
}

const part = process.argv[2] ?? ''
const chosen = mutants().filter(({ name }) => name.includes(part))
if (!(await passes())) throw new Error('the suite fails without a mutant')

const survivors: string[] = []
const table = new Map<string, { mutants: number; killed: number }>()
const waiting = [...chosen]
async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
    const survived = await passes(mutant.name)
    const row = table.get(mutant.kind) ?? { mutants: 0, killed: 0 }
    table.set(mutant.kind, { mutants: row.mutants + 1, killed: row.killed + Number(!survived) })
    if (survived) survivors.push(mutant.name)
    if (process.stderr.isTTY) process.stderr.write(`\r${waiting.length} left, ${survivors.length} survived\u001b[K`)
  }
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))

if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
console.table(Object.fromEntries(table))
for (const name of survivors) console.log(`survived: ${name}`)
console.log(`${chosen.length} mutants, ${chosen.length - survivors.length} killed`)
process.exitCode = survivors.length > 0 ? 1 : 0
