/** Scores of sums of rows: the kernel against the same function of other operations, and its derivatives. */
import {
  type DeviceName,
  dropout,
  fastestDevice,
  grad,
  indexSelect,
  normal,
  randomKey,
  rowScores,
  type Tensor,
  tensor,
  useDevice,
} from '@antecedent/tensor'
import { allClose, checkGradients } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('rowScores')

/** By the formula, in numbers. */
function literal(dense: number[][], tables: number[][][], index: number[][], weight: number[]): number[] {
  return dense.map((row, n) =>
    row.reduce((total, x, f) => {
      const sum = index[n]!.reduce((s, r, m) => s + tables[m]![r]![f]!, x)
      return total + Math.max(0, sum) * weight[f]!
    }, 0),
  )
}

const indexOf = (n: number, m: number, rows: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: m }, (_, k) => (7 * i + 3 * k + i * k) % rows))

test('scores are those of the formula on every device, at lengths around those of vectors', async () => {
  const devices: DeviceName[] = ['ref', 'wasm', ...(fastestDevice() === 'blas' ? (['blas'] as const) : [])]
  for (const device of devices) {
    await useDevice(device)
    for (const length of [1, 3, 15, 16, 17, 33, 64, 100]) {
      for (const [n, m] of [
        [5, 3],
        [1, 1],
        [40, 4],
      ] as const) {
        const make = (shape: number[], key: number) => normal(shape, randomKey(10 * length + key))
        const [dense, weight] = [make([n, length], 0), make([length], 1)]
        const tables = Array.from({ length: m }, (_, k) => make([6 + k, length], 2 + k))
        const index = indexOf(n, m, 6)
        const numbers = (x: Tensor) => x.toArray() as number[][]
        const expected = literal(numbers(dense), tables.map(numbers), index, weight.toArray() as number[])
        const actual = rowScores(dense, tables, tensor(index, null, { dtype: 'i32' }), weight)
        allClose(actual, tensor(expected), { rtol: 1e-5, atol: 1e-5 })
      }
    }
  }
})

test('views, no rows, no indices; a NaN stays one', async () => {
  for (const device of ['ref', 'wasm'] as const) {
    await useDevice(device)
    const [wide, table, weight] = [[6, 40], [40, 5], [20]].map((shape, i) => normal(shape, randomKey(i)))
    const index = tensor(indexOf(6, 2, 5), null, { dtype: 'i32' })
    const dense = wide!.slice([null, 20], [null, 40])
    const rows = table!.slice([20], [40]).transpose()
    const copy = (x: Tensor) => tensor(x.toArray())
    allClose(
      rowScores(dense, [rows, rows], index, weight!),
      rowScores(copy(dense), [copy(rows), copy(rows)], index, weight!),
    )
    const none = tensor([], [0, 2], { dtype: 'i32' })
    assert.equal(rowScores(dense.slice([0], [0]), [rows, rows], none, weight!).shape, [0])
    const alone = tensor([], [6, 0], { dtype: 'i32' })
    allClose(rowScores(dense, [], alone, weight!), dense.relu().matmul(weight!), { rtol: 1e-5, atol: 1e-6 })
    const odd = tensor([[Number.NaN, 1]])
    assert.ok(
      Number.isNaN(
        rowScores(odd, [tensor([[1, 1]])], tensor([[0]], null, { dtype: 'i32' }), tensor([1, 1]))
          .at(0)
          .item(),
      ),
    )
  }
})

test('derivatives are those of the decomposition, leading axes too', async () => {
  await useDevice('ref')
  const make = (shape: number[], key: number) => normal(shape, randomKey(key), { dtype: 'f64' })
  const index = tensor(indexOf(4, 2, 3), null, { dtype: 'i32' })
  const inputs = [make([4, 5], 1), make([3, 5], 2), make([5], 3)]
  const loss = ([dense, table, weight]: Tensor[]) =>
    rowScores(dense!, [table!, table!.mul(2)], index, weight!)
      .sin()
      .sum()
  assert.ok(checkGradients((...xs) => loss(xs), inputs))
  for (const g of grad<Tensor[]>(loss)(inputs)) assert.ok(g.abs().sum().item() > 0)
  const batch = rowScores(make([2, 4, 5], 4), [make([2, 3, 5], 5), inputs[1]!], index, inputs[2]!)
  const second = rowScores(make([2, 4, 5], 4).at(1), [make([2, 3, 5], 5).at(1), inputs[1]!], index, inputs[2]!)
  allClose(batch.at(1), second)
})

