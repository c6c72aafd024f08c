/** Every kernel of every fast device against `ref`: the cases of the table, odd shapes and strides, special values. */
import {
  contiguous,
  flip,
  full,
  grad,
  layerNorm,
  maskedSoftmax,
  matmul,
  normal,
  randomKey,
  scope,
  softmax,
  sum,
  swapAxes,
  type Tensor,
  tensor,
  uniform,
  where,
} from '@antecedent/tensor'
import { apply, type Case, type Op, ops } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'

const onRef = { device: 'ref' } as const

/** The inputs of a case on `ref`, in f32. */
function inputsOf({ shapes, indices, booleans, domain }: Case, seed: number): Tensor[] {
  return shapes.map((shape, i) => {
    const key = randomKey(seed + i)
    const below = indices?.[i]
    if (below !== undefined) return uniform(shape, key, { ...onRef, high: below }).cast('i32')
    if (booleans?.includes(i)) return uniform(shape, key, onRef).less(0.5)
    return uniform(shape, key, { ...onRef, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2 })
  })
}

/** How an operand may lie in memory. */
const layouts: Record<string, (x: Tensor) => Tensor> = {
  dense: (x) => x,
  turned: (x) => (x.rank > 1 ? contiguous(x.transpose()).transpose() : x),
  reversed: (x) => (x.rank > 0 ? flip(contiguous(flip(x, -1)), -1) : x),
}

