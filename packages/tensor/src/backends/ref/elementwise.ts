/** Elementwise kernels: one table of formulas per arity. */
import type { DType } from '../../dtype.ts'
import type { BinaryName, CompareName, Dropped, Kernels, UnaryName } from '../../kernels.ts'
import { wordsAt } from '../../random/philox.ts'
import { denseElements, elementsOf, forEachRow } from './loops.ts'
import { erf, gelu, geluDerivative, roundHalfToEven, sigmoid, softplus } from './special.ts'

const unaries: Record<UnaryName, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x) => x * x,
  relu: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  floor: Math.floor,
  round: roundHalfToEven,
  reciprocal: (x) => 1 / x,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
  softplus,
  erf,
  gelu,
  geluDerivative,
}

const binaries: Record<BinaryName, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  // C's pow: 1 to any power is 1, and so is (−1) to an infinite one; JavaScript says NaN to both
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b),
  maximum: Math.max,
  minimum: Math.min,
}

const comparisons: Record<CompareName, (a: number, b: number) => boolean> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
}

/** What dropout multiplies the elements of a period by: 0, or 1 / (1 − rate) rounded to the dtype. */
export function keepFactors({ rate, key, period }: Dropped, dtype: DType): Float64Array {
  const factor = dtype === 'f32' ? Math.fround(1 / (1 - rate)) : 1 / (1 - rate)
  const keep = new Float64Array(period)
  for (let place = 0; place < period; place += 4) {
    const words = wordsAt(key, 'dropout', place / 4)
    for (let i = place; i < Math.min(place + 4, period); i++) {
      if ((words[i % 4]! >>> 8) / 2 ** 24 >= rate) keep[i] = factor
    }
  }
  return keep
}

type Elementwise = Pick<
  Kernels,
  'copy' | 'fill' | 'unary' | 'binary' | 'compare' | 'select' | 'geluWithDerivative' | 'dropout'
>

export const elementwise: Elementwise = {
  copy(x, y) {
    const from = elementsOf(x)
    const to = elementsOf(y)
    // a typed array rounds to f32 and cuts to i32 by itself, but a byte is no truth value
    const toBool = y.buffer.dtype === 'bool' && x.buffer.dtype !== 'bool'
    forEachRow([x, y], ([p, q], n, [dp, dq]) => {
      for (let i = 0, a = p!, b = q!; i < n; i++, a += dp!, b += dq!) to[b] = toBool ? Number(from[a] !== 0) : from[a]!
    })
  },

  fill(value, y) {
    const to = elementsOf(y)
    forEachRow([y], ([q], n, [dq]) => {
      if (dq === 1) to.fill(value, q!, q! + n)
      else for (let i = 0, b = q!; i < n; i++, b += dq!) to[b] = value
    })
  },

  unary(name, x, y) {
    const f = unaries[name]
    const from = elementsOf(x)
    const to = elementsOf(y)
    forEachRow([x, y], ([p, q], n, [dp, dq]) => {
      for (let i = 0, a = p!, b = q!; i < n; i++, a += dp!, b += dq!) to[b] = f(from[a]!)
    })
  },

  binary(name, a, b, y) {
    const f = binaries[name]
    const left = elementsOf(a)
    const right = elementsOf(b)
    const to = elementsOf(y)
    forEachRow([a, b, y], ([p, q, r], n, [dp, dq, dr]) => {
      for (let i = 0, s = p!, t = q!, u = r!; i < n; i++, s += dp!, t += dq!, u += dr!) to[u] = f(left[s]!, right[t]!)
    })
  },

  geluWithDerivative(x, y, slope) {
    elementwise.unary('gelu', x, y)
    elementwise.unary('geluDerivative', x, slope)
  },

  dropout(x, dropped, y) {
    const [from, to] = [denseElements(x), elementsOf(y)]
    const keep = keepFactors(dropped, y.buffer.dtype)
    for (let i = 0; i < from.length; i++) {
      const factor = keep[i % dropped.period]!
      to[y.offset + i] = factor === 0 ? 0 : from[i]! * factor
    }
  },

  compare(name, a, b, y) {
    const f = comparisons[name]
    const left = elementsOf(a)
    const right = elementsOf(b)
    const to = elementsOf(y)
    forEachRow([a, b, y], ([p, q, r], n, [dp, dq, dr]) => {
      for (let i = 0, s = p!, t = q!, u = r!; i < n; i++, s += dp!, t += dq!, u += dr!)
        to[u] = Number(f(left[s]!, right[t]!))
    })
  },

  select(condition, a, b, y) {
    const test = elementsOf(condition)
    const left = elementsOf(a)
    const right = elementsOf(b)
    const to = elementsOf(y)
    forEachRow([condition, a, b, y], (at, n, [dc, da, db, dy]) => {
      let [c, p, q, r] = at as [number, number, number, number]
      for (let i = 0; i < n; i++, c += dc!, p += da!, q += db!, r += dy!) to[r] = test[c] !== 0 ? left[p]! : right[q]!
    })
  },
}
