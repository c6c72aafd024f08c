/**
 * The engine under the kernels: pipelines, parameters, dispatches. Work is collected and handed over in batches; the
 * queue keeps the order, so that a buffer may be reused as soon as the call that reads it has returned.
 */
import { internal, MemoryError } from '../../errors.ts'
import type { View } from '../../kernels.ts'
import { lost, uncaptured } from './errors.ts'
import { alignment, halfOf, usage, type Window, windowOf } from './memory.ts'
import { assemble, groupSize, type Source, type Word } from './source.ts'

/** Workgroups along x, y and z. */
export type Groups = readonly [number, number, number]

interface Pipeline {
  readonly gpu: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  readonly params: readonly [name: string, word: Word][]
  readonly buffers: readonly string[]
}

/** The parameters of a batch lie in one buffer of so many bytes. */
const batchBytes = 2 ** 16
/** What a kernel's parameters take of it, at most. */
const paramBytes = 2 * alignment
/** So many bindings of buffers are kept for the next dispatch on the same ones: the pool hands out the same again. */
const keptGroups = 4096

export class Engine {
  readonly device: GPUDevice
  /** one thread computes a row alone: what drivers on the processor like, and GPUs do not */
  readonly serial: boolean
  /** bytes that one binding holds */
  readonly bindingLimit: number
  /** how often each pipeline ran, by name */
  readonly ran = new Map<string, number>()
  readonly #pipelines = new Map<string, Pipeline>()
  readonly #layouts = new Map<string, GPUBindGroupLayout>()
  readonly #groups = new Map<string, GPUBindGroup>()
  readonly #numbers = new WeakMap<GPUBuffer, number>()
  #count = 0
  readonly #params: GPUBuffer
  readonly #words = new ArrayBuffer(batchBytes)
  #used = 0
  #encoder: GPUCommandEncoder | null = null
  #pass: GPUComputePassEncoder | null = null
  readonly #failures: Error[] = []
  #lost: Error | null = null

  /** `bindingLimit` may be set lower than the device's, which tests do. */
  constructor(device: GPUDevice, serial: boolean, bindingLimit?: number) {
    this.device = device
    this.serial = serial
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits
    // a multiple of the alignment, so that cutting at the limit leaves every part aligned
    const limit = Math.min(bindingLimit ?? maxStorageBufferBindingSize, maxBufferSize)
    this.bindingLimit = Math.floor(limit / alignment) * alignment
    this.#params = device.createBuffer({ size: batchBytes, usage: usage.uniform | usage.copyTarget })
    device.onuncapturederror = ({ error }) => this.fail(failureOf(error))
    void device.lost.then(({ message, reason }) => {
      this.#lost = lost(message || reason)
    })
  }

  /** Takes note of an error that the next read throws. */
  fail(error: Error): void {
    this.#failures.push(error)
  }

  /** Throws what went wrong since the last call. */
  throwFailure(): void {
    this.requireAlive()
    const [first] = this.#failures.splice(0)
    if (first) throw first
  }

  get isLost(): boolean {
    return this.#lost !== null
  }

