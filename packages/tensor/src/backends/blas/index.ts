/** The `blas` device: `wasm`, with products of matrices handed to the system's BLAS, on the same memory. */
import { internal } from '../../errors.ts'
import type { Backend, Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { addressOf } from '../wasm/engine.ts'
import { wasmBackend } from '../wasm/index.ts'
import { longMatrix, matricesOf, matrixOf } from '../wasm/matmul.ts'
import { denseAt } from '../wasm/walk.ts'
import { type BlasLibrary, requireBlas } from './library.ts'
import { foreignProducts, type Matrix, plain, planOf, transposed } from './product.ts'

/** Products with fewer operations than this are left to the kernels that know batches. */
const smallProduct = 2 ** 20
/**
 * Products with so few rows go over the whole of b for little work; the kernels that keep b packed are then faster than
 * the library, which packs it again each time (14 rows: 45 GFLOP/s against 30, two threads).
 */
const fewRows = 32
/** Below this a second thread costs more than it brings. */
const oneThread = 2 ** 20

/** `null` where neither rows nor columns are dense. */
function describe(x: View, at: number): Matrix | null {
  const [rows, columns] = x.shape as [number, number]
  const [row, column] = x.strides as [number, number]
  if ((column === 1 || columns === 1) && (row >= columns || rows === 1)) {
    return { at, form: plain, leading: Math.max(columns, rows === 1 ? 1 : row, 1) }
  }
  if ((row === 1 || rows === 1) && (column >= rows || columns === 1)) {
    return { at, form: transposed, leading: Math.max(rows, columns === 1 ? 1 : column, 1) }
  }
  return null
}

/** Throws where a matrix would reach out of its buffer: the library does not look. */
function checkBounds(x: View): void {
  const last = x.offset + x.shape.reduce((sum, n, i) => sum + (n - 1) * x.strides[i]!, 0)
  if (x.offset < 0 || last >= x.buffer.capacity) throw internal('a matrix reaches out of its buffer')
}

/** A device whose products a BLAS computes, by default the system's. @throws {DeviceError} where none is found */
export function blasBackend(library: BlasLibrary = requireBlas()): Backend {
  const wasm = wasmBackend(foreignProducts(library))
  const { engine } = wasm

  /** Calls `body` with a matrix as BLAS takes it, copied where it must be. */
  const asMatrix = (x: View, body: (matrix: Matrix) => void): void => {
    checkBounds(x)
    const known = describe(x, addressOf(x))
    if (known) body(known)
    else denseAt(engine, x, (at) => body({ at, form: plain, leading: Math.max(1, x.shape[1]!) }))
  }

  const one = (a: View, b: View, biasAt: number, y: View): void => {
    const [m, k] = a.shape as [number, number]
    const n = b.shape[1]!
    checkBounds(y)
    asMatrix(a, (p) =>
      asMatrix(b, (q) => {
        // a library that can not be told to leave the threads to us has its own
        const parts = library.setThreads && 2 * m * k * n > oneThread ? engine.threads.count : 1
        library.setThreads?.(1)
        const { plan, units, chunk } = planOf({ a: p, b: q, biasAt, yAt: addressOf(y), m, k, n }, parts)
        engine.run('sgemm', plan, units, chunk)
      }),
    )
  }

  const matmul: Kernels['matmul'] = (a, b, y, bias = null) => {
    const [m, k] = a.shape.slice(-2) as [number, number]
    const n = b.shape.at(-1)!
    const items = sizeOf(y.shape.slice(0, -2))
    if (y.shape.includes(0)) return
    const oneMatrix = b.strides.slice(0, -2).every((stride) => stride === 0)
    if (k === 0 || (items > 1 && !oneMatrix && 2 * m * k * n < smallProduct)) return wasm.kernels.matmul(a, b, y, bias)
    if (oneMatrix && items * m <= fewRows) return wasm.kernels.matmul(a, b, y, bias)
    if (bias) denseAt(engine, bias, (at) => product(a, b, at, y))
    else product(a, b, 0, y)
  }

  function product(a: View, b: View, biasAt: number, y: View): void {
    const dense = { ...y, strides: stridesOf(y.shape) }
    if (sizeOf(y.shape.slice(0, -2)) === 1) {
      one(matrixOf(a), matrixOf(b), biasAt, matrixOf(dense))
    } else if (b.strides.slice(0, -2).every((stride) => stride === 0)) {
      denseAt(engine, a, (at) => one(longMatrix(a, at), matrixOf(b), biasAt, longMatrix(dense, addressOf(y))))
    } else for (const [p, q, r] of matricesOf([a, b, dense])) one(p!, q!, biasAt, r!)
  }

  const { name, coreType } = library
  return {
    ...wasm,
    name: 'blas',
    get description() {
      const { count } = engine.threads
      const core = coreType ? `, ${coreType}` : ''
      return `blas (${name}${core}, ${count} thread${count === 1 ? '' : 's'}; all else ${engine.description})`
    },
    kernels: { ...wasm.kernels, matmul },
  }
}
