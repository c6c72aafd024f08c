/** Products: how one is cut into chunks, and which packed matrices are kept. */
import type { Buffer, Kernels, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { joinAxes } from '../nest.ts'
import { addressOf, type Block, type Engine } from './engine.ts'
import { denseAt } from './walk.ts'

const panelWidth = 16
/** Floating-point operations a chunk, some tens of µs. */
const chunkOperations = 2 ** 20
/** Products with fewer rows are shared by columns. */
const fewerThanThis = 64
/** Rows a chunk where rows are many: about this many chunks, so that threads end together, of 8 to 32 rows. */
const rowChunks = 24
/** With fewer rows than this, packing b costs more than a few per cent, so that it is kept for the next product. */
const fewRows = 128
/** Scratch in front of packed matrices and rows: tiles that stand out. */
const edgeBytes = 256
/** Products of a batch that are larger than this are computed one after the other, each by all threads. */
const largeProduct = 2 ** 24

/** How many rows of a product make a chunk, by its shape alone: all, where the whole is little work. */
function rowsOfChunk(m: number, operationsPerRow: number): number {
  if (m * operationsPerRow < 2 * chunkOperations) return m
  return Math.min(32, Math.max(8, 2 * Math.ceil(m / rowChunks / 2)))
}

/** Where multiply-add is fused: rows from which a is packed as well, by tiles of 128 and of 256 bits. */
const packedFrom = { narrow: 64, wide: 12 }
/** Rows of a tile, tiles of a block, units of a product. */
const tileRows = 6
const blockPanels = 16
const packedUnits = 24
/** Inner size of a block of many rows: a panel of b is then 32 KB. Few rows are summed as the other kernel sums them. */
const innerBlock = 512

interface Packed {
  readonly at: number
  readonly bytes: number
}

/** What a matrix is remembered by while its buffer lives. */
const keyOf = (b: View): string => `${b.offset} ${b.shape.join('×')} ${b.strides.join(',')}`

/**
 * Packed copies of matrices that were multiplied twice, which weights are and results rarely: by buffer, dropped with
 * the content of that buffer.
 */
class PackedMatrices {
  readonly #engine: Engine
  /** null: seen once */
  readonly #byBuffer = new Map<Buffer, Map<string, Packed | null>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** The packed copy, or null, where the caller packs for itself. */
  find(b: View, bytes: number, pack: (to: number) => void): number | null {
    let known = this.#byBuffer.get(b.buffer)
    if (!known) {
      known = new Map()
      this.#byBuffer.set(b.buffer, known)
    }
    const key = keyOf(b)
    const found = known.get(key)
    if (found) return found.at
    if (found === undefined) {
      known.set(key, null)
      return null
    }
    const at = this.#engine.heap.allocate(bytes)
    pack(at)
    known.set(key, { at, bytes })
    return at
  }

  forget(buffer: Buffer): void {
    const known = this.#byBuffer.get(buffer)
    if (!known) return
    for (const packed of known.values()) if (packed) this.#engine.heap.free(packed.at, packed.bytes)
    this.#byBuffer.delete(buffer)
  }
}

export function matmulKernel(engine: Engine): Pick<Kernels, 'matmul'> & { forget(buffer: Buffer): void } {
  const packed = new PackedMatrices(engine)

  const pack = (b: View, to: number): void => {
    const [k, n] = b.shape as [number, number]
    const [row, column] = b.strides as [number, number]
    const plan = [addressOf(b), to, k, n, row, column]
    engine.run('pack', plan, Math.ceil(n / panelWidth), Math.max(8, 65536 / Math.max(1, k * panelWidth)))
  }

  const one = (a: View, b: View, biasAt: number, y: View): void => {
    const [m, k] = a.shape as [number, number]
    const n = b.shape[1]!
    const panels = Math.ceil(n / panelWidth)
    const bytes = panels * panelWidth * k * 4
    const multiply = (at: number): void => {
      if (engine.fused && k > 0 && m >= (engine.wide ? packedFrom.wide : packedFrom.narrow)) {
        multiplyPacked(a, at, biasAt, y)
        return
      }
      // few rows: every thread takes columns, and reads only its part of b
      const byPanels = m < fewerThanThis
      const [row, column] = a.strides as [number, number]
      const rows = byPanels ? m : rowsOfChunk(m, 2 * k * n)
      const scratch = edgeBytes + (column === 1 || k <= 1 ? 0 : rows * k * 4)
      const plan = [addressOf(a), at, addressOf(y), m, k, n, row, column, biasAt, 0, Number(byPanels)]
      if (!byPanels) engine.run('gemm', plan, m, rows, scratch)
      else engine.run('gemm', plan, panels, Math.max(1, chunkOperations / Math.max(1, 2 * m * k * panelWidth)), scratch)
    }
    const kept = m < fewRows ? packed.find(b, bytes, (to) => pack(b, to)) : null
    if (kept !== null) multiply(kept)
    else {
      engine.temporary(bytes, (at) => {
        pack(b, at)
        multiply(at)
      })
    }
  }

  /** Many rows by the kernel that has a packed too. */
  const multiplyPacked = (a: View, bAt: number, biasAt: number, y: View): void => {
    const [m, k] = a.shape as [number, number]
    const n = y.shape[1]!
    const [row, column] = a.strides as [number, number]
    const rowPanels = Math.ceil(m / tileRows)
    const panels = Math.ceil(n / panelWidth)
    const block = Math.min(rowPanels, blockPanels)
    const blocks = Math.ceil(rowPanels / block)
    // about so many units that threads end together
    const group = Math.ceil(panels / Math.max(1, Math.min(panels, Math.ceil(packedUnits / blocks))))
    engine.temporary(rowPanels * tileRows * k * 4, (at) => {
      engine.run('packRows', [addressOf(a), at, m, k, row, column], rowPanels, Math.max(1, 16384 / (tileRows * k)))
      const depth = m < packedFrom.narrow ? k : innerBlock
      const plan = [at, bAt, addressOf(y), m, k, n, block, group, biasAt, Number(engine.wide), depth]
      engine.run('gemmPacked', plan, blocks * Math.ceil(panels / group), 1, edgeBytes * 2)
    })
  }

  const batched = (a: View, b: View, y: View, items: number): void => {
    const [m, k] = a.shape.slice(-2) as [number, number]
    const n = b.shape.at(-1)!
    const batch = a.shape.slice(0, -2)
    const head = (x: View): View => ({ ...x, shape: batch, strides: x.strides.slice(0, -2) })
    const { sizes, strides } = joinAxes(batch, [head(a), head(b)])
    const plan = [
      ...[addressOf(a), addressOf(b), addressOf(y), m, k, n, ...a.strides.slice(-2), ...b.strides.slice(-2)],
      ...[sizes.length, ...sizes, ...strides[0]!, ...strides[1]!],
    ]
    const panels = Math.ceil(n / panelWidth)
    const scratch = edgeBytes + panels * panelWidth * k * 4 + m * k * 4
    engine.run('gemmBatch', plan, items, Math.max(1, chunkOperations / 4 / Math.max(1, 2 * m * k * n)), scratch)
  }

  return {
    forget: (buffer) => packed.forget(buffer),
    matmul(a, b, y, bias = null) {
      if (y.shape.includes(0)) return
      if (bias) denseAt(engine, bias, (at) => product(a, b, at, y))
      else product(a, b, 0, y)
    },
  }

  function product(a: View, b: View, biasAt: number, y: View): void {
    const [m, k] = a.shape.slice(-2) as [number, number]
    const n = b.shape.at(-1)!
    const items = sizeOf(y.shape.slice(0, -2))
    if (items === 1) {
      one(matrixOf(a), matrixOf(b), biasAt, matrixOf(y))
    } else if (b.strides.slice(0, -2).every((stride) => stride === 0)) {
      // one b for the whole batch: all rows are one long matrix, once they lie one behind the other
      denseAt(engine, a, (at) => one(longMatrix(a, at), matrixOf(b), biasAt, longMatrix(y, addressOf(y))))
    } else if (biasAt !== 0 || 2 * m * k * n > largeProduct) {
      for (const [p, q, r] of matricesOf([a, b, y])) one(p!, q!, biasAt, r!)
    } else batched(a, b, y, items)
  }
}

/** The last two axes of a view. */
export const matrixOf = (x: View): View => ({ ...x, shape: x.shape.slice(-2), strides: x.strides.slice(-2) })

/** All rows of a view as one matrix of dense rows that begins at an address. */
export function longMatrix(x: View, at: number): View {
  const columns = x.shape.at(-1)!
  const size = sizeOf(x.shape)
  const buffer = { dtype: x.buffer.dtype, capacity: size, data: { at, bytes: size * 4 } satisfies Block }
  return { buffer, shape: [size / Math.max(1, columns), columns], strides: [columns, 1], offset: 0 }
}

/** The matrices of a batch, one after the other. */
export function* matricesOf(views: readonly View[]): Generator<View[]> {
  const batch = views[0]!.shape.slice(0, -2)
  for (let item = 0; item < sizeOf(batch); item++) {
    yield views.map((x) => {
      let { offset } = x
      let rest = item
      for (let axis = batch.length - 1; axis >= 0; axis--) {
        offset += (rest % batch[axis]!) * x.strides[axis]!
        rest = Math.floor(rest / batch[axis]!)
      }
      return { buffer: x.buffer, shape: x.shape.slice(-2), strides: x.strides.slice(-2), offset }
    })
  }
}
