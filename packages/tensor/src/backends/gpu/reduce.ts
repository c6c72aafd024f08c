/**
 * Reductions. A thread combines a part of a row, and the parts are combined again: chains of additions stay short, which
 * is what keeps sums of floats exact, and no thread waits for another. The order depends on shapes alone.
 */
import type { ArgReduceName, Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement, halfOf } from './memory.ts'
import type { Scratch } from './scratch.ts'
import { bits, perThread, type Source, storedAs } from './source.ts'
import { nestParams, nestSource, type Walker } from './walk.ts'

/** Rows up to this length are one thread's; longer ones are shared by threads with so many elements each. */
const alone = 256
const each = 64

/** What a kernel reads beside x; `length` is the number of elements it has for a row, where that is not x's. */
interface Operand {
  readonly name: string
  readonly view: View
  readonly length?: number
}

/** How two results meet, and what nothing gives. `t` is the row's largest element, where the reduction asks for it. */
interface Reduction {
  readonly start: string
  readonly step: string
}

/** Over the bits of order where floats may be NaN or infinite. */
const extreme = (type: 'f32' | 'i32' | 'u32', better: '<' | '>'): Reduction => {
  const first = { f32: 'bitcast<f32>(0x7fc00000u | i)', i32: '0', u32: '0u' }[type] // never seen: the first wins
  const order = type === 'f32' ? (v: string) => rank(v, better) : (v: string) => v
  return { start: first, step: `if (k == part || ${order('v')} ${better} ${order('result')}) { result = v; }` }
}

/** A NaN wins on either side. */
const rank = (v: string, better: '<' | '>'): string => (better === '>' ? `key(${v})` : `(key(${v}) + 1u)`)

const sumOf = { start: '0', step: 'result += v;' }
const squaresOf = { start: '0', step: 'result += v * v;' }

/** Σ e^(v − t); where t is not finite it is the answer, and the sum does not matter. */
const powers = { start: '0', step: 'if (!not_finite(v) && !not_finite(t)) { result += exp(max(v - t, -104.0)); }' }

/** A view in which reduced and kept axes are one nest each. */
function nestsOf(x: View, axes: number) {
  const split = x.shape.length - axes
  const part = (from: number, to?: number): View => ({
    ...x,
    shape: x.shape.slice(from, to),
    strides: x.strides.slice(from, to),
  })
  const outer = joinAxes(x.shape.slice(0, split), [part(0, split)])
  const inner = joinAxes(x.shape.slice(split), [part(split)])
  return { outer, inner, rows: sizeOf(x.shape.slice(0, split)), length: sizeOf(x.shape.slice(split)) }
}

/** Neighbouring threads read neighbouring elements: along the row where it lies dense, else from row to row. */
const threadIndex = (along: boolean): string =>
  along ? 'let row = i / p.parts; let part = i % p.parts;' : 'let row = i % p.rows; let part = i / p.rows;'