test('one pass back gives the cotangents of the formula, with dropout too, on every device and number of threads', async () => {
  const devices: DeviceName[] = ['ref', 'wasm', ...(fastestDevice() === 'blas' ? (['blas'] as const) : [])]
  for (const dropped of [null, { key: [5, 6], rate: 0.3 }] as const) {
    for (const [n, m, length] of [
      [5, 3, 1],
      [7, 1, 17],
      [40, 4, 260],
      [3, 0, 530],
    ] as const) {
      const run = (dtype: 'f32' | 'f64', formula: boolean) => {
        const make = (shape: number[], key: number) => normal(shape, randomKey(100 * length + key), { dtype })
        const index = tensor(indexOf(n, m, 6).flat(), [n, m], { dtype: 'i32' })
        const tables = Array.from({ length: m }, (_, k) => make([6 + k, length], 2 + k))
        const along = make([n], 50)
        const loss = ([dense, weight, ...rest]: Tensor[]) => {
          if (!formula) return rowScores(dense!, rest, index, weight!, { dropped }).mul(along).sum()
          const sums = rest.reduce(
            (sum, table, k) => sum.add(indexSelect(table, index.slice([0, k], [null, k + 1]).reshape([n]), 0)),
            dense!,
          )
          const kept = dropped ? dropout(sums.relu(), dropped.rate, dropped.key) : sums.relu()
          return kept.matmul(weight!).mul(along).sum()
        }
        const inputs = [make([n, length], 0), make([length], 1), ...tables]
        return grad<Tensor[]>(loss)(inputs).map((g) => g.dataSync())
      }
      await useDevice('ref')
      const expected = run('f64', true)
      for (const device of devices) {
        const found: ReturnType<typeof run>[] = []
        for (const threads of device === 'ref' ? [1] : [1, 2]) {
          await useDevice(device, device === 'ref' ? {} : { threads })
          found.push(run('f32', false))
        }
        for (const [i, g] of found[0]!.entries()) {
          allClose(tensor(g), tensor(Float32Array.from(expected[i]!)), { rtol: 1e-4, atol: 1e-4 })
          assert.equal(found.at(-1)![i], g)
        }
      }
    }
  }
})

test('derivatives of derivatives, of the pass back and with dropout', async () => {
  await useDevice('ref')
  const make = (shape: number[], key: number) => normal(shape, randomKey(key), { dtype: 'f64' })
  const index = tensor(indexOf(4, 1, 3), null, { dtype: 'i32' })
  const inputs = [make([4, 5], 1), make([3, 5], 2), make([5], 3)]
  const dropped = { key: [7, 8], rate: 0.4 } as const
  const loss = (dense: Tensor, table: Tensor, weight: Tensor) =>
    rowScores(dense, [table], index, weight, { dropped }).square().sum()
  assert.ok(checkGradients(loss, inputs))
  const slopes = (...xs: Tensor[]) =>
    grad<Tensor[]>((ys) => loss(ys[0]!, ys[1]!, ys[2]!))(xs).reduce(
      (sum, g) => sum.add(g.sin().sum()),
      tensor(Float64Array.of(0)).sum(),
    )
  assert.ok(checkGradients(slopes, inputs))
  assert.throws(
    () => rowScores(inputs[0]!, [inputs[1]!], index, inputs[2]!, { dropped: { key: [1, 2], rate: 1 } }),
    /rowScores: expected a rate in \[0, 1\), got 1/,
  )
})

test('shapes and indices that do not fit are told', () => {
  const x = tensor([[1, 2]])
  const index = tensor([[0]], null, { dtype: 'i32' })
  assert.throws(() => rowScores(x, [tensor([[1, 2, 3]])], index, tensor([1, 2])), /rowScores: expected dense/)
  assert.throws(
    () => rowScores(x, [x], tensor([[1]], null, { dtype: 'i32' }), tensor([1, 2])),
    /indices from 0 to 0, got 1/,
  )
})

test.run()
