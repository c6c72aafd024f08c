/** The `wasm` device: SIMD kernels compiled from AssemblyScript, threads on one shared memory. f32, i32 and bool. */
import { bytesOf } from '../../dtype.ts'
import type { Backend, Buffer, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { adamKernel } from './adam.ts'
import { attentionKernels } from './attention.ts'
import { dropoutKernel } from './dropout.ts'
import { elementwiseKernels, hostView } from './elementwise.ts'
import { type Block, Engine, type ForeignKernels } from './engine.ts'
import { matmulKernel } from './matmul.ts'
import { rowScoreKernels } from './rowScores.ts'
import { rowKernels } from './rows.ts'
import { cheap, denseAt } from './walk.ts'

/** A device with memory and threads of its own; `foreign` kernels run on them too. */
export function wasmBackend(foreign: ForeignKernels | null = null): Backend & { engine: Engine } {
  const engine = new Engine(foreign)
  const { matmul, forget } = matmulKernel(engine)
  const elementwise = elementwiseKernels(engine)

  const readSync = (x: View) => {
    const size = sizeOf(x.shape)
    return denseAt(engine, x, (at) => {
      const data = { at, bytes: 0 } satisfies Block
      const here: View = { ...x, buffer: { ...x.buffer, capacity: size, data }, strides: stridesOf(x.shape), offset: 0 }
      return hostView(engine, here).slice()
    })
  }

  return {
    name: 'wasm',
    engine,
    get description() {
      return engine.description
    },
    dtypes: ['bool', 'i32', 'f32'],
    // its memory finds free blocks fast, and never shrinks: what is kept for one size is lost to the others
    poolLimit: 96 * 2 ** 20,
    kernels: {
      ...elementwise,
      ...rowKernels(engine),
      ...rowScoreKernels(engine),
      ...attentionKernels(engine),
      adam: adamKernel(engine),
      dropout: dropoutKernel(engine),
      matmul,
    },
    allocate(dtype, capacity) {
      const bytes = capacity * bytesOf(dtype)
      return { dtype, capacity, data: { at: engine.heap.allocate(bytes), bytes } satisfies Block }
    },
    free(buffer: Buffer) {
      const { at, bytes } = buffer.data as Block
      engine.heap.free(at, bytes)
    },
    forget,
    setThreads: (count) => engine.setThreads(count),
    upload(array, buffer) {
      hostView(engine, { buffer, shape: [], strides: [], offset: 0 }).set(array as Float32Array)
    },
    uploadFloat16(halves, buffer) {
      engine.temporary(halves.byteLength + 8, (at) => {
        new Uint16Array(engine.heap.buffer, at, halves.length).set(halves)
        const plan = [at, (buffer.data as Block).at, halves.length]
        engine.run('widen', plan, Math.ceil(halves.length / 4), cheap / 4)
      })
    },
    read: async (x) => readSync(x),
    readSync,
  }
}
