/** gpu.js as a compiler: an expression in, WGSL out, at once. The only module that knows gpu.js, whose types lag behind. */
import { GPU } from 'gpu.js'

/** What of gpu.js 2.24.1 is used and not in its types. */
interface BuiltKernel {
  build(...args: unknown[]): Promise<unknown> | undefined
  kernel: { constructor: { name: string }; compiledSource: string }
}

const names = ['a', 'b'] as const

/** An elementwise kernel over dense f32 arrays. Bindings: 0 its sizes, then the operands, then the result. */
export interface ElementwiseKernel {
  wgsl: string
  /** the class of gpu.js that wrote it, so that a fallback does not go unseen */
  compiledBy: string
  operands: number
}

/**
 * Compiles an expression of `a[i]` and `b[i]`. After `build` a kernel holds its WGSL at once; the promise that `build`
 * also returns is for gpu.js's own buffers and fails without an adapter, which is none of our concern.
 */
export function compileElementwise(expression: string, operands: 1 | 2): ElementwiseKernel {
  const parameters = names.slice(0, operands)
  const gpu = new GPU({ mode: 'webgpu' as 'gpu' })
  const source = `function(${parameters.join(', ')}) { const i = this.thread.x; return ${expression}; }`
  const argumentTypes = Object.fromEntries(parameters.map((name) => [name, 'Array']))
  const kernel = gpu.createKernel(source as never, { output: [1], argumentTypes } as never) as unknown as BuiltKernel
  kernel.build(...parameters.map(() => new Float32Array(1)))?.catch(() => {})
  const built = kernel.kernel
  const { compiledSource } = built
  if (!compiledSource?.includes('@compute')) throw new Error(`gpu.js: expected WGSL at once, got ${compiledSource}`)
  return { wgsl: compiledSource, compiledBy: built.constructor.name, operands }
}