  requireAlive(): void {
    if (this.#lost) throw this.#lost
  }

  /** Whether each view can be bound as a whole. */
  fits(...views: readonly View[]): boolean {
    return views.every((x) => windowOf(x).size <= this.bindingLimit)
  }

  /**
   * Calls `body` with the views, or with parts of them that fit a binding: halves along one of the first `axes` axes,
   * which all views have. `null` where they do not fit and can not be cut.
   */
  inParts(views: readonly View[], axes: number, body: (views: readonly View[]) => void): null | undefined {
    if (this.fits(...views)) {
      body(views)
      return
    }
    const axis = longestAxis(views, axes)
    if (axis === null) return null
    for (const half of [0, 1] as const) {
      const part = views.map((x) => halfOf(x, axis, half))
      if (this.inParts(part, axes, body) === null) return null
    }
    return
  }

  /** Runs a kernel of independent threads. */
  runThreads(
    name: string,
    source: () => Source,
    views: Record<string, View>,
    threads: number,
    params: Record<string, number> = {},
  ): void {
    if (threads > 0) this.run(name, source, views, { ...params, threads }, this.groupsFor(threads))
  }

  /** Workgroups for so many threads, or rather for so many groups of `size`, folded where one dimension is too short. */
  groupsFor(threads: number, size = groupSize): Groups {
    const groups = Math.ceil(threads / size)
    const most = this.device.limits.maxComputeWorkgroupsPerDimension
    const x = Math.min(groups, most)
    return [x, Math.ceil(groups / x), 1]
  }

  /** Enqueues a kernel, compiled when its name is first met: the name must tell everything that the text depends on. */
  run(
    name: string,
    source: () => Source,
    views: Record<string, View>,
    params: Record<string, number>,
    groups: Groups,
  ): void {
    this.requireAlive()
    const pipeline = this.#pipelines.get(name) ?? this.#compile(name, source())
    const windows = pipeline.buffers.map((buffer) => windowOf(views[buffer]!))
    const values: Record<string, number> = { ...params }
    for (const [i, buffer] of pipeline.buffers.entries()) values[`${buffer}_at`] = windows[i]!.at
    this.#dispatch(name, pipeline, windows, pipeline.params, values, groups)
  }

  /** Enqueues a kernel that was compiled elsewhere: unsigned parameters at binding 0, then buffers, the last written. */
  runForeign(name: string, code: () => string, windows: readonly Window[], words: readonly number[], groups: Groups) {
    this.requireAlive()
    const known = this.#pipelines.get(name)
    const pipeline =
      known ?? ({ ...this.#pipeline(name, code(), windows.length - 1, 1), params: [], buffers: [] } satisfies Pipeline)
    this.#pipelines.set(name, pipeline)
    const params = words.map((_, i) => [String(i), 'u32'] as [string, Word])
    const values = Object.fromEntries(words.map((value, i) => [String(i), value]))
    this.#dispatch(name, pipeline, windows, params, values, groups)
  }

  #compile(name: string, source: Source): Pipeline {
    const buffers = [...Object.keys(source.reads), ...Object.keys(source.writes)]
    const offsets = Object.fromEntries(buffers.map((buffer) => [`${buffer}_at`, 'i32' as const]))
    const whole = { ...source, params: { ...source.params, ...offsets } }
    const [reads, writes] = [Object.keys(source.reads).length, Object.keys(source.writes).length]
    const pipeline: Pipeline = {
      ...this.#pipeline(name, assemble(whole), reads, writes),
      params: Object.entries(whole.params),
      buffers,
    }
    this.#pipelines.set(name, pipeline)
    return pipeline
  }

  #pipeline(label: string, code: string, reads: number, writes: number): Pick<Pipeline, 'gpu' | 'layout'> {
    const layout = this.#layout(reads, writes)
    const gpu = this.device.createComputePipeline({
      label,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.device.createShaderModule({ label, code }), entryPoint: 'main' },
    })
    return { gpu, layout }
  }

