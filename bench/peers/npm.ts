/** Peers from npm, installed by `npm --prefix bench install`, for one matrix product. Loaded only where they are. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { type Context, type Side, sideOf } from '../jobs/job.ts'
import { endsOfRows, pattern } from '../jobs/matmul.ts'
import { matmulModel } from './onnx.ts'

type Shape = readonly [number, number, number]

const require = createRequire(import.meta.url)

/** Peers by package: how many threads they can be held to, and a function that does one product. */
const peers: Record<string, { oneThreadOnly: boolean; make: (shape: Shape, threads: number) => Promise<Run> }> = {
  'onnxruntime-node': { oneThreadOnly: false, make: onnxRuntime },
  '@tensorflow/tfjs-backend-wasm': { oneThreadOnly: true, make: tensorflow },
  '@jax-js/jax': { oneThreadOnly: true, make: jax },
}

/** One product; all its numbers where they are asked for. */
type Run = (read: boolean) => Promise<ArrayLike<number> | undefined>

/** The sides that are installed and can run with so many threads; a note for every other. */
export async function npmSides(shape: Shape, { threads, note }: Context): Promise<Side[]> {
  const sides: Side[] = []
  for (const [name, { oneThreadOnly, make }] of Object.entries(peers)) {
    const version = installedVersion(name)
    if (version === null) note(`${name} is not installed (npm --prefix bench install)`)
    else if (oneThreadOnly && threads > 1) note(`${name} is compared with --threads 1 alone`)
    else sides.push(sideFor(`${name} ${version}`, await make(shape, threads), shape))
  }
  return sides
}

function sideFor(name: string, run: Run, [, , n]: Shape): Side {
  const timed = sideOf(name, async () => {
    await run(false)
    return []
  })
  return { ...timed, values: async () => endsOfRows((await run(true))!, n) }
}

/** The version of an installed package, null where there is none. */
function installedVersion(name: string): string | null {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return require(`${folder}/${name}/package.json`).version
    } catch {
      // the next folder
    }
  }
  return null
}

async function onnxRuntime(shape: Shape, threads: number): Promise<Run> {
  const [m, k, n] = shape
  const ort = require('onnxruntime-node')
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 }
  const session = await ort.InferenceSession.create(matmulModel(shape, pattern(k * n)), options)
  const a = new ort.Tensor('float32', pattern(m * k), [m, k])
  return async () => (await session.run({ a })).c.data
}

async function tensorflow([m, k, n]: Shape): Promise<Run> {
  const tf = require('@tensorflow/tfjs-core')
  const wasm = require('@tensorflow/tfjs-backend-wasm')
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  wasm.setThreadsCount(1)
  await tf.setBackend('wasm')
  const [a, b] = [tf.tensor2d(pattern(m * k), [m, k]), tf.tensor2d(pattern(k * n), [k, n])]
  return async (read) => {
    const c = tf.matMul(a, b)
    const numbers = read ? await c.data() : undefined
    c.dispose()
    return numbers
  }
}

async function jax([m, k, n]: Shape): Promise<Run> {
  const { init, defaultDevice, numpy } = await import('@jax-js/jax' as string)
  await init('wasm')
  defaultDevice('wasm')
  const a = numpy.array(pattern(m * k), { shape: [m, k] })
  const b = numpy.array(pattern(k * n), { shape: [k, n] })
  return async (read) => {
    const c = numpy.matmul(a.ref, b.ref)
    await c.blockUntilReady()
    if (read) return c.data() // which frees it
    c.dispose()
    return undefined
  }
}
