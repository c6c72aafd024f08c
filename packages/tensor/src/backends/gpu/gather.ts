/** Kernels that read or add by index. An index out of range is read as the nearest in range, and adds nothing. */
import type { Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { isDense, joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement, halfOf } from './memory.ts'
import type { Scratch } from './scratch.ts'
import { perThread, type Source, storedAs } from './source.ts'
import { nestParams, nestSource, type Walker } from './walk.ts'

type Gathers = Pick<Kernels, 'takeRows' | 'addRows' | 'gather' | 'scatterAdd'>

/** A view with the leading axes as one. */
const threeAxes = (x: View): View => ({
  ...x,
  shape: [sizeOf(x.shape.slice(0, -2)), ...x.shape.slice(-2)],
  strides: stridesOf([sizeOf(x.shape.slice(0, -2)), ...x.shape.slice(-2)]),
})

/** A matrix: the leading axes as one, and the last. */
const twoAxes = (x: View): View => {
  const shape = [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]
  return { ...x, shape, strides: stridesOf(shape) }
}

export function gatherKernels(engine: Engine, scratch: Scratch, walker: Walker, order: Kernels['argsort']): Gathers {
  const scratchOrder = (index: View, body: (order: View) => void): void =>
    scratch.use('i32', index.shape, (at) => {
      order(index, false, at)
      body(at)
    })

  /** Parts of a table [batch, rows, width] that fit a binding, with the number of their first row. */
  function tableParts(x: View, first: number, body: (part: View, first: number) => void): void {
    if (engine.fits(x)) {
      body(x, first)
      return
    }
    if (x.shape[1]! <= 1) throw tooLarge('takeRows', x.shape[2]! * bytesPerElement, engine.bindingLimit)
    const cut = Math.floor(x.shape[1]! / 2)
    tableParts(halfOf(x, 1, 0), first, body)
    tableParts(halfOf(x, 1, 1), first + cut, body)
  }

  /** y[b, i, c] = x[b, index[i], c] for the indices within [first, first + rows of this part). */
  function take(x: View, index: View, y: View, rows: number): void {
    if (!engine.fits(y)) {
      if (y.shape[0]! > 1) {
        for (const h of [0, 1] as const) take(halfOf(x, 0, h), index, halfOf(y, 0, h), rows)
      } else if (y.shape[1]! > 1) {
        for (const h of [0, 1] as const) take(x, halfOf(index, 0, h), halfOf(y, 1, h), rows)
      } else throw tooLarge('takeRows', y.shape[2]! * bytesPerElement, engine.bindingLimit)
      return
    }
    if (x.shape[0]! > 1 && !engine.fits(x)) {
      for (const h of [0, 1] as const) take(halfOf(x, 0, h), index, halfOf(y, 0, h), rows)
      return
    }
    const type = storedAs[x.buffer.dtype]
    const source = (): Source => ({
      params: {
        ...{ threads: 'u32', rows: 'u32', first: 'u32', part: 'u32', width: 'u32', count: 'u32' },
        ...{ x_batch: 'i32', x_row: 'i32', x_column: 'i32', index_step: 'i32', y_batch: 'i32' },
      },
      reads: { x: type, index: 'i32' },
      writes: { y: type },
      body: perThread(`
  let column = i % p.width;
  let at = (i / p.width) % p.count;
  let batch = i32(i / p.width / p.count);
  let row = u32(clamp(index[p.index_at + i32(at) * p.index_step], 0, i32(p.rows) - 1));
  if (row < p.first || row >= p.first + p.part) { return; }
  y[p.y_at + batch * p.y_batch + i32(at * p.width + column)] =
    x[p.x_at + batch * p.x_batch + i32(row - p.first) * p.x_row + i32(column) * p.x_column];`),
    })
    tableParts(x, 0, (part, first) => {
      const [x_batch, x_row, x_column] = part.strides as [number, number, number]
      const [, count, width] = y.shape as [number, number, number]
      const params = {
        ...{ rows, first, part: part.shape[1]!, width, count, x_batch, x_row, x_column },
        ...{ index_step: index.strides[0]!, y_batch: y.strides[0]! },
      }
      engine.runThreads(`wgsl:takeRows/${type}`, source, { x: part, index, y }, sizeOf(y.shape), params)
    })
  }

  /** Equal indices stand side by side in `order`; the first of them adds up all. */
  const groups = (index: (place: string) => string) => /* wgsl */ `
  let target_row = ${index('at')};
  if (at > 0u && ${index('at - 1u')} == target_row) { return; }
  if (target_row < p.first || target_row >= p.first + p.part) { return; }`

  function add(x: View, index: View, order: View, y: View, first: number): void {
    if (!engine.fits(x)) throw tooLarge('addRows', sizeOf(x.shape) * bytesPerElement, engine.bindingLimit)
    if (!engine.fits(y) && y.shape[1]! > 1) {
      const cut = Math.floor(y.shape[1]! / 2)
      add(x, index, order, halfOf(y, 1, 0), first)
      add(x, index, order, halfOf(y, 1, 1), first + cut)
      return
    }
    const type = storedAs[x.buffer.dtype]
    const source = (): Source => ({
      params: {
        ...{ threads: 'u32', first: 'i32', part: 'i32', width: 'u32', count: 'u32' },
        ...{ x_batch: 'i32', x_row: 'i32', x_column: 'i32', index_step: 'i32', y_batch: 'i32' },
      },
      reads: { x: type, index: 'i32', order: 'i32' },
      writes: { y: type },
      body: perThread(
        `
  let column = i % p.width;
  let at = (i / p.width) % p.count;
  let batch = i32(i / p.width / p.count);
  ${groups((place) => `row_of(${place})`)}
  var total = ${type}();
  let x_i = p.x_at + batch * p.x_batch + i32(column) * p.x_column;
  for (var k = at; k < p.count && row_of(k) == target_row; k++) { total += x[x_i + order[p.order_at + i32(k)] * p.x_row]; }
  y[p.y_at + batch * p.y_batch + (target_row - p.first) * i32(p.width) + i32(column)] = total;`,
        'fn row_of(k: u32) -> i32 { return index[p.index_at + order[p.order_at + i32(k)] * p.index_step]; }',
      ),
    })
    const [x_batch, x_row, x_column] = x.strides as [number, number, number]
    const [batches, count, width] = x.shape as [number, number, number]
    const params = {
      ...{ first, part: y.shape[1]!, width, count, x_batch, x_row, x_column },
      ...{ index_step: index.strides[0]!, y_batch: y.strides[0]! },
    }
    engine.runThreads(`wgsl:addRows/${type}`, source, { x, index, order, y }, batches * count * width, params)
  }

  return {
    takeRows(x, index, y) {
      const table = x.shape.length === 2 ? { ...x, shape: [1, ...x.shape], strides: [0, ...x.strides] } : null
      const run = (rows: View) => take(rows, index, threeAxes(y), x.shape.at(-2)!)
      if (table && (engine.fits(table) || isDense(table))) run(table)
      else walker.dense([x], ([dense]) => run(threeAxes(dense!)))
    },

    addRows(x, index, y) {
      walker.fill(0, y)
      if (sizeOf(x.shape) === 0) return
      scratchOrder(index, (order) =>
        walker.dense([x], ([dense]) => {
          const [from, to] = [threeAxes(dense!), threeAxes(y)]
          if (engine.fits(from, to)) add(from, index, order, to, 0)
          else byBatch(from, to, (p, q) => add(p, index, order, q, 0))
        }),
      )
    },

    gather(x, index, y) {
      const names = ['x', 'index', 'y']
      const lead = y.shape.length - 1
      const type = storedAs[x.buffer.dtype]
      const heads = (views: readonly View[]) =>
        views.map((v) => ({ ...v, shape: v.shape.slice(0, -1), strides: v.strides.slice(0, -1) }))
      if (sizeOf(y.shape) === 0) return
      if (!engine.fits(x, index) && !(isDense(x) && isDense(index))) {
        walker.dense([x, index], ([from, at]) => this.gather(from!, at!, y))
        return
      }
      const cut = engine.inParts([x, index, y], lead, (parts) => {
        const [part, at, to] = parts as [View, View, View]
        const { sizes, strides } = joinAxes(to.shape.slice(0, -1), heads(parts))
        const source = (): Source => {
          const nest = nestSource(names, sizes.length, 'row')
          return {
            params: {
              ...{ threads: 'u32', size: 'i32', count: 'u32', x_step: 'i32', index_step: 'i32', y_step: 'i32' },
              ...nest.params,
            },
            reads: { x: type, index: 'i32' },
            writes: { y: type },
            body: perThread(
              `  let column = i32(i % p.count);
  let row = i / p.count;
${nest.places}
  let chosen = clamp(index[index_i + column * p.index_step], 0, p.size - 1);
  y[y_i + column * p.y_step] = x[x_i + chosen * p.x_step];`,
            ),
          }
        }
        const params = {
          ...{ size: part.shape.at(-1)!, count: at.shape.at(-1)!, x_step: part.strides.at(-1)! },
          ...{ index_step: at.strides.at(-1)!, y_step: to.strides.at(-1)!, ...nestParams(names, sizes, strides) },
        }
        engine.runThreads(
          `wgsl:gather/${type}/${sizes.length}`,
          source,
          { x: part, index: at, y: to },
          sizeOf(to.shape),
          params,
        )
      })
      if (cut === null) throw tooLarge('gather', x.shape.at(-1)! * bytesPerElement, engine.bindingLimit)
    },

    scatterAdd(x, index, y) {
      walker.fill(0, y)
      if (sizeOf(x.shape) === 0) return
      walker.dense([x, index], ([from, at]) =>
        scratchOrder(at!, (order) => {
          const views = [twoAxes(from!), twoAxes(at!), twoAxes(order), twoAxes(y)]
          const cut = engine.inParts(views, 1, ([p, q, o, to]) => scatter(p!, q!, o!, to!))
          if (cut === null) throw tooLarge('scatterAdd', y.shape.at(-1)! * bytesPerElement, engine.bindingLimit)
        }),
      )
    },
  }

  /** Matrices [rows, count] into [rows, size], each row by itself. */
  function scatter(x: View, index: View, order: View, y: View): void {
    const type = storedAs[x.buffer.dtype]
    const source = (): Source => ({
      params: { threads: 'u32', count: 'u32', first: 'i32', part: 'i32' },
      reads: { x: type, index: 'i32', order: 'i32' },
      writes: { y: type },
      body: perThread(
        `
  let at = i % p.count;
  let row = i32(i / p.count);
  ${groups((place) => `column_of(row, ${place})`)}
  var total = ${type}();
  let start = row * i32(p.count);
  for (var k = at; k < p.count && column_of(row, k) == target_row; k++) {
    total += x[p.x_at + start + order[p.order_at + start + i32(k)]];
  }
  y[p.y_at + row * p.part + target_row] = total;`,
        `fn column_of(row: i32, k: u32) -> i32 {
  let start = row * i32(p.count);
  return index[p.index_at + start + order[p.order_at + start + i32(k)]];
}`,
      ),
    })
    const [rows, count] = x.shape as [number, number]
    const params = { count, first: 0, part: y.shape[1]! }
    engine.runThreads(`wgsl:scatterAdd/${type}`, source, { x, index, order, y }, rows * count, params)
  }
}

/** One matrix of a batch after the other. */
function byBatch(x: View, y: View, body: (x: View, y: View) => void): void {
  for (let b = 0; b < x.shape[0]!; b++) {
    const at = (v: View): View => ({ ...v, shape: [1, ...v.shape.slice(1)], offset: v.offset + b * v.strides[0]! })
    body(at(x), at(y))
  }
}
