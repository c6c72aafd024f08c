/** Laws that hold for every tensor, on tensors of many shapes and layouts. */
import {
  add,
  argmax,
  argsort,
  concat,
  einsum,
  embedding,
  exp,
  expand,
  flip,
  gather,
  grad,
  indexSelect,
  jvp,
  layerNorm,
  linear,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  memoryInfo,
  mul,
  permute,
  prod,
  reshape,
  roll,
  scaledDotProductAttention,
  scatterAdd,
  slice,
  softmax,
  sort,
  split,
  stack,
  sub,
  sum,
  swapAxes,
  type Tensor,
  tensor,
  tile,
  topK,
  transpose,
  useDevice,
  vjp,
  zeros,
} from '@antecedent/tensor'
import { allClose, arbitraries } from '@antecedent/tensor/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('laws')
const runs = { seed: 42, numRuns: 200 }
const close = { rtol: 1e-11, atol: 1e-11 }
const any = arbitraries.tensor
const same = (actual: Tensor, expected: Tensor) => allClose(actual, expected, { rtol: 0 })
const inner = (a: Tensor, b: Tensor) => sum(mul(a, b)).item()

/** A law of one tensor. */
function law(name: string, options: Parameters<typeof any>[0], holds: (x: Tensor) => unknown): void {
  test(name, () =>
    fc.assert(
      fc.property(any(options), (x) => void holds(x)),
      runs,
    ),
  )
}

/** A law of two tensors whose shapes broadcast. */
function lawOfTwo(name: string, options: Parameters<typeof any>[0], holds: (a: Tensor, b: Tensor) => unknown): void {
  const pairs = arbitraries.tensorPair(options)
  test(name, () =>
    fc.assert(
      fc.property(pairs, ([a, b]) => void holds(a, b)),
      runs,
    ),
  )
}

/** A law of an m × k and a k × n matrix. */
function lawOfMatrices(name: string, holds: (a: Tensor, b: Tensor) => unknown): void {
  const size = fc.constantFrom(0, 1, 2, 3, 5, 7, 8, 9)
  const matrices = fc
    .tuple(size, size, size)
    .chain(([m, k, n]) => fc.tuple(any({ shape: [m, k] }), any({ shape: [k, n] })))
  test(name, () =>
    fc.assert(
      fc.property(matrices, ([a, b]) => void holds(a, b)),
      runs,
    ),
  )
}

lawOfTwo('broadcasting is stretching both to one shape', {}, (a, b) => {
  const { shape } = add(a, b)
  same(sub(a, b), sub(expand(a, shape), expand(b, shape)))
})

lawOfTwo('the gradient of a stretched operand is summed back', {}, (a, b) => {
  const u = sum(mul(a, 0)).add(add(a, b)) // some cotangent of the result's shape
  const [da, db] = vjp(([x, y]: readonly Tensor[]) => mul(x!, y!), [a, b]).pullback(u) as [Tensor, Tensor]
  assert.equal([da.shape, db.shape], [a.shape, b.shape])
  allClose(inner(da, a), inner(u, mul(a, b)), { rtol: 1e-9, atol: 1e-6 })
  allClose(inner(db, b), inner(u, mul(a, b)), { rtol: 1e-9, atol: 1e-6 })
})

law('a shape and back is the identity', {}, (x) => {
  same(reshape(reshape(x, [x.size]), x.shape), x)
  same(transpose(transpose(x)), x)
  const turned = x.shape.map((_, i) => (i + 1) % x.rank)
  const back = x.shape.map((_, i) => (i + x.rank - 1) % x.rank)
  same(permute(permute(x, turned), back), x)
})

law('flipping twice, and rolling there and back, is the identity', { rank: [1, 3] }, (x) => {
  const axes = x.shape.map((_, i) => i)
  same(flip(flip(x, axes), axes), x)
  same(
    roll(
      roll(
        x,
        axes.map((i) => 2 * i - 3),
        axes,
      ),
      axes.map((i) => 3 - 2 * i),
      axes,
    ),
    x,
  )
})

law('parts put together are the whole', { rank: [1, 3] }, (x) => {
  const n = x.shape[0]!
  const sizes = [Math.floor(n / 3), 0, n - Math.floor(n / 3)]
  same(concat(split(x, sizes)), x)
  const every = x.shape.map((_, i) => (i === 0 ? 2 : null))
  const [even, odd] = [slice(x, [0], [], every), slice(x, [1], [], every)]
  assert.is(even.shape[0]! + odd.shape[0]!, n)
  if (n % 2 === 0 && n > 0) same(reshape(stack([even, odd], 1), x.shape), x)
})

law('a tile is concatenation, and a derivative of it the sum of the copies', { rank: [1, 2] }, (x) => {
  same(tile(x, [3, ...x.shape.slice(1).map(() => 1)]), concat([x, x, x]))
  same(grad((t: Tensor) => sum(tile(t, [3, ...t.shape.slice(1).map(() => 1)])))(x), x.mul(0).add(3))
})

