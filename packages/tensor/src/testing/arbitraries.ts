/**
 * Generators of shapes and tensors for property tests with fast-check, an optional peer. Shrinking leads to small, dense
 * tensors of simple numbers, and a counterexample prints its values.
 */
import type { Arbitrary } from 'fast-check'
import { type DType, newArray } from '../dtype.ts'
import { DeviceError, OptionError } from '../errors.ts'
import { tensor as make } from '../ops/create.ts'
import { expand, permute, slice } from '../ops/movement.ts'
import { type Shape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

const loaded = await import('fast-check').catch(() => null)

/** fast-check, or an error that says how to get it. */
function fastCheck() {
  if (loaded) return loaded
  throw new DeviceError({
    op: 'arbitraries',
    expected: 'the package fast-check',
    got: 'none',
    hint: 'npm i -D fast-check',
  })
}

/** Sizes at which loops go wrong: one, around SIMD widths and their tails, and none. */
const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 0] as const

export interface ShapeOptions {
  /** the number of axes, or the least and the most; default [0, 4] */
  rank?: number | readonly [least: number, most: number]
  /** the most elements; default 256 */
  maxElements?: number
  /** whether an axis may have size 0; default true */
  empty?: boolean
}

function rankBounds({ rank = [0, 4] }: ShapeOptions): readonly [number, number] {
  const bounds = typeof rank === 'number' ? ([rank, rank] as const) : rank
  if (bounds.every((n) => Number.isInteger(n) && n >= 0) && bounds[0] <= bounds[1]) return bounds
  throw new OptionError({ op: 'arbitraries', expected: 'a rank, or [least, most]', got: JSON.stringify(rank) })
}

/** Sets axes to 1, the longest first, until the shape holds few enough elements. */
function limited(shape: Shape, maxElements: number): Shape {
  if (sizeOf(shape) <= maxElements) return shape
  const longest = shape.indexOf(Math.max(...shape))
  return limited(
    shape.map((n, i) => (i === longest ? 1 : n)),
    maxElements,
  )
}

/** Shapes with axes of size one, of SIMD widths and their tails, and of none. */
function shape(options: ShapeOptions = {}): Arbitrary<Shape> {
  const { constantFrom, array } = fastCheck()
  const [minLength, maxLength] = rankBounds(options)
  const { maxElements = 256, empty = true } = options
  const axis = constantFrom(...sizes.filter((n) => empty || n > 0))
  return array(axis, { minLength, maxLength }).map((axes) => limited(axes, maxElements))
}

/** Two shapes that broadcast: either may lack leading axes, and have 1 where the other has more. */
function broadcastPair(options: ShapeOptions = {}): Arbitrary<[Shape, Shape]> {
  const { array, constantFrom, nat } = fastCheck()
  return shape(options).chain((common) => {
    const { length } = common
    const choices = array(constantFrom('both', 'first', 'second'), { minLength: length, maxLength: length })
    const least = rankBounds(options)[0]
    const dropped = nat({ max: Math.max(0, length - least) })
    return choices.chain((kept) =>
      dropped.map((lead): [Shape, Shape] => {
        const first = common.map((n, i) => (kept[i] === 'second' ? 1 : n))
        const second = common.map((n, i) => (kept[i] === 'first' ? 1 : n))
        return [first, second.slice(lead)]
      }),
    )
  })
}

export interface TensorOptions extends ShapeOptions {
  /** this shape, instead of any */
  shape?: Shape
  /** finite elements are drawn from here; default [-10, 10] */
  domain?: readonly [low: number, high: number]
  /** default `f64` */
  dtype?: DType
  /** mixes in ±0, ±∞, NaN, the smallest and the largest numbers of floats; default false */
  edges?: boolean
  /** how the elements may lie in memory: dense only, or also as views with other strides; default true */
  views?: boolean
  /** default `ref` */
  device?: string
}

const layouts = ['dense', 'transposed', 'reversed', 'strided', 'offset', 'stretched'] as const
type LayoutName = (typeof layouts)[number]

