/** The `gpu` device: WebGPU, with elementwise kernels compiled by gpu.js and hand-written WGSL. f32, i32 and bool. */
import type { TypedArray } from '../../dtype.ts'
import type { Backend, Buffer, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { isDense } from '../nest.ts'
import { denseElements } from '../ref/loops.ts'
import { acquire, type GpuOptions } from './acquire.ts'
import { attentionKernels } from './attention.ts'
import { IndexChecks } from './checks.ts'
import { loadCompiler } from './compiler.ts'
import { dropoutKernel } from './dropout.ts'
import { elementwiseKernels } from './elementwise.ts'
import { Engine } from './engine.ts'
import { readAtOnce } from './errors.ts'
import { gatherKernels } from './gather.ts'
import { type chooseProduct, matmulKernel } from './matmul.ts'
import { type Block, blockOf, bytesPerElement, usage } from './memory.ts'
import { argsortKernel } from './order.ts'
import { reduceKernels } from './reduce.ts'
import { rowKernels } from './rows.ts'
import { Scratch } from './scratch.ts'
import { walkerOf } from './walk.ts'

export type { GpuOptions } from './acquire.ts'

/** What tests set: limits lower than the device's, and which product kernel runs. */
export interface GpuSettings extends GpuOptions {
  name?: string
  bindingLimit?: number
  chooseProduct?: typeof chooseProduct
  /** whether one thread computes a row alone; default: on software drivers */
  serial?: boolean
}

export interface GpuBackend extends Backend {
  readonly device: GPUDevice
  readonly engine: Engine
}

const bufferUsage = usage.storage | usage.copySource | usage.copyTarget

/**
 * Opens a device on the host's GPU.
 *
 * @throws {DeviceError} where WebGPU, an adapter or gpu.js is missing, saying what to install
 */
export async function openGpu(settings: GpuSettings = {}): Promise<GpuBackend> {
  const compile = await loadCompiler(settings.gpujs)
  const { device, adapter, isSoftware } = await acquire(settings)
  const engine = new Engine(device, settings.serial ?? isSoftware, settings.bindingLimit)
  const scratch = new Scratch(engine)
  const walker = walkerOf(engine, scratch)
  const checks = new IndexChecks(engine)
  const elementwise = elementwiseKernels(engine, compile, walker)
  const products = matmulKernel(engine, walker, settings.chooseProduct)
  const { argsort } = argsortKernel(engine, scratch, walker)

  function allocate(dtype: Buffer['dtype'], capacity: number): Buffer {
    engine.requireAlive()
    const size = capacity * bytesPerElement
    // a refusal of the device would come later than the pool's second try
    if (size > device.limits.maxBufferSize) throw new RangeError(`a buffer of ${size} bytes`)
    return {
      dtype,
      capacity,
      data: { gpu: device.createBuffer({ size, usage: bufferUsage }), host: null } satisfies Block,
    }
  }

  function upload(array: TypedArray, buffer: Buffer): void {
    engine.requireAlive()
    engine.flush() // what is collected may still read what lies there
    const block = blockOf(buffer)
    const words = buffer.dtype === 'bool' ? Uint32Array.from(array) : array
    if (words.byteLength > 0) device.queue.writeBuffer(block.gpu, 0, words as Float32Array<ArrayBuffer>)
    if (buffer.dtype !== 'f32') block.host = array.slice()
  }

  /** A constant in a buffer of its own, which lives as long as the device. */
  const constants = new Map<number, View>()
  function constant(value: number): View {
    const known = constants.get(value)
    if (known) return known
    const buffer = allocate('f32', 1)
    upload(Float32Array.of(value), buffer)
    const x: View = { buffer, shape: [1], strides: [1], offset: 0 }
    constants.set(value, x)
    return x
  }

  async function read(x: View): Promise<TypedArray> {
    engine.throwFailure()
    const size = sizeOf(x.shape)
    const bytes = size * bytesPerElement
    const staging = bytes > 0 ? device.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyTarget }) : null
    if (staging) {
      const copy = (dense: View) =>
        engine.copyBytes(blockOf(dense.buffer).gpu, dense.offset * bytesPerElement, staging, bytes)
      if (isDense(x)) copy(x)
      else
        scratch.use(x.buffer.dtype, x.shape, (dense) => {
          walker.copy(x, dense)
          copy(dense)
        })
    }
    engine.flush()
    const checked = checks.settle()
    await Promise.all([checked, staging?.mapAsync(1)]).catch(async (cause) => {
      await Promise.resolve()
      engine.throwFailure() // which says more, where the device was lost
      throw cause
    })
    const words = staging?.getMappedRange().slice(0) ?? new ArrayBuffer(0)
    staging?.destroy()
    engine.throwFailure()
    if (x.buffer.dtype === 'bool') return Uint8Array.from(new Uint32Array(words))
    return x.buffer.dtype === 'i32' ? new Int32Array(words) : new Float32Array(words)
  }

  return {
    name: settings.name ?? 'gpu',
    description: `gpu (WebGPU on ${adapter}${isSoftware ? ', a driver on the processor' : ''}; elementwise by gpu.js 2.24.1, all else WGSL)`,
    dtypes: ['bool', 'i32', 'f32'],
    isSoftware,
    device,
    engine,
    get pipelines() {
      return [...engine.ran.keys()].sort()
    },
    get isLost() {
      return engine.isLost
    },
    kernels: {
      ...elementwise,
      ...reduceKernels(engine, scratch, walker),
      ...rowKernels(engine, walker, scratch, constant, elementwise.binary),
      ...products,
      ...attentionKernels(engine, scratch, walker, { ...products, ...elementwise }),
      dropout: dropoutKernel(engine, walker),
      ...gatherKernels(engine, scratch, walker, argsort),
      argsort,
    },
    allocate,
    free(buffer) {
      engine.flush()
      blockOf(buffer).gpu.destroy()
    },
    forget(buffer) {
      blockOf(buffer).host = null
    },
    upload,
    read,
    readSync() {
      throw readAtOnce()
    },
    onHost(x) {
      const { host } = blockOf(x.buffer)
      return host && denseElements({ ...x, buffer: { ...x.buffer, data: host } }).slice()
    },
    checkLater(index, size, error, ignored = null) {
      checks.check(index, size, ignored, error)
    },
  }
}
