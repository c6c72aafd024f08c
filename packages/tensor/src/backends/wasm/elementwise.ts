/** Elementwise kernels: operands of any strides, walked in the chunks of a nest of loops. */
import type { BinaryName, CompareName, Kernels, UnaryName, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { addressOf, type Engine, floatBits } from './engine.ts'
import { cheap, copyView, denseAt, walkViews } from './walk.ts'

/** The numbers that the compiled kernels know these by: places in these lists. */
const unaryNumbers: readonly UnaryName[] = [
  ...(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt', 'rsqrt', 'exp'] as const),
  ...(['expm1', 'log', 'log1p', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf', 'gelu', 'geluDerivative'] as const),
]
const binaryNumbers: readonly BinaryName[] = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum']
const compareNumbers: readonly CompareName[] = ['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual']

/** Elements a chunk of functions that polynomials approximate: some tens of µs, too. */
const dear = 4096
const quick = new Set<string>(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt'])

const chunkOf = (name: string): number => (quick.has(name) ? cheap : dear)

type Elementwise = Pick<Kernels, 'copy' | 'fill' | 'unary' | 'binary' | 'compare' | 'select' | 'geluWithDerivative'>

export function elementwiseKernels(engine: Engine): Elementwise {
  const walk = (kernel: string, operation: number, views: readonly View[], chunk: number): void =>
    walkViews(engine, kernel, operation, views, chunk)

  const typed = (kernel: string, x: View) => ({ f32: kernel, i32: `${kernel}Int`, bool: `${kernel}Bool` })[dtypeOf(x)]

  return {
    copy: (x, y) => copyView(engine, x, y),
    fill(value, y) {
      if (y.buffer.dtype === 'bool') walk('fillBool', Number(value !== 0), [y], cheap)
      else walk('fill', y.buffer.dtype === 'f32' ? floatBits(value) : value | 0, [y], cheap)
    },
    unary(name, x, y) {
      walk(typed('unary', x), unaryNumbers.indexOf(name), [x, y], chunkOf(name))
    },
    binary(name, a, b, y) {
      walk(typed('binary', a), binaryNumbers.indexOf(name), [a, b, y], name === 'pow' ? dear : cheap)
    },
    compare(name, a, b, y) {
      walk(typed('compare', a), compareNumbers.indexOf(name), [a, b, y], cheap)
    },
    select(condition, a, b, y) {
      walk('select', y.buffer.dtype === 'bool' ? 0 : 2, [condition, a, b, y], cheap)
    },
    geluWithDerivative(x, y, slope) {
      const size = sizeOf(x.shape)
      denseAt(engine, x, (at) =>
        engine.run('geluWithDerivative', [at, addressOf(y), addressOf(slope), size], Math.ceil(size / 4), dear / 4),
      )
    },
  }
}

const dtypeOf = (x: View) => x.buffer.dtype as 'f32' | 'i32' | 'bool'

type Elements = Uint8Array | Int32Array | Float32Array

/** A buffer as a typed array on the host; it lasts until memory grows. */
export function hostView(engine: Engine, x: View): Elements {
  const { at } = x.buffer.data as { at: number }
  const { buffer } = engine.heap
  if (x.buffer.dtype === 'bool') return new Uint8Array(buffer, at, x.buffer.capacity)
  if (x.buffer.dtype === 'i32') return new Int32Array(buffer, at, x.buffer.capacity)
  return new Float32Array(buffer, at, x.buffer.capacity)
}
