/** Elementwise kernels: operands of any strides, walked in the chunks of a nest of loops. */
import type { BinaryName, CompareName, Kernels, UnaryName, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import { addressOf, bytesOfView, type Engine } from './engine.ts'

/** The numbers that the compiled kernels know these by: places in these lists. */
const unaryNumbers: readonly UnaryName[] = [
  ...(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt', 'rsqrt', 'exp'] as const),
  ...(['expm1', 'log', 'log1p', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf', 'gelu', 'geluDerivative'] as const),
]
const binaryNumbers: readonly BinaryName[] = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum']
const compareNumbers: readonly CompareName[] = ['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual']

/** Elements a chunk: some tens of µs each. Those computed one at a time, in f64, cost twenty times as much. */
const cheap = 16384
const dear = 2048
const quick = new Set<string>(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt'])
const vectorized = new Set<string>(['exp', 'gelu', 'geluDerivative'])

const chunkOf = (name: string): number => (quick.has(name) ? cheap : vectorized.has(name) ? 2 * dear : dear / 2)

/** Conversions by their dtypes, from and to. */
const conversions: Record<string, number> = {
  'f32 i32': 2,
  'i32 f32': 3,
  'f32 bool': 4,
  'i32 bool': 5,
  'bool i32': 6,
  'bool f32': 7,
}

type Elementwise = Pick<Kernels, 'copy' | 'fill' | 'unary' | 'binary' | 'compare' | 'select' | 'mulGeluDerivative'>

export function elementwiseKernels(engine: Engine): Elementwise {
  /** Runs a kernel over operands of one shape; the last is the result. */
  const walk = (kernel: string, operation: number, views: readonly View[], chunk: number): void => {
    const { shape } = views[0]!
    if (shape.includes(0)) return
    const { sizes, strides } = joinAxes(shape, views)
    const rank = Math.max(1, sizes.length)
    const plan = [operation, rank, views.length]
    for (const x of views) plan.push(addressOf(x), bytesOfView(x) === 1 ? 0 : 2)
    plan.push(...(sizes.length === 0 ? [1] : sizes))
    for (const of of strides) plan.push(...(of.length === 0 ? [1] : of))
    engine.run(kernel, plan, sizeOf(shape), chunk)
  }

  const copy = (x: View, y: View): void => {
    const [from, to] = [x.buffer.dtype, y.buffer.dtype]
    const operation = from === to ? (from === 'bool' ? 1 : 0) : conversions[`${from} ${to}`]!
    walk('copy', operation, [x, y], cheap)
  }
  engine.copyInto = copy

  const typed = (kernel: string, x: View) => ({ f32: kernel, i32: `${kernel}Int`, bool: `${kernel}Bool` })[dtypeOf(x)]

  return {
    copy,
    fill(value, y) {
      const view = hostView(engine, y)
      const { sizes, strides } = joinAxes(y.shape, [y])
      if (y.shape.includes(0)) return
      if (isDense(y)) view.fill(value, y.offset, y.offset + sizeOf(y.shape))
      else fillStrided(view, value, y.offset, sizes, strides[0]!)
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
    mulGeluDerivative(d, x, y) {
      engine.dense(d, (dAt) =>
        engine.dense(x, (xAt) => {
          const size = sizeOf(y.shape)
          engine.run('geluDerivative', [dAt, xAt, addressOf(y), sizeOf(x.shape), size], Math.ceil(size / 4), dear / 2)
        }),
      )
    },
  }
}

const dtypeOf = (x: View) => x.buffer.dtype as 'f32' | 'i32' | 'bool'

function fillStrided(
  to: Elements,
  value: number,
  offset: number,
  sizes: readonly number[],
  strides: readonly number[],
) {
  if (sizes.length === 0) {
    to[offset] = value
    return
  }
  const [n, ...rest] = sizes
  for (let i = 0; i < n!; i++) fillStrided(to, value, offset + i * strides[0]!, rest, strides.slice(1))
}

type Elements = Uint8Array | Int32Array | Float32Array

/** A buffer as a typed array on the host; it lasts until memory grows. */
export function hostView(engine: Engine, x: View): Elements {
  const { at } = x.buffer.data as { at: number }
  const { buffer } = engine.heap
  if (x.buffer.dtype === 'bool') return new Uint8Array(buffer, at, x.buffer.capacity)
  if (x.buffer.dtype === 'i32') return new Int32Array(buffer, at, x.buffer.capacity)
  return new Float32Array(buffer, at, x.buffer.capacity)
}