export function reduceKernels(engine: Engine, scratch: Scratch, walker: Walker): Pick<Kernels, 'reduce' | 'argReduce'> {
  /**
   * Runs `body` with `parts` threads to a row of x, into y `[rows, parts]`: a thread gives `result` of the elements that
   * `part` and p.parts count out of p.length, element k at `x_i + element(k)`. `more` is one further operand, if any.
   */
  function perRow(name: string, x: View, axes: number, y: View, parts: number, body: string, more: Operand | null) {
    const { outer, inner, rows, length } = nestsOf(x, axes)
    const along = inner.strides[0]!.at(-1) === 1
    const types = [x, y].map(({ buffer }) => storedAs[buffer.dtype])
    const [rowNames, elementNames] = [['x'], ['element']]
    const source = (): Source => {
      const row = nestSource(rowNames, outer.sizes.length, 'row')
      const element = nestSource(elementNames, inner.sizes.length, 'k', () => '0', 'k')
      return {
        params: { threads: 'u32', rows: 'u32', length: 'u32', parts: 'u32', ...row.params, ...element.params },
        reads: { x: types[0]!, ...(more && { [more.name]: storedAs[more.view.buffer.dtype] }) },
        writes: { y: types[1]! },
        body: perThread(
          `  ${threadIndex(along)}
${row.places}
${body}
  y[p.y_at + i32(row * p.parts + part)] = result;`,
          `${bits}\nfn element(k: u32) -> i32 {\n${element.places}\n  return element_i;\n}`,
        ),
      }
    }
    const params = {
      ...{ rows, length: more?.length ?? length, parts },
      ...nestParams(rowNames, outer.sizes, outer.strides),
      ...nestParams(elementNames, inner.sizes, inner.strides, 'k'),
    }
    const key = [name, types[0], `${outer.sizes.length}.${inner.sizes.length}`, ...(along ? ['along'] : [])]
    const views = { x, y, ...(more && { [more.name]: more.view }) }
    engine.runThreads(`wgsl:${[...key, ...(more ? [more.name] : [])].join('/')}`, source, views, rows * parts, params)
  }

  /** One round: `parts` results for each row of x. */
  function round(name: string, { start, step }: Reduction, x: View, axes: number, y: View, parts: number, top?: View) {
    const body = `  ${top ? 'let t = top[p.top_at + i32(row)];' : ''}
  var result = ${storedAs[x.buffer.dtype]}(${start});
  for (var k = part; k < p.length; k += p.parts) { let v = x[x_i + element(k)]; ${step} }`
    perRow(name, x, axes, y, parts, body, top ? { name: 'top', view: top } : null)
  }

  /** x over its last `axes` axes, y dense of the leading ones. `after` combines the parts of a row. */
  function reduce(
    name: string,
    by: Reduction,
    after: [string, Reduction],
    x: View,
    axes: number,
    y: View,
    top?: View,
  ): void {
    const split = x.shape.length - axes
    if (sizeOf(y.shape) === 0) return
    const length = sizeOf(x.shape.slice(split))
    const parts = Math.ceil(length / each)
    if (!engine.fits(x) && !isDense(x)) walker.dense([x], ([dense]) => reduce(name, by, after, dense!, axes, y, top))
    else if (!engine.fits(x)) reduceParts(name, by, after, x, axes, y, top)
    else if (length <= alone) round(name, by, x, axes, y, 1, top)
    else
      scratch.use(x.buffer.dtype, [...x.shape.slice(0, split), parts], (partial) => {
        round(name, by, x, axes, partial, parts, top)
        reduce(...after, after, partial, 1, y)
      })
  }

  /** What does not fit one binding is cut: along a kept axis, or else the halves of a row are reduced by themselves. */
  function reduceParts(
    name: string,
    by: Reduction,
    after: [string, Reduction],
    x: View,
    axes: number,
    y: View,
    top?: View,
  ) {
    const split = x.shape.length - axes
    const kept = x.shape.slice(0, split).findIndex((n) => n > 1)
    if (kept >= 0) {
      for (const half of [0, 1] as const) {
        const tops = top && halfOf(top, kept, half)
        reduce(name, by, after, halfOf(x, kept, half), axes, halfOf(y, kept, half), tops)
      }
      return
    }
    const axis = x.shape.findIndex((n) => n > 1)
    scratch.use(x.buffer.dtype, [2], (halves) => {
      for (const half of [0, 1] as const) {
        const to = { ...halves, shape: y.shape, strides: stridesOf(y.shape), offset: half }
        reduce(name, by, after, halfOf(x, axis, half), axes, to, top)
      }
      reduce(...after, after, { ...halves, shape: [...y.shape, 2], strides: [...stridesOf(y.shape), 1] }, 1, y)
    })
  }

  const extremes = (x: View, better: '<' | '>'): Reduction => extreme(storedAs[x.buffer.dtype] as 'f32', better)

  /** max + log Σ e^(x − max). */
  function logSumExp(x: View, axes: number, y: View): void {
    const outer = x.shape.slice(0, x.shape.length - axes)
    if (sizeOf(x.shape) === 0) {
      walker.fill(Number.NEGATIVE_INFINITY, y)
      return
    }
    const largest = extremes(x, '>')
    scratch.use('f32', outer, (top) =>
      scratch.use('f32', outer, (sum) => {
        reduce('max', largest, ['max', largest], x, axes, top)
        reduce('sum of powers', powers, ['sum', sumOf], x, axes, sum, top)
        const statement =
          'let t = top[top_i]; if (not_finite(t)) { r[r_i] = t; } else { r[r_i] = t + log(sum[sum_i]); }'
        walker.walk('logSumExp', { top, sum, r: y }, statement)
      }),
    )
  }

  /** The place of the first largest or smallest of a row; of `found` places only, where a round has been made. */
  function place(name: ArgReduceName, x: View, axes: number, y: View, parts: number, found: View | null): void {
    const type = storedAs[x.buffer.dtype]
    const better = name === 'argmax' ? '>' : '<'
    const order = (v: string) => (type === 'f32' ? rank(v, better) : v)
    const body = `  var result = 0;
  var best = ${type}();
  for (var k = part; k < p.length; k += p.parts) {
    let at = ${found ? 'found[p.found_at + i32(row * p.length + k)]' : 'i32(k)'};
    let v = x[x_i + element(u32(at))];
    let wins = ${order('v')} ${better} ${order('best')};
    if (k == part || wins || (${order('v')} == ${order('best')} && at < result)) { result = at; best = v; }
  }`
    const more = found && { name: 'found', view: found, length: found.shape.at(-1)! }
    perRow(name, x, axes, y, parts, body, more)
  }

  function argReduce(name: ArgReduceName, x: View, axes: number, y: View): void {
    if (!engine.fits(x) && !isDense(x)) {
      walker.dense([x], ([dense]) => argReduce(name, dense!, axes, y))
      return
    }
    const split = x.shape.length - axes
    const outer = x.shape.slice(0, split)
    if (sizeOf(outer) === 0) return
    const length = sizeOf(x.shape.slice(split))
    const padded: View = {
      ...y,
      shape: [...y.shape, ...new Array<number>(axes).fill(1)],
      strides: [...y.strides, ...new Array<number>(axes).fill(0)],
    }
    const cut = engine.inParts([x, padded], split, ([part, to]) => {
      const rows = part!.shape.slice(0, split)
      const into = { ...to!, shape: rows, strides: to!.strides.slice(0, split) }
      if (length <= alone) return place(name, part!, axes, into, 1, null)
      const parts = Math.ceil(length / each)
      scratch.use('i32', [...rows, parts], (found) => {
        place(name, part!, axes, found, parts, null)
        place(name, part!, axes, into, 1, found)
      })
    })
    if (cut === null) throw tooLarge(name, length * bytesPerElement, engine.bindingLimit)
  }

  return {
    reduce(name, x, axes, y) {
      if (name === 'logSumExp') return logSumExp(x, axes, y)
      if (name === 'sumOfSquares') return reduce(name, squaresOf, ['sum', sumOf], x, axes, y)
      const by = name === 'sum' ? sumOf : extremes(x, name === 'max' ? '>' : '<')
      reduce(name, by, [name, by], x, axes, y)
    },
    argReduce,
  }
}
