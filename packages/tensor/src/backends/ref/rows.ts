/** Kernels that take a row at a time: reductions, softmax, normalisation. Sums accumulate in f64. */
import { newArray, type TypedArray } from '../../dtype.ts'
import type { ArgReduceName, Kernels, ReduceName, View } from '../../kernels.ts'
import { elementwise } from './elementwise.ts'
import { denseElements, elementsOf } from './loops.ts'

type Row = TypedArray

/** The largest element, by `better`; a NaN wins. The index of the first such. */
function extreme(row: Row, better: (a: number, b: number) => boolean): number {
  let at = 0
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return i
    if (better(row[i]!, row[at]!)) at = i
  }
  return at
}

const argReducers: Record<ArgReduceName, (row: Row) => number> = {
  argmax: (row) => extreme(row, (a, b) => a > b),
  argmin: (row) => extreme(row, (a, b) => a < b),
}

function sumOf(row: Row): number {
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += row[i]!
  return sum
}

function sumOfSquares(row: Row): number {
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += row[i]! ** 2
  return sum
}

function logSumExp(row: Row): number {
  const top = row.length === 0 ? Number.NEGATIVE_INFINITY : row[argReducers.argmax(row)]!
  if (!Number.isFinite(top)) return top // ±∞ and NaN are the answer
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - top)
  return top + Math.log(sum)
}

const reducers: Record<ReduceName, (row: Row) => number> = {
  sum: sumOf,
  max: (row) => row[argReducers.argmax(row)]!,
  min: (row) => row[argReducers.argmin(row)]!,
  logSumExp,
  sumOfSquares,
}

/** Calls `body(row, i)` for each row of the last `axes` axes of x. */
function forEachDenseRow(x: View, axes: number, body: (row: Row, i: number) => void): void {
  const split = x.shape.length - axes
  const rows = x.shape.slice(0, split).reduce((a, b) => a * b, 1)
  const length = x.shape.slice(split).reduce((a, b) => a * b, 1)
  const all = denseElements(x)
  for (let i = 0; i < rows; i++) body(all.subarray(i * length, (i + 1) * length), i)
}

/** Numbers in order, NaN behind them all. */
const ascending = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a < b ? -1 : Number(a > b)

/** e^(x − max) / Σ into `to` from `at` on, over the entries that `keep` says. */
function softmaxRow(row: Row, keep: Row | null, to: Row, at: number): void {
  let top = Number.NEGATIVE_INFINITY
  let kept = 0
  for (let i = 0; i < row.length; i++) {
    if (keep && keep[i] === 0) continue
    kept++
    top = Math.max(top, row[i]!)
  }
  let sum = 0
  const terms = newArray('f64', row.length)
  for (let i = 0; i < row.length; i++) {
    if (keep && keep[i] === 0) continue
    terms[i] = Math.exp(row[i]! - top)
    sum += terms[i]!
  }
  for (let i = 0; i < row.length; i++) to[at + i] = kept === 0 || (keep && keep[i] === 0) ? 0 : terms[i]! / sum
}

export const rows: Pick<
  Kernels,
  | ('reduce' | 'argReduce' | 'cumsum' | 'argsort')
  | ('softmax' | 'maskedSoftmax' | 'softmaxDerivative' | 'layerNorm' | 'layerNormDerivative')
> = {
  reduce(name, x, axes, y) {
    const f = reducers[name]
    const to = elementsOf(y)
    forEachDenseRow(x, axes, (row, i) => {
      to[y.offset + i] = f(row)
    })
  },

  argReduce(name, x, axes, y) {
    const f = argReducers[name]
    const to = elementsOf(y)
    forEachDenseRow(x, axes, (row, i) => {
      to[y.offset + i] = f(row)
    })
  },

  cumsum(x, y) {
    const to = elementsOf(y)
    forEachDenseRow(x, 1, (row, i) => {
      const at = y.offset + i * row.length
      let sum = 0
      for (let k = 0; k < row.length; k++) {
        sum += row[k]!
        to[at + k] = sum
      }
    })
  },

  argsort(x, descending, y) {
    const to = elementsOf(y)
    const sign = descending ? -1 : 1
    forEachDenseRow(x, 1, (row, i) => {
      const order = Int32Array.from(row, (_, k) => k).sort((a, b) => sign * ascending(row[a]!, row[b]!) || a - b)
      to.set(order, y.offset + i * row.length)
    })
  },

  softmax(x, y) {
    const to = elementsOf(y)
    forEachDenseRow(x, 1, (row, i) => softmaxRow(row, null, to, y.offset + i * row.length))
  },

  maskedSoftmax(x, mask, y) {
    const to = elementsOf(y)
    const keep = denseElements(mask)
    forEachDenseRow(x, 1, (row, i) => {
      const at = i * row.length
      softmaxRow(row, keep.subarray(at, at + row.length), to, y.offset + at)
    })
  },

  softmaxDerivative(d, y, result) {
    const to = elementsOf(result)
    const probabilities = denseElements(y)
    forEachDenseRow(d, 1, (row, i) => {
      const n = row.length
      const at = i * n
      const from = at % probabilities.length
      let sum = 0
      for (let k = 0; k < n; k++) sum += row[k]! * probabilities[from + k]!
      for (let k = 0; k < n; k++) to[result.offset + at + k] = probabilities[from + k]! * (row[k]! - sum)
    })
  },

  layerNorm(x, residual, weight, bias, eps, y) {
    const to = elementsOf(y)
    if (residual) elementwise.binary('add', x, residual, y)
    const factors = weight && denseElements(weight)
    const terms = bias && denseElements(bias)
    forEachDenseRow(residual ? y : x, 1, (row, i) => {
      const { mean, scale } = statisticsOf(row, eps)
      const at = y.offset + i * row.length
      for (let k = 0; k < row.length; k++) {
        const z = (row[k]! - mean) * scale
        to[at + k] = (factors ? factors[k]! * z : z) + (terms ? terms[k]! : 0)
      }
    })
  },

  layerNormDerivative(d, x, weight, eps, weightLast, y) {
    const to = elementsOf(y)
    const values = denseElements(x)
    const factors = weight && denseElements(weight)
    forEachDenseRow(d, 1, (row, i) => {
      const n = row.length
      const from = (i * n) % values.length
      const xs = values.subarray(from, from + n)
      const { mean, scale } = statisticsOf(xs, eps)
      const before = (k: number) => (factors && !weightLast ? factors[k]! : 1) * row[k]!
      let sum = 0
      let inner = 0
      for (let k = 0; k < n; k++) {
        sum += before(k)
        inner += before(k) * (xs[k]! - mean) * scale
      }
      const at = y.offset + i * n
      for (let k = 0; k < n; k++) {
        const centred = (before(k) - sum / n - ((xs[k]! - mean) * scale * inner) / n) * scale
        to[at + k] = factors && weightLast ? factors[k]! * centred : centred
      }
    })
  },
}

/** The mean of a row and 1/√(variance + eps), in two passes. */
function statisticsOf(row: Row, eps: number): { mean: number; scale: number } {
  const mean = sumOf(row) / row.length
  let squares = 0
  for (let k = 0; k < row.length; k++) squares += (row[k]! - mean) ** 2
  return { mean, scale: 1 / Math.sqrt(squares / row.length + eps) }
}
