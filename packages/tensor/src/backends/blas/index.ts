/** The `blas` device: `wasm`, with products of matrices handed to the system's BLAS, on the same memory. */
import { internal } from '../../errors.ts'
import type { Backend, Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { addressOf as offsetOf } from '../wasm/engine.ts'
import { wasmBackend } from '../wasm/index.ts'
import { longMatrix, matricesOf, matrixOf } from '../wasm/matmul.ts'
import { copyView, denseAt } from '../wasm/walk.ts'
import { type BlasLibrary, requireBlas } from './library.ts'

const rowMajor = 101
const plain = 111
const transposed = 112
/** Products with fewer operations than this are left to the kernels that know batches. */
const smallProduct = 2 ** 20
/**
 * Products with so few rows go over the whole of b for little work; the kernels that keep b packed are then faster than
 * the library, which packs it again each time (14 rows: 45 GFLOP/s against 30, two threads).
 */
const fewRows = 32
/** Below this the library's threads cost more than they bring. */
const oneThread = 2 ** 20

/** How BLAS is told of a matrix: transposed or not, and the elements between its rows (or columns). */
interface Matrix {
  readonly at: number
  readonly form: number
  readonly leading: number
}

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
  const wasm = wasmBackend()
  const { engine } = wasm
  const base = library.addressOf(new Float32Array(engine.heap.buffer))

  /** Calls `body` with a matrix as BLAS takes it, copied where it must be. */
  const asMatrix = (x: View, body: (matrix: Matrix) => void): void => {
    checkBounds(x)
    const known = describe(x, base + offsetOf(x))
    if (known) body(known)
    else denseAt(engine, x, (at) => body({ at: base + at, form: plain, leading: Math.max(1, x.shape[1]!) }))
  }

  const one = (a: View, b: View, bias: View | null, y: View): void => {
    const [m, k] = a.shape as [number, number]
    const n = b.shape[1]!
    if (bias) copyView(engine, { ...bias, shape: [m, n], strides: [0, bias.strides[0]!] }, y)
    checkBounds(y)
    asMatrix(a, (p) =>
      asMatrix(b, (q) => {
        library.setThreads?.(2 * m * k * n < oneThread ? 1 : engine.threads.count)
        const beta = bias ? 1 : 0
        library.sgemm(
          ...([
            rowMajor,
            p.form,
            q.form,
            m,
            n,
            k,
            1,
            p.at,
            p.leading,
            q.at,
            q.leading,
            beta,
            base + offsetOf(y),
            n,
          ] as const),
        )
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
    const dense = { ...y, strides: stridesOf(y.shape) }
    if (items === 1) one(matrixOf(a), matrixOf(b), bias, matrixOf(dense))
    else if (oneMatrix) {
      denseAt(engine, a, (at) => one(longMatrix(a, at), matrixOf(b), bias, longMatrix(dense, offsetOf(y))))
    } else for (const [p, q, r] of matricesOf([a, b, dense])) one(p!, q!, bias, r!)
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