law('softmax: rows sum to 1, and a constant added to a row changes nothing', { rank: [1, 3], empty: false }, (x) => {
  const p = softmax(x)
  allClose(sum(p, -1), zeros(p.shape.slice(0, -1), p).add(1), close)
  allClose(softmax(x.add(37.5)), p, { rtol: 1e-9, atol: 1e-13 })
  allClose(exp(logSoftmax(x)), p, { rtol: 1e-9, atol: 1e-13 })
  allClose(logSumExp(x.add(5), -1), logSumExp(x, -1).add(5), close)
})

law(
  'layer norm: rows of mean 0 and mean square 1, whatever is added or multiplied',
  { rank: [1, 2], empty: false },
  (x) => {
    const n = x.shape.at(-1)!
    const spread = max(x, -1).sub(x.min(-1)).min().item()
    if (n < 2 || spread < 1e-3) return
    const y = layerNorm(x, null, null, { eps: 0 })
    allClose(y.mean(-1), zeros(x.shape.slice(0, -1), x), { atol: 1e-7 })
    allClose(y.square().mean(-1), zeros(x.shape.slice(0, -1), x).add(1), { rtol: 1e-7 })
    allClose(layerNorm(x.mul(3).add(7), null, null, { eps: 0 }), y, { rtol: 1e-6, atol: 1e-6 })
  },
)

lawOfMatrices('einsum is the loops that it stands for', (a, b) => {
  const [m, k, n] = [a.shape[0]!, a.shape[1]!, b.shape[1]!]
  const [x, y] = [a.toArray(), b.toArray()] as [number[][], number[][]]
  const loops = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let l = 0; l < k; l++) loops[i * n + j]! += x[i]![l]! * y[l]![j]!
  const product = tensor(loops, [m, n])
  allClose(einsum('ij,jk->ik', a, b), product, close)
  allClose(einsum('ij,jk', a, b), product, close)
  allClose(einsum('ij,jk->ki', a, b), transpose(product), close)
  allClose(einsum('ij,jk->', a, b), sum(product), { rtol: 1e-10, atol: 1e-9 })
  allClose(einsum('...j,jk->...k', stack([a, a]), b), stack([product, product]), close)
  allClose(einsum('ij->j', a), sum(a, 0), close)
  allClose(einsum('ij,ij->i', a, a), sum(mul(a, a), 1), close)
  allClose(einsum('ii->i', matmul(a, transpose(a))), sum(mul(a, a), 1), close)
})

lawOfMatrices('(AB)ᵀ = Bᵀ Aᵀ, also by the options that transpose', (a, b) => {
  const y = matmul(a, b)
  allClose(matmul(transpose(b), transpose(a)), transpose(y), close)
  allClose(matmul(a, transpose(b), { transposeB: true }), y, close)
  allClose(matmul(transpose(a), b, { transposeA: true }), y, close)
})

const indexed = any({ rank: 2, empty: false }).chain((x) => {
  const index = fc.array(fc.nat({ max: x.shape[0]! - 1 }), { minLength: 1, maxLength: 9 })
  return fc.tuple(fc.constant(x), index)
})

test('reading and adding by index are adjoint: ⟨u, gather x⟩ = ⟨scatterAdd u, x⟩', () => {
  const holds = ([x, list]: [Tensor, number[]]) => {
    const index = tensor(Int32Array.from(list))
    const rows = indexSelect(x, index)
    same(rows, embedding(x, index))
    const wide = expand(reshape(index, [list.length, 1]), [list.length, x.shape[1]!])
    same(gather(x, wide, 0), rows)
    const u = rows.sin()
    const added = scatterAdd(zeros(x.shape, x), wide, u, 0)
    allClose(inner(u, rows), inner(added, x), { rtol: 1e-9, atol: 1e-9 })
    allClose(vjp((t: Tensor) => gather(t, wide, 0), x).pullback(u), added, close)
  }
  fc.assert(fc.property(indexed, holds), runs)
})

law('a sort is a permutation in order, and topK its beginning', { rank: [1, 2], domain: [-3, 3] }, (x) => {
  const { values, indices } = sort(x, -1, { descending: true })
  same(gather(x, indices, -1), values)
  allClose(sum(values, -1), sum(x, -1), close)
  const n = x.shape.at(-1)!
  const k = Math.min(2, n)
  same(topK(x, k).values, slice(values, [], [...x.shape.slice(1).map(() => null), k]))
  if (n > 0 && x.size > 0) same(argmax(x, -1).cast('f64'), topK(x, 1).indices.reshape(x.shape.slice(0, -1)).cast('f64'))
  same(argsort(x), argsort(contents(x)))
})
/** The same numbers in memory of their own. */
const contents = (x: Tensor) => tensor(x.dataSync(), x.shape)

lawOfTwo('a tie gives the whole gradient to the first', { domain: [-2, 2] }, (a) => {
  const [first, second] = grad(([x, y]: readonly Tensor[]) => sum(maximum(x!, y!)))([a, contents(a)]) as [
    Tensor,
    Tensor,
  ]
  same(first, a.mul(0).add(1))
  same(second, a.mul(0))
})

