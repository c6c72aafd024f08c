/**
 * Runs every `*.test.ts` below this folder, each in a process of its own, two at a time (`--jobs N` for more).
 *
 *     test/run.ts [--long] [--jobs N] [PART-OF-A-PATH ...]
 *
 * `*.long.test.ts` run with `--long` only. A file that executes no test at all fails, and so does one whose process
 * dies. The last line is `N passed, N failed, N skipped`.
 */
import { fork } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

type Counts = { passed: number; failed: number; skipped: number }

const folder = dirname(fileURLToPath(import.meta.url))

/** What uvu's own runner returns for one suite: error text or true, passed, skipped, total. */
type SuiteRun = () => Promise<[string | true, number, number, number]>

/** In the child: imports one file, runs the suites it queued, and answers with the counts. */
async function runFile(file: string): Promise<void> {
  const scope = globalThis as { UVU_DEFER?: number; UVU_QUEUE?: unknown[][]; UVU_INDEX?: number }
  const queue: unknown[] = []
  scope.UVU_DEFER = 1
  scope.UVU_QUEUE = [queue]
  scope.UVU_INDEX = 0
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  await import(file)
  for (const run of queue as SuiteRun[]) {
    const [errors, passed, skipped, total] = await run()
    counts.passed += passed
    counts.skipped += skipped
    counts.failed += total - passed
    if (errors !== true) process.stdout.write(errors)
  }
  process.send?.(counts)
  process.disconnect?.()
}

function runInChild(file: string): Promise<Counts> {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), ['--child', file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    let output = ''
    let counts: Counts | undefined
    child.stdout?.on('data', (text) => (output += text))
    child.stderr?.on('data', (text) => (output += text))
    child.on('message', (message) => (counts = message as Counts))
    child.on('close', (code, signal) => {
      const ran = counts && counts.passed + counts.failed + counts.skipped > 0
      const good = ran && counts?.failed === 0 && code === 0
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      const summary = counts
        ? `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
        : 'no result'
      console.log(`${good ? 'ok  ' : 'FAIL'} ${relative(folder, file)} (${summary}, ${seconds} s)`)
      if (!good) console.log(output)
      if (!ran) console.log(`${file}: executed no test (exit ${code ?? signal}); does it end with test.run()?`)
      const result = counts ?? { passed: 0, failed: 0, skipped: 0 }
      resolve(good ? result : { ...result, failed: Math.max(1, result.failed) })
    })
  })
}

async function runAll(args: string[]): Promise<void> {
  const long = args.includes('--long')
  const jobsAt = args.indexOf('--jobs')
  const jobs = jobsAt >= 0 ? Number(args[jobsAt + 1]) : Math.min(2, availableParallelism())
  const parts = args.filter((arg, i) => !arg.startsWith('--') && (jobsAt < 0 || i !== jobsAt + 1))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => long || parts.length > 0 || !file.endsWith('.long.test.ts'))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .sort()
    .map((file) => join(folder, file))
  const total: Counts = { passed: 0, failed: files.length === 0 ? 1 : 0, skipped: 0 }
  const waiting = [...files]
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const counts = await runInChild(file)
      total.passed += counts.passed
      total.failed += counts.failed
      total.skipped += counts.skipped
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exitCode = total.failed > 0 ? 1 : 0
}

const args = process.argv.slice(2)
if (args[0] === '--child') await runFile(args[1]!)
else await runAll(args)
