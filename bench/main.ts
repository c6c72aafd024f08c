/**
 * Benchmarks.
 *
 *     npm run bench -- micro [--filter PART] [--device D] [--precision f32|f64] [--time MS] [--json FILE [--overwrite]]
 *
 * The table goes to stdout. Times depend on the machine and on what else it does: compare figures of one run, or of
 * runs that alternate.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type DeviceName, useDevice } from '@antecedent/tensor'
import { micro } from './micro.ts'

const benchmarks = ['micro']
const usage = `usage: npm run bench -- micro [options]
  --filter PART         operations whose name holds PART
  --device D            default ref
  --precision f32|f64   default f32
  --time MS             least time for each figure; default 100
  --json FILE           writes the figures; an existing file is kept without --overwrite`

function readOptions() {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean' } as const
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ filter: string, device: string, precision: string, time: string, json: string },
      ...{ overwrite: boolean, help: boolean },
    },
  })
  if (values.help) return { ...values, help: true } as const
  const [name, ...more] = positionals
  if (!name || !benchmarks.includes(name) || more.length > 0)
    throw new Error(`expected a benchmark (${benchmarks.join(', ')}), got '${positionals.join(' ')}'`)
  const { precision = 'f32', device = 'ref' } = values
  if (precision !== 'f32' && precision !== 'f64') throw new Error(`--precision: expected f32 or f64, got ${precision}`)
  const time = Number(values.time ?? 100)
  if (!(time > 0)) throw new Error(`--time: expected milliseconds, got ${values.time}`)
  if (values.json !== undefined && existsSync(values.json) && !values.overwrite)
    throw new Error(`--json: ${values.json} exists (--overwrite replaces it)`)
  return { ...values, help: false, precision, device: device as DeviceName, time } as const
}

const column = (x: number | null, digits: number) => (x === null ? '–' : x.toFixed(digits)).padStart(11)

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) return console.log(usage)
  const { device, json, filter, precision, time } = options
  console.log((await useDevice(device)).description)
  console.log(
    `${'operation'.padEnd(16)}${'forward ms'.padStart(11)}${'Melem/s'.padStart(11)}${'pullback ms'.padStart(12)}  inputs`,
  )
  const result = micro({ precision, time, ...(filter !== undefined && { filter }) }, (row) => {
    const figures = `${column(row.forwardMs, 4)}${column(row.forwardMelements, 1)} ${column(row.pullbackMs, 4)}`
    console.log(`${row.op.padEnd(16)}${figures}  ${row.shapes}`)
  })
  if (result.rows.length === 0) throw new Error(`--filter: no operation's name holds '${filter}'`)
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 1)}\n`)
}

await main().catch((error: Error) => {
  console.error(`bench: ${error.message}\n${usage}`)
  process.exitCode = 2
})
