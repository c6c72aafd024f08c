/** Kernels that walk over operands of any strides: copies, choices, comparisons, and the arithmetic of integers. */
import type { BinaryName, CompareName, Kernels, UnaryName, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement } from './memory.ts'
import type { Scratch } from './scratch.ts'
import { bits, perThread, type Source, storedAs, type Word } from './source.ts'

/**
 * A nest of loops as WGSL: for each operand where element `index` lies, from `start` on. Sizes and strides are parameters,
 * so that one pipeline serves all shapes of a rank; a second nest of a kernel has another letter for its sizes.
 */
export function nestSource(
  names: readonly string[],
  rank: number,
  index = 'i',
  start = (name: string) => `p.${name}_at`,
  size = 'n',
): { params: Record<string, Word>; places: string } {
  const params: Record<string, Word> = {}
  const lines = [`  var rest = ${index};`, ...names.map((name) => `  var ${name}_i = ${start(name)};`)]
  for (let axis = rank - 1; axis >= 0; axis--) {
    params[`${size}${axis}`] = 'u32'
    const along = axis === 0 ? 'i32(rest)' : `i32(rest % p.${size}${axis})`
    for (const name of names) {
      params[`${name}_s${axis}`] = 'i32'
      lines.push(`  ${name}_i += ${along} * p.${name}_s${axis};`)
    }
    if (axis > 0) lines.push(`  rest /= p.${size}${axis};`)
  }
  return { params, places: lines.join('\n') }
}

/** The values of those parameters. */
export function nestParams(
  names: readonly string[],
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
  size = 'n',
): Record<string, number> {
  const params: Record<string, number> = {}
  for (const [axis, n] of sizes.entries()) {
    params[`${size}${axis}`] = n
    for (const [i, name] of names.entries()) params[`${name}_s${axis}`] = strides[i]![axis]!
  }
  return params
}

/** Conversions by dtypes, from and to; of a float towards zero, and of NaN to 0. */
const conversions: Record<string, string> = {
  'f32 i32': 'select(i32(clamp(v, -2147483648.0, 2147483520.0)), 0, is_nan(v))',
  'i32 f32': 'f32(v)',
  'f32 bool': 'u32((bitcast<u32>(v) & 0x7fffffffu) != 0u)',
  'i32 bool': 'u32(v != 0)',
  'bool i32': 'i32(v)',
  'bool f32': 'f32(v)',
}

const integerUnaries: Partial<Record<string, string>> = {
  neg: '-v',
  abs: 'abs(v)',
  sign: 'sign(v)',
  square: 'v * v',
  relu: 'max(v, 0)',
} satisfies Partial<Record<UnaryName, string>>

const integerBinaries: Partial<Record<string, string>> = {
  add: 'v + w',
  sub: 'v - w',
  mul: 'v * w',
  maximum: 'max(v, w)',
  minimum: 'min(v, w)',
} satisfies Partial<Record<BinaryName, string>>

const comparisons: Record<CompareName, string> = {
  equal: '==',
  notEqual: '!=',
  less: '<',
  lessEqual: '<=',
  greater: '>',
  greaterEqual: '>=',
}

/** Compares floats by their order as integers; NaN is like nothing. */
const floatComparison = (name: CompareName): string => {
  const compared = `key(x[x_i]) ${comparisons[name]} key(y[y_i])`
  const anyNan = '(is_nan(x[x_i]) || is_nan(y[y_i]))'
  return name === 'notEqual' ? `${anyNan} || ${compared}` : `!${anyNan} && ${compared}`
}

/** Whether a view is one element, everywhere. */
export const isRepeated = (x: View): boolean => x.strides.every((stride, i) => stride === 0 || x.shape[i] === 1)

export type Walker = ReturnType<typeof walkerOf>

