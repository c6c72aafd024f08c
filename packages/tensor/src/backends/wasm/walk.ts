/** Nests of loops over strided operands: how the compiled walk is told of them, and the copies that all kernels need. */
import type { View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import { addressOf, type Block, bytesOfView, type Engine } from './engine.ts'

/** Elements a chunk of operations that memory bounds: some tens of µs. */
export const cheap = 16384

/** Conversions by their dtypes, from and to. */
const conversions: Record<string, number> = {
  'f32 i32': 2,
  'i32 f32': 3,
  'f32 bool': 4,
  'i32 bool': 5,
  'bool i32': 6,
  'bool f32': 7,
}

/** Runs an elementwise kernel over operands of one shape; the last is the result. */
export function walkViews(
  engine: Engine,
  kernel: string,
  operation: number,
  views: readonly View[],
  chunk: number,
): void {
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

/** Copies x into y, converting the dtype. */
export function copyView(engine: Engine, x: View, y: View): void {
  const [from, to] = [x.buffer.dtype, y.buffer.dtype]
  const operation = from === to ? (from === 'bool' ? 1 : 0) : conversions[`${from} ${to}`]!
  walkViews(engine, 'copy', operation, [x, y], cheap)
}

/** Calls `body` with the address of the view's elements in row-major order, copied where they do not lie so. */
export function denseAt<T>(engine: Engine, x: View, body: (at: number) => T): T {
  if (isDense(x)) return body(addressOf(x))
  const { shape, buffer } = x
  const bytes = sizeOf(shape) * bytesOfView(x)
  return engine.temporary(bytes, (at) => {
    const data = { at, bytes } satisfies Block
    copyView(engine, x, {
      buffer: { dtype: buffer.dtype, capacity: 0, data },
      shape,
      strides: stridesOf(shape),
      offset: 0,
    })
    return body(at)
  })
}

/** The same of several operands; 0 for those that are null. */
export function denseAddresses(engine: Engine, views: readonly (View | null)[], body: (...at: number[]) => void): void {
  const next = (i: number, found: number[]): void => {
    const x = views[i]
    if (i === views.length) body(...found)
    else if (x) denseAt(engine, x, (at) => next(i + 1, [...found, at]))
    else next(i + 1, [...found, 0])
  }
  next(0, [])
}
