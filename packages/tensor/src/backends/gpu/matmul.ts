/**
 * Matrix products. Each thread computes a block of 4 × 4 sums; strides carry transposes, so that no operand is copied.
 * Two kernels: one whose groups of 16 × 16 threads share tiles of both operands in workgroup memory, and one that reads
 * them as it goes, for products that are narrow, for devices whose groups are small, and for drivers on the processor.
 */
import type { Kernels, View } from '../../kernels.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement, halfOf, turned } from './memory.ts'
import type { Source, Word } from './source.ts'
import { nestParams, nestSource, type Walker } from './walk.ts'

/** Rows and columns of a thread's block, and of a group's tile. */
const block = 4
const across = 16
const tile = block * across
/** How far along k a tile reaches: two tiles of 64 × 16 floats are 8 KiB of the 16 that every device has. */
const depth = 16

const params = {
  ...{ m: 'u32', k: 'u32', n: 'u32', first: 'u32' },
  ...{ a_row: 'i32', a_column: 'i32', b_row: 'i32', b_column: 'i32', y_row: 'i32' },
} as const satisfies Record<string, Word>

/** The block's sums, and how they are written. */
const sums = Array.from({ length: block }, (_, r) => `  var s${r} = vec4<f32>();`).join('\n')
const unrolled = (line: (r: number) => string) => Array.from({ length: block }, (_, r) => line(r)).join('\n')
const store = (hasBias: boolean): string => /* wgsl */ `
${unrolled((r) => `  store(y_i, row + ${r}u, column, s${r});`)}
}
fn store(y_i: i32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= p.m) { return; }
  for (var c = 0u; c < ${block}u; c++) {
    if (column + c < p.n) { y[y_i + i32(row) * p.y_row + i32(column + c)] = sum[c]${hasBias ? ' + bias[p.bias_at + i32(column + c) * p.bias_step]' : ''}; }
  }
}`

/** Elements beyond the edges count as 0. */
const loads = /* wgsl */ `
fn a_value(a_i: i32, row: u32, k: u32) -> f32 {
  if (row >= p.m || k >= p.k) { return 0.0; }
  return a[a_i + i32(row) * p.a_row + i32(k) * p.a_column];
}
fn b_value(b_i: i32, k: u32, column: u32) -> f32 {
  if (k >= p.k || column >= p.n) { return 0.0; }
  return b[b_i + i32(k) * p.b_row + i32(column) * p.b_column];
}`

/** Each thread reads its four rows of a and four columns of b, step by step. */
const direct = (places: string, hasBias: boolean): string => /* wgsl */ `${loads}
@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.z + p.first;
${places}
  let column = id.x * ${block}u;
  let row = id.y * ${block}u;
  if (row >= p.m || column >= p.n) { return; }
${sums}
  for (var k = 0u; k < p.k; k++) {
    let v = vec4(${[0, 1, 2, 3].map((c) => `b_value(b_i, k, column + ${c}u)`).join(', ')});
${unrolled((r) => `    s${r} += a_value(a_i, row + ${r}u, k) * v;`)}
  }
${store(hasBias)}`

/** A group loads tiles of both operands once for all its threads. */
const tiled = (places: string, hasBias: boolean): string => /* wgsl */ `${loads}
var<workgroup> a_tile: array<array<f32, ${tile}>, ${depth}>;
var<workgroup> b_tile: array<array<f32, ${tile}>, ${depth}>;
@compute @workgroup_size(${across}, ${across}) fn main(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) index: u32
) {
  let i = group.z + p.first;
${places}
  let column = group.x * ${tile}u + local.x * ${block}u;
  let row = group.y * ${tile}u + local.y * ${block}u;
${sums}
  for (var start = 0u; start < p.k; start += ${depth}u) {
    // neighbouring threads load neighbouring elements, whichever axis is the dense one
    for (var e = index; e < ${tile * depth}u; e += ${across * across}u) {
      let a_k = select(e / ${tile}u, e % ${depth}u, p.a_column == 1);
      let a_r = select(e % ${tile}u, e / ${depth}u, p.a_column == 1);
      a_tile[a_k][a_r] = a_value(a_i, group.y * ${tile}u + a_r, start + a_k);
      let b_k = select(e / ${tile}u, e % ${depth}u, p.b_row == 1);
      let b_c = select(e % ${tile}u, e / ${depth}u, p.b_row == 1);
      b_tile[b_k][b_c] = b_value(b_i, start + b_k, group.x * ${tile}u + b_c);
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      let v = vec4(${[0, 1, 2, 3].map((c) => `b_tile[k][local.x * ${block}u + ${c}u]`).join(', ')});
${unrolled((r) => `      s${r} += a_tile[k][local.y * ${block}u + ${r}u] * v;`)}
    }
    workgroupBarrier();
  }
${store(hasBias)}`

