/**
 * gpu.js as a compiler: an expression in, WGSL out, at once. The only module that knows gpu.js, whose types lag behind
 * what it does; what is used here is undocumented, so the version is pinned and the output is looked at.
 */
import { internal } from '../../errors.ts'
import { noCompiler } from './errors.ts'
import { helpers, natives } from './expressions.ts'

/** What of gpu.js 2.24.1 is used. */
interface GpuJs {
  createKernel(source: string, settings: object): BuiltKernel
  addFunction(source: string, settings: object): void
  addNativeFunction(name: string, source: string, settings: object): void
}

interface BuiltKernel {
  build(...args: unknown[]): Promise<unknown> | undefined
  kernel: { constructor: { name: string }; compiledSource?: string }
}

/** gpu.js as it is imported, from its CommonJS or its browser build. */
interface GpuJsModule {
  GPU?: GpuJsClass
  default?: { GPU?: GpuJsClass }
}

type GpuJsClass = new (settings: { mode: string }) => GpuJs

/** How an operand is read: for each axis of the kernel, from the last, whether it is walked over or repeated. */
export type Walk = readonly boolean[]

/** Compiles an expression of x (and y), of which the operands are walked over so. */
export type Compile = (expression: string, walks: readonly Walk[]) => string

const operands = ['a', 'b'] as const
const values = ['x', 'y'] as const
const axes = ['x', 'y', 'z'] as const

/** `a[this.thread.z][this.thread.y][this.thread.x]`, with 0 along axes that the operand is repeated over. */
const element = (name: string, walk: Walk): string =>
  name +
  walk
    .map((walked, i) => (walked ? `[this.thread.${axes[i]}]` : '[0]'))
    .reverse()
    .join('')

/** gpu.js as a dependency of the user's, or null. */
const importGpuJs = (): Promise<GpuJsModule> => {
  const name = 'gpu.js' // an optional peer, which bundlers must not look for
  return import(name)
}

/**
 * Finds gpu.js and returns its compiler.
 *
 * @throws {DeviceError} where it is not installed, or is not the version that this module knows
 */
export async function loadCompiler(given?: unknown): Promise<Compile> {
  const module = (given ??
    (await importGpuJs().catch((cause) => {
      throw noCompiler('a package that cannot be imported', cause)
    }))) as GpuJsModule
  const inPage = globalThis as { GPU?: { GPU?: GpuJsClass } } // where its browser build leaves itself
  const GPU = module.GPU ?? module.default?.GPU ?? inPage.GPU?.GPU
  if (typeof GPU !== 'function') throw noCompiler('a module without its class GPU')
  const gpu = withStub(() => new GPU({ mode: 'webgpu' }))
  const number = { returnType: 'Number' }
  for (const { name, wgsl } of natives) gpu.addNativeFunction(name, wgsl, { ...number, argumentTypes: { x: 'Number' } })
  for (const { name, parameters, body } of helpers) {
    const argumentTypes = Object.fromEntries(parameters.map((parameter) => [parameter, 'Number']))
    gpu.addFunction(`function ${name}(${parameters.join(', ')}) { ${body} }`, { ...number, argumentTypes })
  }
  const compile: Compile = (expression, walks) => withStub(() => compileOn(gpu, expression, walks))
  compile('x + y', [[true], [true]]) // here and now, so that another version is an error at the start
  return compile
}

/**
 * After `build` a kernel holds its WGSL at once; the promise that `build` also returns is for gpu.js's own buffers and
 * fails without an adapter, which is none of our concern.
 */
function compileOn(gpu: GpuJs, expression: string, walks: readonly Walk[]): string {
  const rank = walks[0]!.length
  const names = operands.slice(0, walks.length)
  const reads = names.map((name, i) => `const ${values[i]} = ${element(name, walks[i]!)};`)
  const source = `function(${names.join(', ')}) { ${reads.join(' ')} return ${expression}; }`
  const sample = (depth: number): unknown => (depth === 1 ? new Float32Array(1) : [sample(depth - 1)])
  const kernel = gpu.createKernel(source, {
    output: new Array<number>(rank).fill(1),
    argumentTypes: Object.fromEntries(names.map((name) => [name, 'Array'])),
  })
  kernel.build(...names.map(() => sample(rank)))?.catch(() => {})
  const { compiledSource, constructor: compiler } = kernel.kernel
  // another class would be a fallback: WebAssembly, or plain JavaScript
  if (compiler.name !== 'WebGPUKernel') throw noCompiler(`one that answers with a ${compiler.name}`)
  const expected = `@group(0) @binding(${names.length + 1}) var<storage, read_write> result : array<f32>`
  if (!compiledSource?.includes(expected) || !compiledSource.includes('outputX : u32')) {
    throw noCompiler('a version whose WGSL has another form')
  }
  if (compiledSource.includes('LOOP_MAX')) throw internal('an expression with a loop')
  return compiledSource
}

/** Calls gpu.js while `navigator.gpu` is an empty promise: it wants one, and should open no device of its own. */
function withStub<T>(call: () => T): T {
  const scope = globalThis as { navigator?: object }
  const owner = scope.navigator ?? {}
  const had = { navigator: 'navigator' in scope, gpu: Object.getOwnPropertyDescriptor(owner, 'gpu') }
  if (!had.navigator) Object.defineProperty(scope, 'navigator', { value: owner, configurable: true, writable: true })
  Object.defineProperty(owner, 'gpu', { value: { requestAdapter: async () => null }, configurable: true })
  try {
    return call()
  } finally {
    if (had.gpu) Object.defineProperty(owner, 'gpu', had.gpu)
    else Reflect.deleteProperty(owner, 'gpu')
    if (!had.navigator) Reflect.deleteProperty(scope, 'navigator')
  }
}
