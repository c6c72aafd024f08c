/** Elementwise kernels of floats, compiled by gpu.js and dispatched on our own pipelines and buffers. */
import type { Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Compile, Walk } from './compiler.ts'
import type { Engine, Groups } from './engine.ts'
import { binaries, unaries } from './expressions.ts'
import { alignment, bytesPerElement, windowOf } from './memory.ts'
import { isRepeated, type Walker } from './walk.ts'

type Floats = (name: string, views: readonly View[], y: View) => void

/** How a kernel of gpu.js walks over its operands: at most three axes, of each the size, and of each operand whether. */
interface Plan {
  /** from the last axis */
  readonly sizes: readonly number[]
  readonly walks: readonly Walk[]
  /** of each operand the sizes of its rows and planes, as gpu.js multiplies them */
  readonly pitches: readonly (readonly [number, number])[]
}

/**
 * gpu.js reads `x + width · (y + height · z)`: so it can walk over an operand whose last axis is dense or repeated, and
 * whose other axes are repeated or a whole number of the inner ones apart. Null for others.
 */
function planOf(shape: readonly number[], views: readonly View[], y: View): Plan | null {
  const { sizes, strides } = joinAxes(shape, [...views, y])
  if (sizes.length > 3) return null
  const reversed = sizes.length === 0 ? [1] : [...sizes].reverse()
  const walks: Walk[] = []
  const pitches: [number, number][] = []
  for (const [i] of views.entries()) {
    const [x = 0, row = 0, plane = 0] = [...strides[i]!].reverse()
    if (x !== 0 && x !== 1) return null
    const width = row === 0 ? 1 : row
    if (row < 0 || plane < 0 || plane % width !== 0) return null
    walks.push([x, row, plane].slice(0, reversed.length).map((step) => step !== 0))
    pitches.push([width, plane === 0 ? 1 : plane / width])
  }
  return { sizes: reversed, walks, pitches }
}

/** Where a view starts at a multiple of what a binding may start at, as gpu.js's kernels read from their binding's start. */
const startsAligned = (x: View): boolean => (x.offset * bytesPerElement) % alignment === 0

export function floatKernels(engine: Engine, compile: Compile, walker: Walker): Floats {
  /** Runs a plan: one dispatch. */
  function run(name: string, expression: string, plan: Plan, views: readonly View[], y: View): void {
    const shapeClass = plan.walks.map((walk) => walk.map((walked) => (walked ? 1 : 0)).join('')).join('.')
    const [width = 1, height = 1, depth = 1] = plan.sizes
    const groups: Groups =
      plan.sizes.length === 1 ? engine.groupsFor(width) : [Math.ceil(width / 8), Math.ceil(height / 8), depth]
    const dispatchWidth = plan.sizes.length === 1 ? groups[0] * 64 : 0
    const operands = plan.pitches.flatMap(([pitch, planes]) => [pitch, planes, 1, 0])
    engine.runForeign(
      `gpu.js:${name}/${shapeClass}`,
      () => compile(expression, plan.walks),
      [...views, y].map(windowOf),
      [width, height, depth, dispatchWidth, ...operands],
      groups,
    )
  }

  const runnable = (plan: Plan | null, views: readonly View[]): plan is Plan => {
    if (plan === null || !views.every(startsAligned) || !engine.fits(...views)) return false
    const [width = 1, height = 1, depth = 1] = plan.sizes
    const most = engine.device.limits.maxComputeWorkgroupsPerDimension
    return plan.sizes.length === 1 || Math.max(width / 8, height / 8, depth) <= most
  }

  /** All operands dense: along the flat index, in parts that fit a binding. */
  function runFlat(name: string, expression: string, views: readonly View[], y: View): void {
    const size = sizeOf(y.shape)
    const part = engine.bindingLimit / bytesPerElement
    for (let start = 0; start < size; start += part) {
      const shape = [Math.min(part, size - start)]
      const cut = (x: View): View =>
        x.strides.every((stride) => stride === 0) || size === 1
          ? { ...x, shape, strides: [0] }
          : { ...x, shape, strides: [1], offset: x.offset + start }
      const [parts, to] = [views.map(cut), cut(y)]
      run(name, expression, planOf(shape, parts, to)!, parts, to)
    }
  }

  return (name, given, y) => {
    const expression = given.length === 1 ? unaries[name as 'neg'] : binaries[name as 'add']
    if (sizeOf(y.shape) === 0) return
    const plan = planOf(y.shape, given, y)
    if (runnable(plan, [...given, y])) return run(name, expression, plan, given, y)
    const whole = given.map((x) => (isRepeated(x) ? { ...x, shape: [1], strides: [1] } : { ...x }))
    walker.dense(
      whole,
      (dense) => {
        const stretched = dense.map((x) =>
          sizeOf(x.shape) === 1
            ? { ...x, shape: y.shape, strides: y.shape.map(() => 0) }
            : { ...x, strides: stridesOf(x.shape) },
        )
        runFlat(name, expression, stretched, y)
      },
      (x) => isDense(x) && startsAligned(x),
    )
  }
}

type Elementwise = Pick<Kernels, 'copy' | 'fill' | 'unary' | 'binary' | 'compare' | 'select' | 'geluWithDerivative'>

/** Floats by gpu.js; integers, truth values, comparisons and copies by kernels of our own. */
export function elementwiseKernels(engine: Engine, compile: Compile, walker: Walker): Elementwise {
  const floats = floatKernels(engine, compile, walker)
  const isFloat = (x: View) => x.buffer.dtype === 'f32'
  return {
    copy: walker.copy,
    fill: walker.fill,
    compare: walker.compare,
    select: walker.select,
    unary: (name, x, y) => (isFloat(x) ? floats(name, [x], y) : walker.integers(name, [x], y)),
    binary: (name, a, b, y) => (isFloat(a) ? floats(name, [a, b], y) : walker.integers(name, [a, b], y)),
    // gpu.js's kernels have one result
    geluWithDerivative(x, y, slope) {
      floats('gelu', [x], y)
      floats('geluDerivative', [x], slope)
    },
  }
}
