/** The micro-benchmarks: kernels beside the machine's limit, then operations with their pullbacks. */
import { type DeviceName, useDevice } from '@antecedent/tensor'
import { load, loadWarning, type Machine, machine, microHeader } from '../machine.ts'
import type { Options } from '../options.ts'
import { describeSides, hasBlas, type KernelRow, kernelSides, kernels, kernelTable } from './kernels.ts'
import { type OperationRow, operationLine, operations, operationTitles } from './operations.ts'

export interface MicroResult {
  benchmark: 'micro'
  date: string
  /** where the operations ran */
  device: string
  precision: string
  machine: Machine
  /** variables of OpenBLAS that were set, and taken out */
  unset: readonly string[]
  load: { before: string; after: string }
  busy: string | null
  kernels: KernelRow[]
  rows: OperationRow[]
}

/**
 * Prints the header and both tables.
 *
 * @param unset  variables that were taken out of the environment
 * @param print  takes lines for stdout
 * @param tell   takes progress, for stderr
 * @throws {Error} where no kernel and no operation is called so
 */
export async function micro(
  options: Options,
  unset: readonly string[],
  print: (line: string) => void,
  tell: (text: string) => void,
): Promise<MicroResult> {
  const { precision, filter, time, threads, only } = options
  const waits = options.device !== 'gpu' // for the work of a call before it returns
  if (only === 'operations' && !waits)
    throw new Error(
      '--only: operations are timed by the call, and on gpu that returns before its work is done: kernels, encoder, lig and matmul wait',
    )
  const withKernels = precision === 'f32' && only !== 'operations'
  const sides = withKernels ? kernelSides(options.device, threads, hasBlas()) : []
  const [before, busy] = [load(), loadWarning()]
  for (const line of microHeader(machine(), await describeSides(sides), unset)) print(line)
  if (busy !== null) print(busy)
  const chosen = filter === undefined ? {} : { filter }
  const kernelRows = await kernels({ sides, time, ...chosen }, ({ name, device, threads }) => {
    tell(`\r${`${device}, threads: ${threads}: ${name}`.padEnd(70)}`)
  })
  if (kernelRows.length > 0) {
    tell('\n')
    for (const line of ['', ...kernelTable(kernelRows)]) print(line)
  }
  const name = options.device ?? (precision === 'f64' ? 'ref' : 'wasm')
  const { description } = await useDevice(name as DeviceName, threads === undefined ? {} : { threads })
  const rows = only === 'kernels' || !waits ? [] : operationRows()
  if (kernelRows.length + rows.length === 0)
    throw new Error(`--filter: no kernel's or operation's name holds '${filter}'`)
  const [device, date] = [description, new Date().toISOString()]
  return {
    ...{ benchmark: 'micro', date, device, precision, machine: machine(), unset, busy },
    ...{ load: { before, after: load() }, kernels: kernelRows, rows },
  }

  function operationRows(): OperationRow[] {
    const first = ['', `operations on ${description}`, operationTitles]
    return operations({ precision, time, ...chosen }, (row) => {
      for (const line of [...first.splice(0), operationLine(row)]) print(line)
    })
  }
}
