/** Every kernel beside the machine's limit: products beside arithmetic in registers, all else beside a plain copy. */
import { type DeviceName, useDevice } from '@antecedent/tensor'
import type { GpuBackend } from '@antecedent/tensor/gpu'
import { type Backend, backendOf, findBlas } from '@antecedent/tensor/internal'
import { deviceLines } from '../machine.ts'
import { median } from '../statistics.ts'
import { align, duration, threeDigits } from '../table.ts'
import { type KernelCase, kernelCases } from './cases.ts'
import { arithmeticOnGpu, copyingOnGpu } from './gpuLimits.ts'
import { arithmetic, copying, type Limit, type Wasm } from './limits.ts'
import { bytesTouched, sizeOf, Workbench } from './workbench.ts'

/** One device with one number of threads. */
export interface KernelSide {
  device: 'ref' | 'wasm' | 'blas' | 'gpu'
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

/** The sides asked for: without a device all that are here, but gpu; without threads 1 and 2. `ref` has one thread. */
export function kernelSides(device: string | undefined, threads: number | undefined, blas: boolean): KernelSide[] {
  const known = ['ref', 'wasm', 'blas', 'gpu'] as const
  const here = { ref: true, wasm: true, blas, gpu: false }
  const devices = known.filter((name) => (device === undefined ? here[name] : name === device))
  const counts = threads === undefined ? [1, 2] : [threads]
  return devices.flatMap((name) =>
    (name === 'ref' || name === 'gpu' ? [1] : counts).map((count) => ({ device: name, threads: count })),
  )
}

/** The cases that a side is timed on: `blas` has products of its own, and `wasm`'s kernels for all else. */
export const casesOf = ({ device }: KernelSide, filter = '') =>
  kernelCases.filter(({ name, kernel }) => name.includes(filter) && (device !== 'blas' || kernel === 'matmul'))

/** A measurement is repeated until it takes so long, in milliseconds. */
const least = 2
/** Pairs at least; one where a run takes longer than half a second. */
const fewest = 5

/** Waits for a device on which calls return before their work is done; null where they do not. */
type Finish = (() => Promise<unknown>) | null

async function timed(f: () => void, repeat: number, finish: Finish): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < repeat; i++) f()
  if (finish) await finish()
  return (performance.now() - start) / 1000 / repeat
}

/** Seconds of one run of both, in pairs, taken in turn until `time` milliseconds are spent; both warm. */
async function inTurn(run: () => void, limit: () => void, time: number, finish: Finish) {
  const warm = async (f: () => void): Promise<number> => {
    let once = await timed(f, 1, finish)
    for (let spent = once; spent * 1000 < time / 4; spent += once) once = await timed(f, 1, finish)
    return Math.max(1, Math.ceil(least / 1000 / once))
  }
  const repeats = [await warm(run), await warm(limit)] as const
  const [ours, limits]: [number[], number[]] = [[], []]
  const start = performance.now()
  do {
    ours.push(await timed(run, repeats[0], finish))
    limits.push(await timed(limit, repeats[1], finish))
  } while (ours[0]! < 0.5 && (performance.now() - start < time || ours.length < fewest))
  return { ours, limits }
}

/** What a side's kernels are compared with, and how to wait for them. */
interface Bounds {
  arithmetic(): Limit
  copying(bytes: number): Limit
  readonly finish: Finish
}

const wasmBounds = (wasm: Wasm): Bounds => ({
  arithmetic: () => arithmetic(wasm),
  copying: (bytes) => copying(wasm, bytes),
  finish: null,
})

/** A read comes after all that was enqueued before it. */
function gpuBounds(backend: GpuBackend): Bounds {
  const last = { buffer: backend.allocate('f32', 1), shape: [1], strides: [1], offset: 0 }
  return {
    arithmetic: () => arithmeticOnGpu(backend),
    copying: (bytes) => copyingOnGpu(backend, bytes),
    finish: () => backend.read(last),
  }
}

async function rowOf(
  example: KernelCase,
  side: KernelSide,
  backend: Backend,
  bounds: Bounds,
  time: number,
): Promise<KernelRow> {
  const bench = new Workbench(backend)
  let limit: Limit | undefined
  try {
    const { operands, run } = example.make(bench)
    const { flop, name } = example
    const work = flop ?? bytesTouched(operands)
    limit = flop === undefined ? bounds.copying(work) : bounds.arithmetic()
    const { ours, limits } = await inTurn(() => run(backend.kernels), limit.run, time, bounds.finish)
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
    const backend = backendOf(device)
    let bounds: Bounds
    if (device === 'gpu') bounds = gpuBounds(backend as GpuBackend)
    else {
      const wasm = backendOf(device === 'blas' ? 'blas' : 'wasm') as Wasm
      wasm.setThreads?.(threads)
      bounds = wasmBounds(wasm)
      // workers start with the first job; the time they take is no kernel's
      const warm = bounds.arithmetic()
      warm.run()
      warm.release()
      await new Promise((resolve) => setTimeout(resolve, threads > 1 ? 200 : 0))
    }
    for (const example of casesOf(side, filter)) {
      if (!backend.kernels[example.kernel]) continue
      const row = await rowOf(example, side, backend, bounds, time)
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

/** Lines on each device of the sides. */
export async function describeSides(sides: readonly KernelSide[]): Promise<string[]> {
  const lines: string[] = []
  for (const name of new Set(sides.map(({ device }) => device))) {
    lines.push(...deviceLines(await useDevice(name as DeviceName)))
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
    device === 'gpu' ? '–' : String(threads),
    duration(seconds),
    nsPerElement === null ? '' : threeDigits(nsPerElement),
    threeDigits(rate.value),
    threeDigits(rate.limit),
    rate.unit,
    `${(100 * share).toFixed(0)} %`,
  ])
  return align([titles, ...lines], right)
}