for (const device of fastDevices) {
  const test = suite(`conformance of ${device}`)
  const there = (x: Tensor): Tensor => x.to(device)

  for (const [name, typed] of Object.entries(ops)) {
    const op: Op = typed
    for (const [k, example] of [...op.cases, ...(op.large ? [op.large] : [])].entries()) {
      test(`${name}, case ${k}: ref's result to 2e-6 of the largest operand, in every layout`, () => {
        scope(() => {
          const inputs = inputsOf(example, 100 * k)
          if (example.attrs && typeof example.attrs === 'object' && Object.values(example.attrs).includes('f64')) return
          const expected = apply(op, inputs, example.attrs)
          const size = expected.size === 0 ? 1 : Math.max(1, expected.cast('f32').abs().max().item())
          for (const layout of Object.values(layouts)) {
            const y = apply(
              op,
              inputs.map((x) => layout(there(x))),
              example.attrs,
            )
            assert.is(y.device, device)
            assert.is(y.dtype, expected.dtype)
            allClose(y.to('ref'), expected, { rtol: 2e-6, atol: 2e-6 * size })
          }
        })
      })
    }
  }

  const special = [
    Number.NaN,
    Infinity,
    -Infinity,
    0,
    -0,
    1e-42,
    -1e-42,
    3.4e38,
    -3.4e38,
    1,
    -1,
    0.5,
    2.5,
    -2.5,
    88,
    -104,
  ]
  const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))

  for (const name of [
    'add',
    'sub',
    'mul',
    'div',
    'pow',
    'maximum',
    'minimum',
    'less',
    'equal',
    'notEqual',
    'greaterEqual',
  ] as const) {
    test(`${name}: NaN, infinities, zeros and subnormal numbers as on ref`, () => {
      const [a, b] = [0, 1].map((i) =>
        tensor(
          pairs.map((pair) => pair[i]!),
          null,
          onRef,
        ),
      ) as [Tensor, Tensor]
      const run = (x: Tensor, y: Tensor) => apply(ops[name] as Op, [x, y], {})
      allClose(run(there(a), there(b)).to('ref'), run(a, b), { rtol: 1e-6 })
    })
  }

  const unary = (name: keyof typeof ops) => (x: Tensor) => apply(ops[name] as Op, [x], {})
  const smooth = [
    'neg',
    'abs',
    'sign',
    'square',
    'relu',
    'floor',
    'round',
    'reciprocal',
    'sqrt',
    'rsqrt',
    'exp',
    'expm1',
    'log',
    'log1p',
    'sin',
    'cos',
    'tanh',
    'sigmoid',
    'softplus',
    'erf',
    'gelu',
    'geluDerivative',
  ] as const
  for (const name of smooth) {
    test(`${name}: NaN, infinities, zeros and subnormal numbers as on ref`, () => {
      const x = tensor(special, null, onRef)
      allClose(unary(name)(there(x)).to('ref'), unary(name)(x), { rtol: 1e-6, atol: 1e-37 })
    })
    test(`${name}: the sign of a zero, and infinities at ±0, as on ref`, () => {
      const x = tensor([0, -0], null, onRef)
      const [actual, expected] = [unary(name)(there(x)).dataSync(), unary(name)(x).dataSync()]
      for (const [i, y] of expected.entries()) assert.ok(Object.is(actual[i], y), `${actual[i]} for ${y} at ${x}`)
    })
    test(`${name}: an element's bits do not depend on its neighbours`, () => {
      const numbers = [...normal([23], randomKey(1), onRef).mul(3).dataSync(), ...special, 1e7, -1e9]
      const together = unary(name)(tensor(numbers, null, { device })).dataSync()
      for (const [i, number] of numbers.entries()) {
        const alone = unary(name)(tensor([number], null, { device })).dataSync()[0]
        assert.ok(Object.is(together[i], alone), `${together[i]} for ${alone} at ${number}`)
      }
    })
  }

  test('products of odd sizes, in every layout of both operands', () => {
    for (const [i, [m, k, n]] of [
      [1, 1, 1],
      [2, 3, 5],
      [3, 17, 16],
      [14, 32, 14],
      [33, 7, 31],
      [70, 65, 49],
      [130, 40, 64],
      [5, 300, 129],
    ].entries()) {
      scope(() => {
        const a = normal([m!, k!], randomKey(i), onRef)
        const b = normal([k!, n!], randomKey(50 + i), onRef)
        const expected = matmul(a, b)
        for (const p of Object.values(layouts))
          for (const q of Object.values(layouts))
            for (let again = 0; again < 3; again++)
              allClose(matmul(p(there(a)), q(there(b))).to('ref'), expected, { rtol: 0, atol: 3e-7 * k! + 1e-6 })
      })
    }
  })

  test('batches of products, with axes exchanged, stretched, and large', () => {
    const q = normal([3, 9, 4, 8], randomKey(1), onRef)
    const heads = (x: Tensor) => swapAxes(x, -2, -3)
    const scores = (x: Tensor) => matmul(heads(x), heads(x), { transposeB: true })
    allClose(scores(there(q)).to('ref'), scores(q), { rtol: 0, atol: 1e-5 })
    const back = (x: Tensor) => matmul(softmax(scores(x)), heads(x))
    allClose(back(there(q)).to('ref'), back(q), { rtol: 0, atol: 1e-5 })
    const large = normal([2, 300, 200], randomKey(2), onRef)
    const square = (x: Tensor) => matmul(x, x, { transposeA: true })
    // sums of 300 products of size up to 325, rounded one after the other
    allClose(square(there(large)).to('ref'), square(large), { rtol: 0, atol: 325 * 300 * 2 ** -24 })
    const one = normal([1, 5, 6], randomKey(3), onRef)
    const many = normal([7, 6, 3], randomKey(4), onRef)
    allClose(matmul(there(one), there(many)).to('ref'), matmul(one, many), { rtol: 0, atol: 1e-5 })
  })

  test('a packed matrix is forgotten with its buffer', () => {
    for (let i = 0; i < 20; i++) {
      scope(() => {
        const a = normal([3, 40], randomKey(i), onRef)
        const b = normal([40, 24], randomKey(100 + i), onRef)
        const held = there(b)
        for (let k = 0; k < 3; k++) allClose(matmul(there(a), held).to('ref'), matmul(a, b), { rtol: 0, atol: 1e-5 })
      })
    }
  })

  test('a power has the bits of that power alone', () => {
    const [a, b] = [0, 1].map((i) => pairs.map((pair) => pair[i]!)) as [number[], number[]]
    const on = (x: number[]) => tensor(x, null, { device })
    const together = on(a).pow(on(b)).dataSync()
    for (let i = 0; i < a.length; i++) {
      const alone = on([a[i]!])
        .pow(on([b[i]!]))
        .dataSync()[0]
      assert.ok(Object.is(together[i], alone), `${together[i]} for ${alone} of ${a[i]} to the ${b[i]}`)
    }
  })

  test('the largest and the smallest of a row: a NaN anywhere wins, and so does an extreme anywhere', () => {
    for (let length = 1; length <= 21; length++) {
      for (let at = 0; at < length; at++) {
        for (const [odd, max, min] of [
          [Number.NaN, Number.NaN, Number.NaN],
          [9, 9, -1],
          [-9, 1, -9],
        ] as const) {
          const row = Float32Array.from({ length }, (_, i) => (i === at ? odd : i % 2 ? 1 : -1))
          const others = row.filter((_, i) => i !== at)
          const x = tensor(row, [1, length], { device })
          const expected = [odd === -9 ? Math.max(odd, ...others) : max, odd === 9 ? Math.min(odd, ...others) : min]
          const actual = [x.max(-1).item(), x.min(-1).item()]
          assert.ok(
            expected.every((y, i) => Object.is(y, actual[i])),
            `${actual} for ${expected} of ${row}`,
          )
        }
      }
    }
  })

  test('layer norm with a residual has the bits of the sum and its norm, and gradients as of those', () => {
    for (const n of [1, 3, 4, 18, 37]) {
      const [x, residual] = [1, 2].map((key) => there(normal([3, 5, n], randomKey(key), onRef))) as [Tensor, Tensor]
      const [weight, bias] = [3, 4].map((key) => there(normal([n], randomKey(key), onRef))) as [Tensor, Tensor]
      const fused = (x: Tensor, residual: Tensor) => layerNorm(x, weight, bias, { eps: 1e-3, residual })
      const steps = (x: Tensor, residual: Tensor) => layerNorm(x.add(residual), weight, bias, { eps: 1e-3 })
      assert.equal(fused(x, residual).dataSync(), steps(x, residual).dataSync())
      assert.equal(fused(x, residual.at(0)).dataSync(), steps(x, residual.at(0)).dataSync())
      const gradients = (f: typeof fused) => grad(([x, r]: readonly Tensor[]) => sum(f(x!, r!).pow(3)))([x, residual])
      for (const [i, g] of gradients(fused).entries()) assert.equal(g.dataSync(), gradients(steps)[i]!.dataSync())
    }
  })

  test('masked softmax: what is masked out does not matter, what is kept does, in rows of any length', () => {
    for (let length = 1; length <= 19; length++) {
      const row = (f: (i: number) => number) => Array.from({ length }, (_, i) => f(i))
      const values = [
        row((i) => Math.sin(7 * i)),
        row((i) => (i % 3 === 1 ? Number.NaN : i)),
        row((i) => (i % 3 === 1 ? Infinity : -i)),
        row((i) => (i % 3 === 1 ? 5 : -Infinity)),
        row((i) => (i % 3 === 1 ? -1e4 : 100 - i)),
      ]
      const masks = [row((i) => Number(i % 3 !== 1)), row(() => 0), row(() => 1), row((i) => Number(i === length - 1))]
      const x = tensor(
        values.flatMap((of) => masks.map(() => of)),
        null,
        onRef,
      )
      const mask = tensor(
        values.flatMap(() => masks),
        null,
        onRef,
      ).cast('bool')
      allClose(maskedSoftmax(there(x), there(mask)).to('ref'), maskedSoftmax(x, mask), { rtol: 1e-6, atol: 1e-38 })
    }
  })

  test('comparisons, choices, fillings and conversions of any length, of every dtype', () => {
    const numbers = [0, -0, 1, -1, 2.7, -2.7, Number.NaN, Infinity, -Infinity, 3e9, -3e9, 1e-42, 7, 7]
    const dtypes = ['f32', 'i32', 'bool'] as const
    for (const length of [1, 2, 3, 4, 5, 15, 16, 17, 31, 37, 300]) {
      const drawn = (step: number) =>
        tensor(
          Array.from({ length }, (_, i) => numbers[(i * step) % numbers.length]!),
          null,
          onRef,
        )
      const same = (f: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor) => {
        const [actual, expected] = [f(there(a), there(b)), f(a, b)]
        assert.is(actual.dtype, expected.dtype)
        assert.equal([...actual.dataSync()], [...expected.dataSync()])
      }
      for (const from of dtypes) {
        const [a, b] = [drawn(1).cast(from), drawn(5).cast(from)]
        for (const to of dtypes) same((x) => x.cast(to), a, b)
        for (const name of ['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const)
          same((x, y) => x[name](y), a, b)
        same((x, y) => where(x.notEqual(y), x, y), a, b)
        same((x) => full([length], 1, { dtype: from, device: x.device as 'ref' }), a, b)
      }
      same((x) => full([length], -2.5, { device: x.device as 'ref' }), drawn(1), drawn(1))
    }
  })

  test('the derivative of layer norm along many directions has the bits of each alone', () => {
    const [rows, length, directions] = [11, 37, 5]
    const x = there(normal([rows, length], randomKey(1), onRef))
    const weight = there(normal([length], randomKey(2), onRef))
    const d = there(normal([directions, rows, length], randomKey(3), onRef))
    for (const weightLast of [false, true]) {
      const along = (d: Tensor) => apply(ops.layerNormDerivative as Op, [d, x, weight], { eps: 1e-5, weightLast })
      const together = along(d)
      for (let k = 0; k < directions; k++) assert.equal(together.at(k).dataSync(), along(d.at(k)).dataSync())
    }
  })

  test('layer norm of rows far from 0 keeps its digits', () => {
    const x = normal([5, 37], randomKey(5), onRef).mul(1e-2).add(100)
    allClose(layerNorm(there(x)).to('ref'), layerNorm(x), { rtol: 0, atol: 2e-6 })
  })

  test.run()
}
