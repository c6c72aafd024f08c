/** Attention by its formulas, a head at a time, all numbers between operands and results in f64. */
import type { AttentionOperands, Kernels, View } from '../../kernels.ts'
import { elementsOf, forEachLeading } from './loops.ts'

/** A dense matrix. */
interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly at: Float64Array
}

function matrix(rows: number, columns: number, element: (i: number, j: number) => number): Matrix {
  const at = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) at[i * columns + j] = element(i, j)
  return { rows, columns, at }
}

const transposed = ({ rows, columns, at }: Matrix): Matrix => matrix(columns, rows, (i, j) => at[j * columns + i]!)

const sum = (a: Matrix, b: Matrix): Matrix => ({ ...a, at: a.at.map((x, i) => x + b.at[i]!) })

const scaled = (a: Matrix, factor: number): Matrix => ({ ...a, at: a.at.map((x) => x * factor) })

/** a b. */
function product(a: Matrix, b: Matrix): Matrix {
  const at = new Float64Array(a.rows * b.columns)
  for (let i = 0; i < a.rows; i++) {
    const to = at.subarray(i * b.columns, (i + 1) * b.columns)
    for (let k = 0; k < a.columns; k++) {
      const factor = a.at[i * a.columns + k]!
      const row = b.at.subarray(k * b.columns, (k + 1) * b.columns)
      for (let j = 0; j < to.length; j++) to[j]! += factor * row[j]!
    }
  }
  return { rows: a.rows, columns: b.columns, at }
}

/** softmax of each row; zeros in a row that is all -Infinity. */
function softmaxRows(scores: Matrix): Matrix {
  const { rows, columns } = scores
  const at = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const row = scores.at.subarray(i * columns, (i + 1) * columns)
    const top = row.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)
    if (top === Number.NEGATIVE_INFINITY) continue
    const terms = row.map((x) => Math.exp(x - top))
    const total = terms.reduce((all, x) => all + x, 0)
    at.set(
      terms.map((x) => x / total),
      i * columns,
    )
  }
  return { rows, columns, at }
}

/** p ∘ (d − ⟨d, p⟩), row by row. */
function softmaxDerivative(d: Matrix, p: Matrix): Matrix {
  const { rows, columns } = p
  const along = matrix(rows, 1, (i) => {
    let inner = 0
    for (let j = i * columns; j < (i + 1) * columns; j++) inner += d.at[j]! * p.at[j]!
    return inner
  })
  return matrix(rows, columns, (i, j) => p.at[i * columns + j]! * (d.at[i * columns + j]! - along.at[i]!))
}

/** Reads one head of a view, and writes one. */
function headOf(x: View, offset: number): Matrix {
  const from = elementsOf(x)
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  const [down, right] = x.strides.slice(-2) as [number, number]
  return matrix(rows, columns, (i, j) => from[offset + i * down + j * right]!)
}

function write({ rows, columns, at }: Matrix, y: View, offset: number): void {
  const to = elementsOf(y)
  const down = y.strides.at(-2)!
  for (let i = 0; i < rows; i++) to.set(at.subarray(i * columns, (i + 1) * columns), offset + i * down)
}

/** The matrices of one head, and its probabilities. */
function heads({ q, k, v, mask, scale }: AttentionOperands) {
  return ([atQ, atK, atV, atMask]: readonly number[]) => {
    const [query, key, value] = [headOf(q, atQ!), headOf(k, atK!), headOf(v, atV!)]
    const scores = sum(scaled(product(query, transposed(key)), scale), headOf(mask, atMask!))
    return { query, key, value, p: softmaxRows(scores) }
  }
}

/** A view of one index of the axes that `d` has in front of those of x. */
function* directionsOf(views: readonly View[], rank: number): Generator<View[]> {
  const { shape } = views[0]!
  const lead = shape.slice(0, shape.length - rank)
  const count = lead.reduce((a, b) => a * b, 1)
  for (let i = 0; i < count; i++) {
    yield views.map((x) => {
      let { offset } = x
      for (let axis = lead.length - 1, rest = i; axis >= 0; rest = Math.floor(rest / lead[axis--]!)) {
        offset += (rest % lead[axis]!) * x.strides[axis]!
      }
      return { ...x, shape: x.shape.slice(lead.length), strides: x.strides.slice(lead.length), offset }
    })
  }
}

export const attention: Pick<Kernels, 'attention' | 'attentionPullback' | 'attentionPushforward'> = {
  attention(x, y) {
    const head = heads(x)
    forEachLeading([x.q, x.k, x.v, x.mask, y], [2, 2, 2, 2, 2], (at) => {
      const { value, p } = head(at)
      write(product(p, value), y, at[4]!)
    })
  },

  attentionPullback(x, d, dx) {
    const head = heads(x)
    for (const views of directionsOf([d, dx.q, dx.k, dx.v], x.q.shape.length)) {
      const all = [x.q, x.k, x.v, x.mask, ...views]
      forEachLeading(all, new Array(all.length).fill(2), (at) => {
        const { query, key, value, p } = head(at)
        const [dy, dq, dk, dv] = views as [View, View, View, View]
        const cotangent = headOf(dy, at[4]!)
        const ds = scaled(softmaxDerivative(product(cotangent, transposed(value)), p), x.scale)
        write(product(ds, key), dq, at[5]!)
        write(product(transposed(ds), query), dk, at[6]!)
        write(product(transposed(p), cotangent), dv, at[7]!)
      })
    }
  },

  attentionPushforward(x, dx, y) {
    const head = heads(x)
    for (const views of directionsOf([dx.q, dx.k, dx.v, y], x.q.shape.length)) {
      const all = [x.q, x.k, x.v, x.mask, ...views]
      forEachLeading(all, new Array(all.length).fill(2), (at) => {
        const { query, key, value, p } = head(at)
        const [dq, dk, dv, dy] = views as [View, View, View, View]
        const along = sum(product(headOf(dq, at[4]!), transposed(key)), product(query, transposed(headOf(dk, at[5]!))))
        const ds = softmaxDerivative(scaled(along, x.scale), p)
        write(sum(product(ds, value), product(p, headOf(dv, at[6]!))), dy, at[7]!)
      })
    }
  },
}