export function walkerOf(engine: Engine, scratch: Scratch) {
  /**
   * Runs `statement` for every element: `x_i` is where the element of operand x lies, the last operand is the result.
   * `type` reads all operands in one type, bits as they are; `value` is p.value, an unsigned integer.
   */
  function walk(name: string, operands: Record<string, View>, statement: string, type?: string, value = 0): void {
    const names = Object.keys(operands)
    const views = Object.values(operands)
    const { shape } = views[0]!
    if (shape.includes(0)) return
    const types = views.map((x) => type ?? storedAs[x.buffer.dtype])
    const cut = engine.inParts(views, shape.length, (parts) => {
      const { sizes, strides } = joinAxes(parts[0]!.shape, parts)
      const source = (): Source => {
        const { params, places } = nestSource(names, sizes.length)
        const typed = names.map((operand, i) => [operand, types[i]!] as const)
        return {
          params: { threads: 'u32', value: 'u32', ...params },
          reads: Object.fromEntries(typed.slice(0, -1)),
          writes: Object.fromEntries(typed.slice(-1)),
          body: perThread(`${places}\n  ${statement}`, bits),
        }
      }
      const of = Object.fromEntries(names.map((operand, i) => [operand, parts[i]!]))
      const params = { value, ...nestParams(names, sizes, strides) }
      engine.runThreads(`wgsl:${name}/${types.join()}/${sizes.length}`, source, of, sizeOf(parts[0]!.shape), params)
    })
    if (cut === null) throw tooLarge(name, bytesPerElement, engine.bindingLimit)
  }

  const copy: Kernels['copy'] = (x, y) => {
    const [from, to] = [x.buffer.dtype, y.buffer.dtype]
    const conversion = conversions[`${from} ${to}`]
    // of one dtype as bits, so that no driver makes another NaN of a NaN, or 0 of a subnormal number
    if (conversion) walk(`${from} to ${to}`, { x, r: y }, `let v = x[x_i]; r[r_i] = ${conversion};`)
    else walk('copy', { x, r: y }, 'r[r_i] = x[x_i];', 'u32')
  }

  /** Calls `body` with views that `accept` takes: dense copies of those that it does not. */
  function dense<T>(
    views: readonly View[],
    body: (dense: readonly View[]) => T,
    accept: (x: View) => boolean = isDense,
  ): T {
    const at = views.findIndex((x) => !accept(x))
    const x = views[at]
    if (!x) return body(views)
    return scratch.use(x.buffer.dtype, x.shape, (y) => {
      copy(x, y)
      return dense(views.with(at, y), body, accept)
    })
  }

  return {
    walk,
    copy,
    dense,
    fill(value: number, y: View): void {
      walk('fill', { r: y }, 'r[r_i] = p.value;', 'u32', y.buffer.dtype === 'f32' ? floatBits(value) : value)
    },
    compare(name: CompareName, a: View, b: View, y: View): void {
      const test = a.buffer.dtype === 'f32' ? floatComparison(name) : `x[x_i] ${comparisons[name]} y[y_i]`
      walk(name, { x: a, y: b, r: y }, `r[r_i] = u32(${test});`)
    },
    select(condition: View, a: View, b: View, y: View): void {
      const statement = 'if (c[c_i] != 0u) { r[r_i] = x[x_i]; } else { r[r_i] = y[y_i]; }'
      walk('select', { c: condition, x: a, y: b, r: y }, statement, 'u32')
    },
    integers(name: UnaryName | BinaryName, operands: readonly View[], y: View): void {
      const [x, w] = operands as [View, View?]
      if (w) walk(name, { x, y: w, r: y }, `let v = x[x_i]; let w = y[y_i]; r[r_i] = ${integerBinaries[name]};`)
      else walk(name, { x, r: y }, `let v = x[x_i]; r[r_i] = ${integerUnaries[name]};`)
    },
  }
}

const word = new DataView(new ArrayBuffer(4))

function floatBits(x: number): number {
  word.setFloat32(0, x)
  return word.getUint32(0)
}
