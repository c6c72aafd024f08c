/**
 * The spike of a WebGPU backend: the kernels that a gradient through a matrix product and an elementwise function needs,
 * behind the interface that every device implements. It shows what the interface must allow for; it is no device.
 */
import {
  type Backend,
  type Buffer,
  DeviceError,
  type DType,
  type Kernels,
  type View,
} from '@antecedent/tensor/internal'
import { compileElementwise, type ElementwiseKernel } from './compiler.ts'

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const gpuBuffer = ({ data }: Buffer): GPUBuffer => data as GPUBuffer
const maxRank = 6

/** Strided views are read with u32 arithmetic: sizes and strides of at most six axes, filled up in front. */
const stridedHeader = /* wgsl */ `
struct View { shape: array<vec4<i32>, 2>, strides: array<vec4<i32>, 2>, offset: i32, size: i32, width: u32, rows: i32 }
fn axis(v: array<vec4<i32>, 2>, i: i32) -> i32 { return v[i / 4][i % 4]; }
fn place(v: View, index: i32) -> u32 {
  var rest = index;
  var at = v.offset;
  for (var i = ${maxRank - 1}; i >= 0; i--) {
    let n = axis(v.shape, i);
    at += (rest % n) * axis(v.strides, i);
    rest /= n;
  }
  return u32(at);
}
@group(0) @binding(0) var<uniform> x_view: View;
@group(0) @binding(1) var<storage, read> x: array<f32>;`

const copyWgsl = /* wgsl */ `${stridedHeader}
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = i32(id.x + id.y * x_view.width);
  if (i < x_view.size) { y[i] = x[place(x_view, i)]; }
}`

/** Rows of \`rows\` elements, summed one thread a row. */
const sumWgsl = /* wgsl */ `${stridedHeader}
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = i32(id.x + id.y * x_view.width);
  if (row * x_view.rows >= x_view.size) { return; }
  var total = 0.0;
  for (var k = 0; k < x_view.rows; k++) { total += x[place(x_view, row * x_view.rows + k)]; }
  y[row] = total;
}`

/** One thread for one element of one matrix; strides carry transposes, so that no operand is copied. */
const matmulWgsl = /* wgsl */ `
struct Sizes { m: u32, k: u32, n: u32, a_row: u32, a_column: u32, b_row: u32, b_column: u32, a_at: u32, b_at: u32 }
@group(0) @binding(0) var<uniform> size: Sizes;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.y >= size.m || id.x >= size.n) { return; }
  var total = 0.0;
  for (var k = 0u; k < size.k; k++) {
    total += a[size.a_at + id.y * size.a_row + k * size.a_column] * b[size.b_at + k * size.b_row + id.x * size.b_column];
  }
  y[id.y * size.n + id.x] = total;
}`

const expressions: Record<string, [expression: string, operands: 1 | 2]> = {
  tanh: ['Math.tanh(Math.max(-15, Math.min(15, a[i])))', 1], // drivers may give NaN for large arguments
  square: ['a[i] * a[i]', 1],
  add: ['a[i] + b[i]', 2],
  sub: ['a[i] - b[i]', 2],
  mul: ['a[i] * b[i]', 2],
}

/** What the spike has run, for the test to look at: pipelines by name, who compiled them, and errors of the device. */
export interface Ran {
  pipelines: Map<string, number>
  compilers: Set<string>
  errors: string[]
}