  #layout(reads: number, writes: number): GPUBindGroupLayout {
    const key = `${reads} ${writes}`
    const known = this.#layouts.get(key)
    if (known) return known
    const types: GPUBufferBindingType[] = [
      'uniform',
      ...new Array<GPUBufferBindingType>(reads).fill('read-only-storage'),
      ...new Array<GPUBufferBindingType>(writes).fill('storage'),
    ]
    const compute = 4 // GPUShaderStage.COMPUTE
    const entries = types.map((type, binding) => ({
      binding,
      visibility: compute,
      buffer: { type, hasDynamicOffset: type === 'uniform' },
    }))
    const layout = this.device.createBindGroupLayout({ label: key, entries })
    this.#layouts.set(key, layout)
    return layout
  }

  #dispatch(
    name: string,
    pipeline: Pipeline,
    windows: readonly Window[],
    params: readonly [name: string, word: Word][],
    values: Record<string, number>,
    [x, y, z]: Groups,
  ): void {
    const bytes = Math.ceil((params.length * 4) / alignment) * alignment
    if (bytes > paramBytes) throw internal(`${name} has ${params.length} parameters`)
    if (this.#used + paramBytes > batchBytes) this.flush()
    const offset = this.#used
    this.#used += bytes
    const words = new DataView(this.#words, offset, bytes)
    for (const [i, [field, word]] of params.entries()) {
      const value = values[field]
      if (value === undefined) throw internal(`${name} without ${field}`)
      if (word === 'f32') words.setFloat32(4 * i, value, true)
      else words.setInt32(4 * i, value, true) // of the same bits as an unsigned integer
    }
    this.#encoder ??= this.device.createCommandEncoder()
    this.#pass ??= this.#encoder.beginComputePass()
    this.#pass.setPipeline(pipeline.gpu)
    this.#pass.setBindGroup(0, this.#groupOf(pipeline.layout, windows), [offset])
    this.#pass.dispatchWorkgroups(x, y, z)
    this.ran.set(name, (this.ran.get(name) ?? 0) + 1)
  }

  /** The binding of parameters and windows. */
  #groupOf(layout: GPUBindGroupLayout, windows: readonly Window[]): GPUBindGroup {
    const key = windows.map(({ buffer, offset, size }) => `${this.#numberOf(buffer)} ${offset} ${size}`).join()
    const full = `${layout.label} ${key}`
    const known = this.#groups.get(full)
    if (known) return known
    if (this.#groups.size >= keptGroups) this.#groups.clear()
    const resources: GPUBufferBinding[] = [
      { buffer: this.#params, offset: 0, size: paramBytes },
      ...windows.map(({ buffer, offset, size }) => ({ buffer, offset, size })),
    ]
    const entries = resources.map((resource, binding) => ({ binding, resource }))
    const group = this.device.createBindGroup({ layout, entries })
    this.#groups.set(full, group)
    return group
  }

  #numberOf(buffer: GPUBuffer): number {
    const known = this.#numbers.get(buffer)
    if (known !== undefined) return known
    this.#numbers.set(buffer, ++this.#count)
    return this.#count
  }

  /** Enqueues a copy between buffers. */
  copyBytes(from: GPUBuffer, at: number, to: GPUBuffer, size: number): void {
    this.#encoder ??= this.device.createCommandEncoder()
    this.#pass?.end()
    this.#pass = null
    this.#encoder.copyBufferToBuffer(from, at, to, 0, size)
  }

  /** Hands over what was collected. */
  flush(): void {
    if (!this.#encoder) return
    this.#pass?.end()
    if (this.#used > 0) this.device.queue.writeBuffer(this.#params, 0, this.#words, 0, this.#used)
    this.device.queue.submit([this.#encoder.finish()])
    this.#encoder = null
    this.#pass = null
    this.#used = 0
  }
}

/** Of the first `axes` axes that along which the widest view reaches farthest; null where all have one element. */
function longestAxis(views: readonly View[], axes: number): number | null {
  const sizeOf = (x: View) => windowOf(x).size
  const widest = views.reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a))
  const reach = (axis: number) => (widest.shape[axis]! - 1) * (1 + Math.abs(widest.strides[axis]!))
  let longest: number | null = null
  for (let axis = 0; axis < axes; axis++) {
    if (widest.shape[axis]! > 1 && (longest === null || reach(axis) > reach(longest))) longest = axis
  }
  return longest
}

/** An error of WebGPU as one of ours. */
function failureOf(error: GPUError): Error {
  if (error.constructor.name !== 'GPUOutOfMemoryError') return uncaptured(error.message)
  return new MemoryError({
    op: 'allocate',
    expected: 'room on gpu',
    got: error.message,
    hint: 'dispose tensors, use scope(), or work in smaller chunks',
  })
}
