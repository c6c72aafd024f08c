/** Matrix products alone: what a device's kernels and those of peers reach. */
import { matmul, scope, select, tensor } from '@antecedent/tensor'
import { npmSides } from '../peers/npm.ts'
import { type Context, type Job, type Jobs, pythonSides } from './job.ts'

/** m × k × n: a layer's products over fifty points of 14 tokens, and a square one. */
const shapes = [
  [700, 384, 384],
  [700, 384, 1536],
  [1024, 1024, 1024],
] as const

/** The same numbers in every program: ((7919 i) mod 1000) / 1000 − 1/2. */
export const pattern = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => ((7919 * i) % 1000) / 1000 - 0.5)

/** The first and the last row of a result, which are read and compared. */
export const endsOfRows = (numbers: ArrayLike<number>, columns: number): number[] => {
  const all = Array.from(numbers)
  return [...all.slice(0, columns), ...all.slice(-columns)]
}

async function job(context: Context, shape: readonly [number, number, number]): Promise<Job> {
  const [m, k, n] = shape
  const [a, b] = [tensor(pattern(m * k), [m, k]), tensor(pattern(k * n), [k, n])]
  const ours = async () => {
    const y = scope(() => matmul(a, b))
    const rows = [select(y, 0, 0), select(y, -1, 0)]
    const numbers = [...(await rows[0]!.data()), ...(await rows[1]!.data())]
    for (const x of [y, ...rows]) x.dispose()
    return numbers
  }
  const npm = shape === shapes[0] ? await npmSides(shape, context) : []
  const torch = pythonSides(context, [{ name: 'PyTorch', job: 'matmul', arguments: { shape } }])
  return { name: `matmul ${shape.join('×')}`, flop: 2 * m * k * n, ours, peers: [...torch, ...npm] }
}

export const matmulJobs: Jobs = async (context) => {
  const jobs: Job[] = []
  for (const shape of shapes) jobs.push(await job(context, shape))
  return jobs
}