export function spikeBackend(device: GPUDevice, adapter: string): { backend: Backend; ran: Ran } {
  const ran: Ran = { pipelines: new Map(), compilers: new Set(), errors: [] }
  device.onuncapturederror = ({ error }) => void ran.errors.push(error.message)
  const pipelines = new Map<string, GPUComputePipeline>()
  const elementwise = new Map<string, ElementwiseKernel>()

  /** Enqueues one pipeline: uniforms at binding 0, then the buffers. Nothing is waited for. */
  function dispatch(name: string, code: string, uniforms: Uint32Array, buffers: GPUBuffer[], groups: number[]): void {
    const module = () => device.createShaderModule({ code })
    const pipeline =
      pipelines.get(name) ??
      device.createComputePipeline({ layout: 'auto', compute: { module: module(), entryPoint: 'main' } })
    pipelines.set(name, pipeline)
    const params = device.createBuffer({
      size: uniforms.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    })
    device.queue.writeBuffer(params, 0, uniforms.slice())
    const entries = [params, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } }))
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(groups[0]!, groups[1] ?? 1)
    pass.end()
    device.queue.submit([encoder.finish()])
    params.destroy()
    ran.pipelines.set(name, (ran.pipelines.get(name) ?? 0) + 1)
  }

  const filledUp = (list: readonly number[], by: number): number[] => [
    ...new Array<number>(maxRank - list.length).fill(by),
    ...list,
    0,
    0,
  ]

  function runStrided(name: string, code: string, x: View, target: GPUBuffer, rows: number): void {
    const size = sizeOf(x.shape)
    const threads = Math.ceil(size / rows)
    const uniforms = [...filledUp(x.shape, 1), ...filledUp(x.strides, 0), x.offset, size, threads, rows]
    dispatch(name, code, Uint32Array.from(uniforms), [gpuBuffer(x.buffer), target], [Math.ceil(threads / 64)])
  }

  /** The operand as it is where it is dense from its buffer's start, else a dense copy. */
  function dense(x: View): GPUBuffer {
    let step = 1
    const rowMajor = [...x.shape].reverse().every((n, i) => {
      const fits = n === 1 || x.strides[x.shape.length - 1 - i] === step
      step *= n
      return fits
    })
    if (rowMajor && x.offset === 0) return gpuBuffer(x.buffer)
    const copy = allocate(x.buffer.dtype, sizeOf(x.shape))
    runStrided('wgsl:copy', copyWgsl, x, gpuBuffer(copy), 1)
    return gpuBuffer(copy)
  }

  function runElementwise(name: string, operands: View[], y: View): void {
    const formula = expressions[name]
    if (!formula) throw lacking(name)
    const kernel = elementwise.get(name) ?? compileElementwise(...formula)
    elementwise.set(name, kernel)
    ran.compilers.add(kernel.compiledBy)
    const size = sizeOf(y.shape)
    // as gpu.js lays its parameters out: output sizes, width of the dispatch, then four numbers for each operand
    const uniforms = [size, 1, 1, size, ...operands.flatMap(() => [size, 1, 1, 0])]
    dispatch(
      `gpu.js:${name}`,
      kernel.wgsl,
      Uint32Array.from(uniforms),
      [...operands.map(dense), gpuBuffer(y.buffer)],
      [Math.ceil(size / 64)],
    )
  }

  const lacking = (kernel: string) =>
    new DeviceError({ op: kernel, expected: 'a kernel of the spike', got: kernel, hint: 'the spike has few' })

  function allocate(dtype: DType, capacity: number): Buffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    return { dtype, capacity, data: device.createBuffer({ size: 4 * capacity, usage }) }
  }

  const some: Partial<Kernels> = {
    copy: (x, y) => runStrided('wgsl:copy', copyWgsl, x, gpuBuffer(y.buffer), 1),
    fill: (value, y) =>
      device.queue.writeBuffer(gpuBuffer(y.buffer), 4 * y.offset, new Float32Array(sizeOf(y.shape)).fill(value)),
    unary: (name, x, y) => runElementwise(name, [x], y),
    binary: (name, a, b, y) => runElementwise(name, [a, b], y),
    reduce: (name, x, axes, y) => {
      if (name !== 'sum') throw lacking(name)
      runStrided('wgsl:sum', sumWgsl, x, gpuBuffer(y.buffer), sizeOf(x.shape.slice(x.shape.length - axes)))
    },
    matmul: (a, b, y) => {
      if (y.shape.length !== 2) throw lacking('matmul of a batch')
      const [m, n] = y.shape as [number, number]
      const uniforms = [m, a.shape[1]!, n, ...a.strides, ...b.strides, a.offset, b.offset, 0, 0, 0]
      const buffers = [a, b, y].map(({ buffer }) => gpuBuffer(buffer))
      dispatch('wgsl:matmul', matmulWgsl, Uint32Array.from(uniforms), buffers, [Math.ceil(n / 8), Math.ceil(m / 8)])
    },
  }
  // kernels that the spike lacks say so when they are called
  const kernels = new Proxy(some, {
    get: (target, name: keyof Kernels) =>
      target[name] ??
      (() => {
        throw lacking(name)
      }),
  }) as Kernels

  async function read(x: View): Promise<Float32Array> {
    const size = 4 * sizeOf(x.shape)
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
    const source = dense(x)
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(source, 0, staging, 0, size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    const data = new Float32Array(staging.getMappedRange().slice(0))
    staging.destroy()
    return data
  }

  const backend: Backend = {
    name: 'spike',
    description: `spike on ${adapter}`,
    dtypes: ['f32'],
    kernels,
    allocate,
    free: (buffer) => gpuBuffer(buffer).destroy(),
    upload: (array, buffer) => device.queue.writeBuffer(gpuBuffer(buffer), 0, array as Float32Array<ArrayBuffer>),
    read,
    readSync: () => {
      throw new DeviceError({
        op: 'dataSync',
        expected: 'a device that is read at once',
        got: 'spike',
        hint: 'await x.data()',
      })
    },
  }
  return { backend, ran }
}
