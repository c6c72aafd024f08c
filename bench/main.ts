/**
 * Benchmarks: `npm run bench -- micro|encoder|lig|matmul|coref|train`, or `--help`; how figures are taken: `docs/performance.md`.
 *
 * The table goes to stdout, notes and progress to stderr. Times depend on the machine and on what else it does: compare
 * figures of one run, or of runs that alternate.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { applyEnvironment, fairEnvironment } from './machine.ts'
import { type Options, parseOptions, usage } from './options.ts'

const tell = (text: string) => void process.stderr.write(text)

/** As the command does; the header says in the device's words whether it came about. */
async function allowVectors(): Promise<void> {
  const { allowFastVectors } = await import('@antecedent/tensor')
  allowFastVectors()
}

async function runMicro(options: Options) {
  const { env, unset } = fairEnvironment(process.env, options.threads ?? 2)
  applyEnvironment(env)
  await allowVectors()
  // only now: a backend reads its variables when it loads
  const { micro } = await import('./micro/main.ts')
  return await micro(options, unset, console.log, tell)
}

const runCoref = (benchmark: 'coref' | 'train') => async (options: Options) => {
  await allowVectors() // the sides do so too: for the header
  const { coref } = await import('./coref/main.ts')
  return await coref(benchmark, options, console.log, tell)
}

async function runPaired(options: Options) {
  const { env, unset } = fairEnvironment(process.env, options.threads ?? 1)
  applyEnvironment(env)
  await allowVectors()
  const { paired } = await import('./paired.ts')
  const { ratioChart } = await import('./svg.ts')
  const result = await paired(options, unset, console.log, tell)
  if (options.svg !== undefined) {
    const { machine, device, threads, pairs } = result
    const subtitle = `${machine.cpu}; ${device}; threads: ${threads}; pairs: ${pairs}; ${result.date.slice(0, 10)}`
    writeFileSync(options.svg, ratioChart(result.jobs, { title: `antecedent: ${result.benchmark}`, subtitle }))
  }
  if (result.jobs.some(({ warnings }) => warnings.length > 0)) process.exitCode = 1
  return result
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) return console.log(usage)
  const { json, svg, overwrite, benchmark } = options
  for (const [name, file] of Object.entries({ json, svg })) {
    if (file !== undefined && existsSync(file) && !overwrite)
      throw new Error(`--${name}: ${file} exists (--overwrite replaces it)`)
  }
  const run = { micro: runMicro, coref: runCoref('coref'), train: runCoref('train') }[benchmark as string] ?? runPaired
  const result = await run(options)
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 1)}\n`)
}

await main().catch((error: Error) => {
  console.error(`bench: ${error.message}\n${usage}`)
  process.exitCode = 2
})