law('a tie along an axis gives the whole gradient to the lowest index', { rank: 2, empty: false }, (x) => {
  const level = x.mul(0)
  const expected = zeros(x.shape, x).toArray() as number[][]
  for (const row of expected) row[0] = 1
  same(grad((t: Tensor) => sum(max(t, -1)))(level), tensor(expected, null, x))
  same(grad((t: Tensor) => sum(topK(t, 1).values))(level), tensor(expected, null, x))
})

law(
  'a product is the exponential of the sum of logarithms, and its gradient holds at 0',
  { rank: 1, domain: [1, 2] },
  (x) => {
    allClose(prod(x), exp(sum(x.log())), { rtol: 1e-9 })
    if (x.size === 0) return
    const zeroed = concat([zeros([1], x), slice(x, [1])])
    const others = prod(slice(x, [1])).item()
    allClose(grad((t: Tensor) => prod(t))(zeroed).at(0), others, { rtol: 1e-12 })
  },
)

lawOfTwo('vjp and jvp are linear in their direction', { domain: [-2, 2] }, (a, b) => {
  const f = (x: Tensor) => softmax(mul(x.sin(), b).reshape([-1]))
  if (mul(a, b).size === 0) return
  const { value, pullback } = vjp(f, a)
  const [u, v] = [value.exp(), value.square()]
  allClose(pullback(u.mul(2).sub(v)), pullback(u).mul(2).sub(pullback(v)), close)
  const push = (d: Tensor) => jvp(f, a, d).tangent
  allClose(push(a.mul(2).sub(a.cos())), push(a).mul(2).sub(push(a.cos())), close)
})

test('products of what repeats along axes of a batch are computed once, and are those of a dense copy', () => {
  const wave = (shape: readonly number[], phase: number) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return tensor(
      Float64Array.from({ length: size }, (_, i) => Math.sin(i + phase)),
      shape,
    )
  }
  const copyOf = (x: Tensor) => tensor(x.dataSync(), x.shape, x)
  const [matrix, weight, bias] = [wave([5, 3], 1), wave([2, 3], 2), wave([2], 3)]
  const products = (x: Tensor) => [matmul(x, matrix, { transposeB: true }), linear(x, weight, bias)] as const
  const bytesOf = (f: () => unknown) => {
    const before = memoryInfo().liveBytes
    f()
    return memoryInfo().liveBytes - before
  }
  for (const [from, to, once] of [
    ['1 4 3', '7 4 3', '1 4 3'],
    ['6 1 4 3', '6 7 4 3', '6 1 4 3'],
    ['1 6 1 4 3', '2 6 7 4 3', '6 4 3'],
    ['1 3', '4 3', '4 3'], // rows are no batch
  ].map((row) => row.map((sizes) => sizes.split(' ').map(Number)))) {
    const x = expand(wave(from!, 4), to!)
    const [dense, alone] = [copyOf(x), wave(once!, 4)]
    assert.is(
      bytesOf(() => products(x)),
      bytesOf(() => products(alone)),
    )
    for (const k of [0, 1] as const) {
      allClose(products(x)[k], products(dense)[k], { rtol: 1e-15, atol: 1e-15 })
      // every entry has a gradient of its own
      const loss = (x: Tensor) => sum(products(x)[k].square())
      allClose(grad(loss)(x), grad(loss)(dense), close)
      const push = (d: Tensor) => jvp((x) => products(x)[k], dense, d).tangent
      allClose(push(x), push(dense), close)
    }
  }
  const [p, q] = [expand(wave([1, 2, 3], 5), [4, 2, 3]), expand(wave([3, 2], 6), [4, 3, 2])]
  // one of both repeats; none does along the batch, though rows and inner size do
  const each = wave([4, 3, 2], 7)
  const [rows, inner] = [expand(wave([1, 3], 8), [4, 3]), expand(wave([1, 2], 9), [3, 2])]
  for (const [a, b] of [
    [p, q],
    [p, each],
    [rows, inner],
  ] as const) {
    allClose(matmul(a, b), matmul(copyOf(a), copyOf(b)), close)
  }
})

test('attention is what it is made of, and a row of −∞ gives zeros with zero gradient', () => {
  const [q, k, v] = [1, 2, 3].map((seed) =>
    tensor(
      Float64Array.from({ length: 24 }, (_, i) => Math.sin(i * seed + seed)),
      [2, 3, 4],
    ),
  ) as [Tensor, Tensor, Tensor]
  const weights = softmax(matmul(q, swapAxes(k, -1, -2)).div(2))
  const { y, probabilities } = scaledDotProductAttention(q, k, v)
  allClose(probabilities, weights, close)
  allClose(y, matmul(weights, v), close)
  const shut = tensor([[0], [Number.NEGATIVE_INFINITY], [0]], null, q)
  const masked = (x: Tensor) => scaledDotProductAttention(x, k, v, { mask: shut }).y
  same(masked(q).at(':', 1), zeros([2, 4], q))
  same(grad((x: Tensor) => sum(masked(x).square()))(q).at(':', 1), zeros([2, 4], q))
})

test.run()
