/** Kernels that take a row at a time, many threads to a row or one: softmax, layer norm, running sums. */
import type { Kernels, View } from '../../kernels.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement } from './memory.ts'
import type { Scratch } from './scratch.ts'
import { bits, groupSize, type Source, storedAs, type Word } from './source.ts'
import { isRepeated, nestParams, nestSource, type Walker } from './walk.ts'

/**
 * Combines what the lanes of a row have found; all lanes get the result. A group of 64 threads has 64 / LANES rows, and
 * every thread of it must come here, also those of rows beyond the last.
 */
const combine = (name: string, of: (a: string, b: string) => string): string => /* wgsl */ `
fn ${name}(mine: f32, lane: u32, local: u32) -> f32 {
  if (LANES == 1u) { return mine; }
  shared_values[local] = mine;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { shared_values[local] = ${of('shared_values[local]', 'shared_values[local + half]')}; }
    workgroupBarrier();
  }
  let whole = shared_values[local - lane];
  workgroupBarrier();
  return whole;
}`

const helpers = `${bits}
var<workgroup> shared_values: array<f32, ${groupSize}>;
/* e^(v − top), 0 where there is nothing left of it: what drivers make of e^−∞ differs */
fn power(v: f32, top: f32) -> f32 {
  let d = v - top;
  if (not_finite(v) || d < -104.0) { return 0.0; }
  return exp(d);
}
fn larger(a: f32, b: f32) -> f32 { if (is_nan(a) || is_nan(b)) { return nan_of(0u); } return max(a, b); }
${combine('sum_of', (a, b) => `${a} + ${b}`)}
${combine('largest_of', (a, b) => `larger(${a}, ${b})`)}`

/** The rows of a kernel: its operands share leading axes; the last axis is walked over by the kernel itself. */
export interface Rows {
  readonly reads: Readonly<Record<string, View>>
  readonly writes: Readonly<Record<string, View>>
  readonly params?: Readonly<Record<string, readonly [Word, number]>>
}

/**
 * Runs `body` for every row. In it \`x(k)\` stands for element k of operand x, \`n\` for the length, \`lane\` for the
 * number of this thread among LANES, and a row beyond the last, which must not be written, has \`inside\` false.
 */
export function rowRunner(engine: Engine, walker: Walker) {
  /** Parts are cut along the leading axes; so what lies apart and does not fit is copied together first. */
  return (name: string, rows: Rows, length: number, body: string, before = ''): void => {
    const [names, views] = [Object.keys(rows.reads), Object.values(rows.reads)]
    const fitting = (x: View) => engine.fits(x) || isDense(x) || isRepeated(x)
    walker.dense(
      views,
      (dense) =>
        run(name, { ...rows, reads: Object.fromEntries(names.map((of, i) => [of, dense[i]!])) }, length, body, before),
      fitting,
    )
  }

  function run(name: string, rows: Rows, length: number, body: string, before: string): void {
    const lanes = lanesFor(engine, length)
    const operands = { ...rows.reads, ...rows.writes }
    const names = Object.keys(operands)
    const views = Object.values(operands)
    const leading = views[0]!.shape.length - 1
    if (views.at(-1)!.shape.slice(0, leading).includes(0)) return
    const cut = engine.inParts(views, leading, (parts) => {
      const heads = parts.map((x) => ({ ...x, shape: x.shape.slice(0, -1), strides: x.strides.slice(0, -1) }))
      const { sizes, strides } = joinAxes(heads[0]!.shape, heads)
      const count = sizes.reduce((a, b) => a * b, 1)
      const types = parts.map((x) => storedAs[x.buffer.dtype])
      const own = Object.entries(rows.params ?? {})
      const source = () =>
        rowSource(names, types, Object.keys(rows.reads).length, sizes.length, own, lanes, body, before)
      const params: Record<string, number> = { rows: count, length, ...nestParams(names, sizes, strides) }
      for (const [i, operand] of names.entries()) params[`${operand}_step`] = parts[i]!.strides.at(-1)!
      for (const [param, [, value]] of own) params[param] = value
      const of = Object.fromEntries(names.map((operand, i) => [operand, parts[i]!]))
      const key = `wgsl:${name}/${types.join()}/${sizes.length}/${lanes}`
      engine.run(key, source, of, params, engine.groupsFor(count * lanes))
    })
    if (cut === null) throw tooLarge(name, length * bytesPerElement, engine.bindingLimit)
  }
}

