/**
 * The library's product as a kernel of the `wasm` device's threads: each computes some rows or columns by a call with
 * one thread of the library's. So one set of threads serves all kernels; the library's own would take the cores from
 * them, as both spin for a while when they have nothing to do.
 */
import type { ForeignKernels } from '../wasm/engine.ts'
import type { Kernel } from '../wasm/threads.ts'
import type { BlasLibrary, Sgemm } from './library.ts'

export const rowMajor = 101
export const plain = 111
export const transposed = 112

/** A matrix as BLAS takes it: where it lies, whether transposed, and the elements between its rows (or columns). */
export interface Matrix {
  readonly at: number
  readonly form: typeof plain | typeof transposed
  readonly leading: number
}

/** y = a b + bias, y dense; addresses in the memory of the device, 0 for no bias. */
export interface Product {
  readonly a: Matrix
  readonly b: Matrix
  readonly biasAt: number
  readonly yAt: number
  readonly m: number
  readonly k: number
  readonly n: number
}

/**
 * The plan of a product, its units and how many make a chunk. A part packs its share of one matrix and all of the other:
 * the larger one is shared.
 */
export function planOf(
  { a, b, biasAt, yAt, m, k, n }: Product,
  parts: number,
): { plan: number[]; units: number; chunk: number } {
  const byColumns = n > m
  const units = byColumns ? n : m
  const plan = [a.at, a.form, a.leading, b.at, b.form, b.leading, yAt, n, m, n, k, biasAt, Number(byColumns)]
  return { plan, units, chunk: 16 * Math.ceil(units / parts / 16) }
}

/** By the plan above. As text, since workers can not load this file; the kernel `biasRows` reads the same plan. */
const kernelText = `
function sgemmKernel(sgemm, base, memory, biasRows) {
  const words = new Uint32Array(memory.buffer)
  return (plan, begin, end, scratch) => {
    const p = plan >>> 2
    const byColumns = words[p + 12] !== 0
    const bias = words[p + 11] !== 0
    let a = words[p], b = words[p + 3], y = words[p + 6]
    if (byColumns) {
      b += 4 * begin * (words[p + 4] === ${plain} ? 1 : words[p + 5])
      y += 4 * begin
    } else {
      a += 4 * begin * (words[p + 1] === ${plain} ? words[p + 2] : 1)
      y += 4 * begin * words[p + 7]
    }
    if (bias) biasRows(plan, begin, end, scratch)
    const m = byColumns ? words[p + 8] : end - begin
    const n = byColumns ? end - begin : words[p + 9]
    const { 1: formA, 2: leadingA, 4: formB, 5: leadingB, 7: leadingY, 10: k } = words.subarray(p, p + 11)
    sgemm(${rowMajor}, formA, formB, m, n, k, 1, base + a, leadingA, base + b, leadingB, bias ? 1 : 0, base + y, leadingY)
  }
}`

const workerText = `${kernelText}
const koffi = require(data.koffi)
const sgemm = koffi.load(data.file).func(data.prototype)
const base = Number(koffi.address(new Float32Array(memory.buffer)))
return { sgemm: sgemmKernel(sgemm, base, memory, exports.biasRows) }`

type MakeKernel = (sgemm: Sgemm, base: number, memory: WebAssembly.Memory, biasRows: unknown) => Kernel

/** The kernel `sgemm` over a library. */
export function foreignProducts(library: BlasLibrary): ForeignKernels {
  const { koffi, file, prototype } = library
  const make = new Function(`${kernelText}; return sgemmKernel`)() as MakeKernel
  return {
    make: (memory, exports) => {
      const base = library.addressOf(new Float32Array(memory.buffer))
      return { sgemm: make(library.sgemm, base, memory, exports.biasRows) }
    },
    program: workerText,
    data: { koffi, file, prototype },
  }
}
