/** Every kernel beside the machine's limit: products beside arithmetic in registers, all else beside a plain copy. */
import { type DeviceName, useDevice } from '@antecedent/tensor'
import { type Backend, backendOf, findBlas } from '@antecedent/tensor/internal'
import { median } from '../statistics.ts'
import { align, duration, threeDigits } from '../table.ts'
import { type KernelCase, kernelCases } from './cases.ts'
import { arithmetic, copying, type Limit, type Wasm } from './limits.ts'
import { bytesTouched, sizeOf, Workbench } from './workbench.ts'

/** One device with one number of threads. */
export interface KernelSide {
  device: 'ref' | 'wasm' | 'blas'
  threads: number
}

export interface KernelRow extends KernelSide {
  name: string
  /** median of one run */
  seconds: number
  /** of what one run computes, or moves at least: per second, in 1e9 */
  rate: { unit: 'GFLOP/s' | 'GB/s'; value: number; limit: number }
  /** what is reached of the limit: the median over pairs of measurements, one right after the other */
  share: number
  /** of the largest operand; null for products */
  nsPerElement: number | null
}

/** The sides asked for: without a device all that are here; without threads 1 and 2. `ref` has one thread. */
export function kernelSides(device: string | undefined, threads: number | undefined, blas: boolean): KernelSide[] {
  const known = ['ref', 'wasm', 'blas'] as const
  const devices = known.filter((name) => (device === undefined ? name !== 'blas' || blas : name === device))
  const counts = threads === undefined ? [1, 2] : [threads]
  return devices.flatMap((name) => (name === 'ref' ? [1] : counts).map((count) => ({ device: name, threads: count })))
}

/** The cases that a side is timed on: `blas` has products of its own, and `wasm`'s kernels for all else. */
export const casesOf = ({ device }: KernelSide, filter = '') =>
  kernelCases.filter(({ name, kernel }) => name.includes(filter) && (device !== 'blas' || kernel === 'matmul'))

/** A measurement is repeated until it takes so long, in milliseconds. */
const least = 2
/** Pairs at least; one where a run takes longer than half a second. */
const fewest = 5

const timed = (f: () => void, repeat: number): number => {
  const start = performance.now()
  for (let i = 0; i < repeat; i++) f()
  return (performance.now() - start) / 1000 / repeat
}

/** Seconds of one run of both, in pairs, taken in turn until `time` milliseconds are spent; both warm. */
function inTurn(run: () => void, limit: () => void, time: number): { ours: number[]; limits: number[] } {
  const warm = (f: () => void): number => {
    let once = timed(f, 1)
    for (let spent = once; spent * 1000 < time / 4; spent += once) once = timed(f, 1)
    return Math.max(1, Math.ceil(least / 1000 / once))
  }
  const repeats = [warm(run), warm(limit)] as const
  const [ours, limits]: [number[], number[]] = [[], []]
  const start = performance.now()
  do {
    ours.push(timed(run, repeats[0]))
    limits.push(timed(limit, repeats[1]))
  } while (ours[0]! < 0.5 && (performance.now() - start < time || ours.length < fewest))
  return { ours, limits }
}

function rowOf(example: KernelCase, side: KernelSide, backend: Backend, wasm: Wasm, time: number): KernelRow {
  const bench = new Workbench(backend)
  let limit: Limit | undefined
  try {
    const { operands, run } = example.make(bench)
    const { flop, name } = example
    const work = flop ?? bytesTouched(operands)
    limit = flop === undefined ? copying(wasm, work) : arithmetic(wasm)
    const { ours, limits } = inTurn(() => run(backend.kernels), limit.run, time)
    const elements = Math.max(...operands.map(({ shape }) => sizeOf(shape)))
    const seconds = median(ours)
    const limitWork = limit.work
    return {
      ...{ name, ...side, seconds },
      rate: {
        unit: flop === undefined ? 'GB/s' : 'GFLOP/s',
        value: work / seconds / 1e9,
        limit: limitWork / median(limits) / 1e9,
      },
      share: median(ours.map((s, i) => work / s / (limitWork / limits[i]!))),
      nsPerElement: flop === undefined ? (seconds * 1e9) / elements : null,
    }
  } finally {
    limit?.release()
    bench.release()
  }
}

export interface KernelOptions {
  sides: readonly KernelSide[]
  filter?: string
  /** least time for each figure, in milliseconds */
  time: number
}

/** Times every kernel whose name holds `filter`, side by side. The device chosen before is chosen again. */
export async function kernels(
  { sides, filter, time }: KernelOptions,
  onRow: (row: KernelRow) => void,
): Promise<KernelRow[]> {
  const rows: KernelRow[] = []
  for (const side of sides) {
    const { device, threads } = side
    const wasm = backendOf(device === 'blas' ? 'blas' : 'wasm') as Wasm
    wasm.setThreads?.(threads)
    const backend = backendOf(device)
    // workers start with the first job; the time they take is no kernel's
    const warm = arithmetic(wasm)
    warm.run()
    warm.release()
    await new Promise((resolve) => setTimeout(resolve, threads > 1 ? 200 : 0))
    for (const example of casesOf(side, filter)) {
      const row = rowOf(example, side, backend, wasm, time)
      rows.push(row)
      onRow(row)
    }
  }
  // in the order of the cases, all sides of one together
  const order = new Map(kernelCases.map(({ name }, i) => [name, i]))
  return rows.sort((a, b) => order.get(a.name)! - order.get(b.name)!)
}

/** Whether a BLAS is here. */
export const hasBlas = (): boolean => findBlas().library !== null

/** One line on each device of the sides. */
export async function describeSides(sides: readonly KernelSide[]): Promise<string[]> {
  const lines: string[] = []
  for (const name of new Set(sides.map(({ device }) => device))) {
    lines.push(`device    ${(await useDevice(name as DeviceName)).description}`)
  }
  return lines
}

const titles = ['kernel', 'device', 'threads', 'time', 'ns/element', 'rate', 'limit', '', 'share']
const right = [false, false, true, true, true, true, true, false, true]

/** One line per kernel and side. */
export function kernelTable(rows: readonly KernelRow[]): string[] {
  const lines = rows.map(({ name, device, threads, seconds, nsPerElement, rate, share }, i) => [
    rows[i - 1]?.name === name ? '' : name,
    device,
    String(threads),
    duration(seconds),
    nsPerElement === null ? '' : threeDigits(nsPerElement),
    threeDigits(rate.value),
    threeDigits(rate.limit),
    rate.unit,
    `${(100 * share).toFixed(0)} %`,
  ])
  return align([titles, ...lines], right)
}