function rowSource(
  names: readonly string[],
  types: readonly string[],
  reads: number,
  rank: number,
  own: readonly (readonly [string, readonly [Word, number]])[],
  lanes: number,
  body: string,
  before: string,
): Source {
  const { params, places } = nestSource(names, rank)
  const typed = names.map((operand, i) => [operand, types[i]!] as const)
  const steps = Object.fromEntries(names.map((operand) => [`${operand}_step`, 'i32' as const]))
  const element = names.reduce(
    (text, operand) =>
      text.replaceAll(
        new RegExp(`\\b${operand}\\((\\w+)\\)`, 'g'),
        `${operand}[${operand}_i + i32($1) * p.${operand}_step]`,
      ),
    body,
  )
  const words = Object.fromEntries(own.map(([param, [word]]) => [param, word]))
  return {
    params: { rows: 'u32', length: 'u32', ...params, ...steps, ...words },
    reads: Object.fromEntries(typed.slice(0, reads)),
    writes: Object.fromEntries(typed.slice(reads)),
    body: `const LANES = ${lanes}u;
${helpers}
${before}
@compute @workgroup_size(${groupSize}) fn main(
  @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32
) {
  let thread = (group.x + group.y * groups.x) * ${groupSize}u + local;
  let lane = thread % LANES;
  let inside = thread / LANES < p.rows;
  let i = min(thread / LANES, p.rows - 1u);
  let n = p.length;
${places}
${element}
}`,
  }
}

/** So many lanes that each has a few elements: one on drivers that like it so, and a group for long rows. */
function lanesFor({ serial }: Engine, length: number): number {
  if (serial) return 1
  let lanes = 1
  while (lanes < groupSize && lanes * 4 < length) lanes *= 2
  return lanes
}

/**
 * Softmax of `value`, made of operands' elements k, over the k that are `kept`: the others, and all of a row for which
 * `empty` holds, give 0.
 */
export const softmaxBody = (value: string, kept = 'true', empty = 'false') => /* wgsl */ `
  var top = infinity_of(0x80000000u);
  for (var k = lane; k < n; k += LANES) { if (${kept}) { top = larger(top, ${value}); } }
  top = largest_of(top, lane, local);
  var sum = 0.0;
  for (var k = lane; k < n; k += LANES) { if (${kept}) { sum += power(${value}, top); } }
  sum = sum_of(sum, lane, local);
  for (var k = lane; k < n; k += LANES) {
    var result = 0.0;
    if (${kept} && !(${empty})) { result = power(${value}, top) / sum; }
    if (${kept} && !(${empty}) && not_finite(top)) { result = nan_of(0u); }
    if (inside) { y(k) = result; }
  }`

/**
 * Mean and 1 / √(variance + eps) of x. There is no f64: so the mean is corrected by that of the deviations from it, which
 * is what rounding left, and the variance with it.
 */
const statistics = /* wgsl */ `
  var total = 0.0;
  for (var k = lane; k < n; k += LANES) { total += x(k); }
  let rough = sum_of(total, lane, local) / f32(n);
  var deviation = 0.0;
  var squares = 0.0;
  for (var k = lane; k < n; k += LANES) { let c = x(k) - rough; deviation += c; squares += c * c; }
  let shift = sum_of(deviation, lane, local) / f32(n);
  let variance = max(sum_of(squares, lane, local) / f32(n) - shift * shift, 0.0);
  let scale = 1.0 / sqrt(variance + p.eps);`

const layerNormBody = /* wgsl */ `${statistics}
  for (var k = lane; k < n; k += LANES) {
    let z = ((x(k) - rough) - shift) * scale;
    if (inside) { y(k) = w(k) * z + b(k); }
  }`

const layerNormDerivativeBody = /* wgsl */ `${statistics}
  var sum = 0.0;
  var inner = 0.0;
  for (var k = lane; k < n; k += LANES) {
    var g = d(k);
    if (p.last == 0u) { g *= w(k); }
    sum += g;
    inner += g * ((x(k) - rough) - shift) * scale;
  }
  let mean_g = sum_of(sum, lane, local) / f32(n);
  let mean_gz = sum_of(inner, lane, local) / f32(n);
  for (var k = lane; k < n; k += LANES) {
    var g = d(k);
    if (p.last == 0u) { g *= w(k); }
    var result = (g - mean_g - ((x(k) - rough) - shift) * scale * mean_gz) * scale;
    if (p.last != 0u) { result *= w(k); }
    if (inside) { y(k) = result; }
  }`