/** A tensor with these values whose elements lie in memory in another way. `stretched` repeats the first row. */
function laidOut(values: Tensor, layout: LayoutName): Tensor {
  const { shape: to, rank } = values
  if (rank === 0 || layout === 'dense') return values
  const data = values.dataSync()
  const again = (elements: ArrayLike<number>, own: Shape) =>
    make(Object.assign(newArray(values.dtype, sizeOf(own)), elements), own, values)
  const axes = to.map((_, i) => rank - 1 - i)
  switch (layout) {
    case 'transposed':
      return permute(again(permute(values, axes).dataSync(), [...to].reverse()), axes)
    case 'reversed': {
      const step = to.map(() => -1)
      return slice(again(slice(values, [], [], step).dataSync(), to), [], [], step)
    }
    case 'strided': {
      const spread = [...data].flatMap((x) => [x, 7])
      return slice(again(spread, [...to.slice(0, -1), to[rank - 1]! * 2]), [], [], [...to.slice(1).map(() => null), 2])
    }
    case 'offset': {
      const row = sizeOf(to.slice(1))
      return slice(again([...new Array<number>(row).fill(7), ...data], [to[0]! + 1, ...to.slice(1)]), [1])
    }
    case 'stretched':
      return to[0] === 0 ? values : expand(again(data.slice(0, sizeOf(to.slice(1))), [1, ...to.slice(1)]), to)
  }
}

function elementOf({ domain = [-10, 10], dtype = 'f64', edges = false }: TensorOptions): Arbitrary<number> {
  const { constantFrom, double, float, integer, nat, oneof } = fastCheck()
  const [low, high] = domain
  if (dtype === 'bool') return nat({ max: 1 })
  if (dtype === 'i32') return integer({ min: Math.ceil(low), max: Math.floor(high) })
  const [least, most] = dtype === 'f32' ? [2 ** -149, (2 - 2 ** -23) * 2 ** 127] : [Number.MIN_VALUE, Number.MAX_VALUE]
  const finite =
    dtype === 'f32'
      ? float({ min: Math.fround(low), max: Math.fround(high), noNaN: true })
      : double({ min: low, max: high, noNaN: true })
  // whole numbers are what a counterexample should shrink to
  const plain = Math.ceil(low) <= Math.floor(high) ? [integer({ min: Math.ceil(low), max: Math.floor(high) })] : []
  const extremes = [0, -0, Infinity, -Infinity, Number.NaN, least, -least, most, -most]
  const kinds = [...plain, finite, ...(edges ? [constantFrom(...extremes)] : [])]
  return oneof({ withCrossShrink: true }, ...kinds)
}

/**
 * What a tensor is filled with and how it lies, apart from its shape: so the shape shrinks and the numbers stay. They
 * are taken in turn, again from the first where they run out: so a single number that fails shrinks to one element.
 */
function contents(options: TensorOptions): Arbitrary<[number[], LayoutName]> {
  const { array, constantFrom, tuple } = fastCheck()
  const { maxElements = 256, views = true } = options
  const numbers = array(elementOf(options), { minLength: 1, maxLength: Math.max(1, maxElements), size: 'max' })
  return tuple(numbers, views ? constantFrom(...layouts) : constantFrom<LayoutName>('dense'))
}

/** A tensor that fast-check prints with its values. */
function build(of: Shape, [numbers, layout]: [number[], LayoutName], options: TensorOptions): Tensor {
  const { dtype = 'f64', device = 'ref' } = options
  const array = newArray(dtype, sizeOf(of))
  for (let i = 0; i < array.length; i++) array[i] = numbers[i % numbers.length]!
  const x = laidOut(make(array, of, { dtype, device }), layout)
  const print = (n: number) => (Object.is(n, -0) ? '-0' : String(n))
  const text = () => `${dtype} [${of.join(', ')}] ${layout} [${Array.from(x.dataSync(), print).join(', ')}]`
  return Object.assign(x, { [fastCheck().toStringMethod]: text })
}

/**
 * Tensors, dense and as views with other strides, offsets and repeated rows.
 *
 * @example fc.property(arbitraries.tensor({ rank: [1, 3], domain: [-3, 3] }), (x) => …)
 */
function tensor(options: TensorOptions = {}): Arbitrary<Tensor> {
  const { constant, tuple } = fastCheck()
  const shapes = options.shape ? constant(options.shape) : shape(options)
  return tuple(shapes, contents(options)).map(([of, filling]) => build(of, filling, options))
}

/** Two tensors whose shapes broadcast. */
function tensorPair(options: Omit<TensorOptions, 'shape'> = {}): Arbitrary<[Tensor, Tensor]> {
  const { tuple } = fastCheck()
  return tuple(broadcastPair(options), contents(options), contents(options)).map(([[a, b], first, second]) => [
    build(a, first, options),
    build(b, second, options),
  ])
}

/** Arbitraries for fast-check; each throws a `DeviceError` where fast-check is not installed. */
export const arbitraries = { shape, broadcastPair, tensor, tensorPair }