/** Which kernel multiplies [m, k] by [k, n] on a device of such limits. */
export function chooseProduct(
  { serial, device }: Pick<Engine, 'serial' | 'device'>,
  [m, k, n]: readonly [number, number, number],
): 'tiled' | 'direct' {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = device.limits
  const room = maxComputeInvocationsPerWorkgroup >= across * across
  const memory = maxComputeWorkgroupStorageSize >= 2 * tile * depth * bytesPerElement
  const worth = m > tile / 4 && n > tile / 4 && k >= depth
  return room && memory && worth && !serial ? 'tiled' : 'direct'
}

const kinds = { direct: { text: direct, rows: 8 * block }, tiled: { text: tiled, rows: tile } } as const

export function matmulKernel(
  engine: Engine,
  walker: Walker,
  choose: typeof chooseProduct = chooseProduct,
): Pick<Kernels, 'matmul'> {
  const head = (x: View): View => ({ ...x, shape: x.shape.slice(0, -2), strides: x.strides.slice(0, -2) })

  /** One dispatch, or several where there are more products than groups fit. */
  function multiply(a: View, b: View, y: View, bias: View | null): void {
    const [m, k] = a.shape.slice(-2) as [number, number]
    const n = b.shape.at(-1)!
    const { sizes, strides } = joinAxes(y.shape.slice(0, -2), [head(a), head(b), head(y)])
    const kind = choose(engine, [m, k, n])
    const names = ['a', 'b', 'y']
    const source = (): Source => {
      const nest = nestSource(names, sizes.length)
      return {
        params: { ...params, ...(bias && ({ bias_step: 'i32' } as const)), ...nest.params },
        reads: { a: 'f32', b: 'f32', ...(bias && { bias: 'f32' }) },
        writes: { y: 'f32' },
        body: kinds[kind].text(nest.places, bias !== null),
      }
    }
    const [a_row, a_column] = a.strides.slice(-2) as [number, number]
    const [b_row, b_column] = b.strides.slice(-2) as [number, number]
    const values = {
      ...{ m, k, n, a_row, a_column, b_row, b_column, y_row: y.strides.at(-2)! },
      ...{ bias_step: bias?.strides[0] ?? 0, ...nestParams(names, sizes, strides) },
    }
    const { rows } = kinds[kind]
    const count = sizes.reduce((product, size) => product * size, 1)
    const most = engine.device.limits.maxComputeWorkgroupsPerDimension
    const name = `wgsl:matmul ${kind}/${sizes.length}${bias ? '/bias' : ''}`
    for (let first = 0; first < count; first += most) {
      const groups = [Math.ceil(n / rows), Math.ceil(m / rows), Math.min(most, count - first)] as const
      engine.run(name, source, { a, b, y, ...(bias && { bias }) }, { ...values, first }, groups)
    }
  }

  /** What does not fit a binding is cut: along the batch, rows of a and y, columns of b and y. */
  function multiplyParts(a: View, b: View, y: View, bias: View | null): void {
    if (engine.fits(a, b, y)) {
      multiply(a, b, y, bias)
      return
    }
    const rank = y.shape.length
    const batch = y.shape.slice(0, -2).findIndex((size) => size > 1)
    const [m, n] = y.shape.slice(-2) as [number, number]
    for (const h of [0, 1] as const) {
      if (batch >= 0) multiplyParts(halfOf(a, batch, h), halfOf(b, batch, h), halfOf(y, batch, h), bias)
      else if (m > 1 && !engine.fits(a, y)) multiplyParts(halfOf(a, rank - 2, h), b, halfOf(y, rank - 2, h), bias)
      else if (n > 1) {
        multiplyParts(a, halfOf(b, rank - 1, h), halfOf(y, rank - 1, h), bias && halfOf(bias, 0, h))
      } else throw tooLarge('matmul', a.shape.at(-1)! * bytesPerElement, engine.bindingLimit)
    }
  }

  function matmul(a: View, b: View, y: View, bias: View | null = null): void {
    if (y.shape.includes(0)) return
    if (engine.fits(a, b, y)) {
      multiply(a, b, y, bias)
      return
    }
    // rows of a and columns of b side by side, so that what is cut reaches no farther than its part
    walker.dense(
      [a, turned(b)],
      ([p, q]) => multiplyParts(p!, turned(q!), y, bias),
      (x) => engine.fits(x) || isDense(x),
    )
  }

  return { matmul }
}