/** factor q ∘ (d − ⟨d, q⟩) of probabilities q; `d` is made of operands' elements k. */
export const softmaxDerivativeBody = (d: string, factor = '') => /* wgsl */ `
  var sum = 0.0;
  for (var k = lane; k < n; k += LANES) { sum += ${d} * q(k); }
  let inner = sum_of(sum, lane, local);
  for (var k = lane; k < n; k += LANES) { if (inside) { y(k) = ${factor}q(k) * (${d} - inner); } }`

/**
 * Each lane adds up its stretch, then starts from what stands before it. Floats are added in blocks, so that chains of
 * roundings stay short.
 */
const cumsumBody = (zero: string) => /* wgsl */ `
  let stretch = (n + LANES - 1u) / LANES;
  let begin = min(lane * stretch, n);
  let end = min(begin + stretch, n);
  var before = ${zero};
  if (LANES > 1u) {
    var mine = ${zero};
    for (var block = begin; block < end; block += 32u) {
      var some = ${zero};
      for (var k = block; k < min(block + 32u, end); k++) { some += x(k); }
      mine += some;
    }
    shared_sums[local] = mine;
    workgroupBarrier();
    for (var l = 0u; l < lane; l++) { before += shared_sums[local - lane + l]; }
  }
  for (var block = begin; block < end; block += 32u) {
    var some = ${zero};
    for (var k = block; k < min(block + 32u, end); k++) { some += x(k); if (inside) { y(k) = before + some; } }
    before += some;
  }`

type RowKernels = Pick<
  Kernels,
  'cumsum' | 'softmax' | 'maskedSoftmax' | 'softmaxDerivative' | 'layerNorm' | 'layerNormDerivative'
>

/** A view with more leading axes, along which it repeats. */
export function stretched(x: View, shape: readonly number[]): View {
  const missing = shape.length - x.shape.length
  return { ...x, shape, strides: [...new Array<number>(missing).fill(0), ...x.strides] }
}

export function rowKernels(
  engine: Engine,
  walker: Walker,
  scratch: Scratch,
  constant: (value: number) => View,
  binary: Kernels['binary'],
): RowKernels {
  const run = rowRunner(engine, walker)
  const lengthOf = (x: View): number => x.shape.at(-1) ?? 1
  /** A vector of the row's length for every row; the number where there is none. */
  const vector = (w: View | null, shape: readonly number[], otherwise: number): View =>
    w ? stretched(w, shape) : { ...constant(otherwise), shape, strides: shape.map(() => 0) }
  return {
    softmax: (x, y) => run('softmax', { reads: { x }, writes: { y } }, lengthOf(x), softmaxBody('x(k)')),
    maskedSoftmax: (x, mask, y) =>
      run('maskedSoftmax', { reads: { x, m: mask }, writes: { y } }, lengthOf(x), softmaxBody('x(k)', 'm(k) != 0u')),
    softmaxDerivative(d, probabilities, y) {
      const q = stretched(probabilities, d.shape)
      run('softmaxDerivative', { reads: { d, q }, writes: { y } }, lengthOf(d), softmaxDerivativeBody('d(k)'))
    },
    layerNorm(x, residual, weight, bias, eps, y) {
      if (residual) {
        scratch.use('f32', x.shape, (sum) => {
          binary('add', x, residual, sum)
          this.layerNorm(sum, null, weight, bias, eps, y)
        })
        return
      }
      const [w, b] = [vector(weight, x.shape, 1), vector(bias, x.shape, 0)]
      run('layerNorm', { reads: { x, w, b }, writes: { y }, params: { eps: ['f32', eps] } }, lengthOf(x), layerNormBody)
    },
    layerNormDerivative(d, x, weight, eps, weightLast, y) {
      const reads = { d, x: stretched(x, d.shape), w: vector(weight, d.shape, 1) }
      const params = { eps: ['f32', eps], last: ['u32', Number(weightLast)] } as const
      run('layerNormDerivative', { reads, writes: { y }, params }, lengthOf(d), layerNormDerivativeBody)
    },
    cumsum(x, y) {
      const [type, zero] = x.buffer.dtype === 'i32' ? ['i32', '0'] : ['f32', '0.0']
      const sums = `var<workgroup> shared_sums: array<${type}, ${groupSize}>;`
      run('cumsum', { reads: { x }, writes: { y } }, lengthOf(x), cumsumBody(zero), sums)
    },
  }
}
