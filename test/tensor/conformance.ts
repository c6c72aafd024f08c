/** One suite for every device: each kernel against `ref`, on the cases of the table, odd shapes and strides, special values. */
import {
  contiguous,
  type DType,
  dispose,
  expand,
  flip,
  full,
  layerNorm,
  linear,
  matmul,
  normal,
  randomKey,
  scope,
  softmax,
  swapAxes,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from '@antecedent/tensor'
import { apply, type Case, type Op, ops } from '@antecedent/tensor/internal'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

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

/** How near a device comes to `ref`, and what its numbers lack. */
export interface Promises {
  /** the error of an operation's case, as a part of the result's largest element */
  cases: number
  /** the relative error of single functions */
  functions: number
  /** that of `pow`, where it is larger */
  pow?: number
  /** false: numbers below 2⁻¹²⁶ may count as 0 */
  subnormal: boolean
  /** `name(argument)` or `name(argument, argument)` of which the device can not bring about the value */
  exceptions?: ReadonlySet<string>
}

const special = [
  ...[Number.NaN, Infinity, -Infinity, 0, -0, 1e-42, -1e-42, 3.4e38, -3.4e38],
  ...[1, -1, 0.5, 2.5, -2.5, 88, -104],
]
const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < 2 ** -126

const ofOne = [
  ...(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt', 'rsqrt', 'exp'] as const),
  ...(['expm1', 'log', 'log1p', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf', 'gelu', 'geluDerivative'] as const),
]
const ofTwo = [
  ...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'] as const),
  ...(['less', 'lessEqual', 'greater', 'greaterEqual', 'equal', 'notEqual'] as const),
]

/** What a device computed, and what `ref` did. */
export type Pair = readonly [actual: Tensor, expected: Tensor]
type Tolerance = { rtol?: number; atol?: number }

/** Compares what `make` returns once the device has answered; nothing of it stays. */
export async function compare(
  device: string,
  make: () => readonly Pair[],
  tolerance: Tolerance | ((expected: Tensor) => Tolerance),
): Promise<void> {
  const pairs = scope(make)
  for (const [actual, expected] of pairs) {
    assert.is(actual.device, device)
    assert.is(actual.dtype, expected.dtype)
    const read = tensor(await actual.data(), actual.shape, { ...onRef, dtype: actual.dtype })
    allClose(read, expected, typeof tolerance === 'function' ? tolerance(expected) : tolerance)
    read.dispose()
  }
  dispose(pairs)
}

/** The suite of a device, to be run by its caller; without `isThere` all of it is skipped. */
export function conformance(device: string, promises: Promises, isThere = true) {
  const whole = suite(`conformance of ${device}`)
  const test = isThere ? whole : whole.skip
  const there = (x: Tensor): Tensor => x.to(device)
  /** Two operands on the device, each in every layout. */
  const inEveryLayout = (a: Tensor, b: Tensor): (readonly [Tensor, Tensor])[] => {
    const all = Object.values(layouts)
    return all.flatMap((p) => all.map((q) => [p(there(a)), q(there(b))] as const))
  }
  const { cases, functions, subnormal, exceptions = new Set() } = promises

  for (const [name, typed] of Object.entries(ops)) {
    const op: Op = typed
    for (const [k, example] of [...op.cases, ...(op.large ? [op.large] : [])].entries()) {
      if (Object.values(example.attrs as object).includes('f64')) continue
      test(`${name}, case ${k}: ref's result to ${cases} of its largest element, in every layout`, () =>
        compare(
          device,
          () => {
            const inputs = inputsOf(example, 100 * k)
            const expected = apply(op, inputs, example.attrs)
            return Object.values(layouts).map((layout) => {
              const on = inputs.map((x) => layout(there(x)))
              return [apply(op, on, example.attrs), expected]
            })
          },
          (expected) => {
            const size = expected.size === 0 ? 1 : Math.max(1, expected.cast('f32').abs().max().item())
            return { rtol: cases, atol: cases * size }
          },
        ))
    }
  }

  /** A function of one or two numbers on lists of them. */
  const onNumbers = (
    name: keyof typeof ops,
    dtype: DType,
    arguments_: readonly (readonly number[])[],
    within: Tolerance,
  ) =>
    compare(
      device,
      () => {
        const inputs = arguments_[0]!.map((_, i) =>
          tensor(
            arguments_.map((list) => list[i]!),
            null,
            { ...onRef, dtype },
          ),
        )
        return [[apply(ops[name] as Op, inputs.map(there), {}), apply(ops[name] as Op, inputs, {})]]
      },
      within,
    )

  const kept = special.filter((x) => subnormal || !isSubnormal(x))
  const what = `NaN, infinities, zeros${subnormal ? ' and subnormal numbers' : ''} as on ref`
  const notExcepted = (name: string) => (list: readonly number[]) =>
    !exceptions.has(`${name}(${list.map((x) => (Object.is(x, -0) ? '-0' : String(x))).join(', ')})`)

  for (const name of ofTwo) {
    const within = name === 'pow' ? (promises.pow ?? functions) : functions
    test(`${name}: ${what}, to ${within}`, () => {
      const pairs = kept.flatMap((a) => kept.map((b) => [a, b])).filter(notExcepted(name))
      return onNumbers(name, 'f32', pairs, { rtol: within, atol: subnormal ? 0 : 2 ** -126 })
    })
  }

  for (const name of ofOne) {
    test(`${name}: ${what}, to ${functions}`, () => {
      const list = kept.map((x) => [x]).filter(notExcepted(name))
      return onNumbers(name, 'f32', list, { rtol: functions, atol: 1e-37 })
    })
  }

  /** What functions give, as numbers, each read by itself. */
  const readAll = async (results: readonly Tensor[]): Promise<number[]> => {
    const numbers: number[] = []
    for (const y of results) numbers.push(...(await y.data()))
    dispose(results)
    return numbers
  }
  const requireBits = (actual: ArrayLike<number>, expected: ArrayLike<number>, at: (i: number) => unknown): void => {
    assert.is(actual.length, expected.length)
    for (let i = 0; i < expected.length; i++) {
      assert.ok(Object.is(actual[i], expected[i]), `${actual[i]} for ${expected[i]} at ${at(i)}`)
    }
  }
  const on = (numbers: readonly number[]): Tensor => tensor(numbers, null, { device })
  const f = (name: (typeof ofOne)[number], x: Tensor): Tensor => scope(() => apply(ops[name] as Op, [x], {}))

  for (const name of ofOne) {
    test(`${name}: the sign of a zero, and infinities at ±0, as on ref`, async () => {
      const zeros = [0, -0]
      const expected = f(name, tensor(zeros, null, onRef)).dataSync()
      requireBits(await readAll([f(name, on(zeros))]), expected, (i) => zeros[i])
    })
    test(`${name}: an element's bits do not depend on its neighbours`, async () => {
      const numbers = [...normal([23], randomKey(1), onRef).mul(3).dataSync(), ...special, 1e7, -1e9]
      const together = await readAll([f(name, on(numbers))])
      requireBits(together, await readAll(numbers.map((x) => f(name, on([x])))), (i) => numbers[i])
    })
  }

  test('a power has the bits of that power alone', async () => {
    const pairs = special.flatMap((a) => special.map((b) => [a, b] as const))
    const together = await readAll([on(pairs.map(([a]) => a)).pow(on(pairs.map(([, b]) => b)))])
    const alone = await readAll(pairs.map(([a, b]) => on([a]).pow(on([b]))))
    requireBits(together, alone, (i) => pairs[i])
  })

  test('the largest and the smallest of a row: a NaN anywhere wins, and so does an extreme anywhere', async () => {
    const rows: Float32Array[] = []
    for (let length = 1; length <= 21; length++) {
      for (let at = 0; at < length; at++) {
        for (const odd of [Number.NaN, 9, -9]) {
          rows.push(Float32Array.from({ length }, (_, i) => (i === at ? odd : i % 2 ? 1 : -1)))
        }
      }
    }
    const results = (of: 'max' | 'min') =>
      rows.map((row) => scope(() => tensor(row, [1, row.length], { device })[of](-1)))
    const [largest, smallest] = [await readAll(results('max')), await readAll(results('min'))]
    requireBits(
      largest,
      rows.map((row) => Math.max(...row)),
      (i) => rows[i],
    )
    requireBits(
      smallest,
      rows.map((row) => Math.min(...row)),
      (i) => rows[i],
    )
  })

  test('the derivative of layer norm along many directions has the bits of each alone', async () => {
    const [rows, length, directions] = [11, 37, 5]
    const x = there(normal([rows, length], randomKey(1), onRef))
    const weight = there(normal([length], randomKey(2), onRef))
    const d = there(normal([directions, rows, length], randomKey(3), onRef))
    for (const weightLast of [false, true]) {
      const along = (d: Tensor) => apply(ops.layerNormDerivative as Op, [d, x, weight], { eps: 1e-5, weightLast })
      const alone = Array.from({ length: directions }, (_, k) => along(d.at(k)))
      requireBits(await readAll([along(d)]), await readAll(alone), (i) => i)
    }
  })

  test('integers: exact, up to the ends of their range', async () => {
    const list = [0, 1, -1, 7, -8, 2 ** 24 + 1, 2 ** 31 - 1, -(2 ** 31) + 1]
    const pairs = list.flatMap((a) => list.map((b) => [a, b]))
    for (const name of ['neg', 'abs', 'sign', 'relu'] as const)
      await onNumbers(
        name,
        'i32',
        list.map((x) => [x]),
        {},
      )
    for (const name of ofTwo) {
      // i32 holds neither quotients nor powers, and what overflows is not said
      const fits = ([a, b]: number[]) =>
        name === 'add' || name === 'sub' || name === 'mul' ? Math.abs(a! * b!) < 2 ** 30 : true
      if (name !== 'div' && name !== 'pow') await onNumbers(name, 'i32', pairs.filter(fits), {})
    }
  })

  test('products of odd sizes, in every layout of both operands', async () => {
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
      const make = (): Pair[] => {
        const a = normal([m!, k!], randomKey(i), onRef)
        const b = normal([k!, n!], randomKey(50 + i), onRef)
        const expected = matmul(a, b)
        return inEveryLayout(a, b).flatMap(([p, q]) => [0, 1, 2].map(() => [matmul(p, q), expected] as const))
      }
      await compare(device, make, { rtol: 0, atol: 3e-7 * k! + 1e-6 })
    }
  })

  test('sums longer than a block of inner size, of many rows, with a bias and without, in every layout', async () => {
    for (const [i, [m, k, n]] of [
      [70, 1100, 40],
      [131, 1025, 33],
      [64, 513, 16],
    ].entries()) {
      const make = (): Pair[] => {
        const a = normal([m!, k!], randomKey(i), onRef)
        const b = normal([n!, k!], randomKey(50 + i), onRef)
        const bias = normal([n!], randomKey(100 + i), onRef)
        const [plain, affine] = [matmul(a, b, { transposeB: true }), linear(a, b, bias)]
        return inEveryLayout(a, b).flatMap(([p, q]) => [
          [matmul(p, q, { transposeB: true }), plain],
          [linear(p, q, there(bias)), affine],
        ])
      }
      await compare(device, make, { rtol: 0, atol: 3e-7 * k! + 1e-6 })
    }
  })

  test('sums of nothing are 0, or the bias, whatever memory held before', async () => {
    for (const m of [3, 70, 130]) {
      const make = (): Pair[] => {
        const [a, b, bias] = [zeros([m, 0], onRef), zeros([16, 0], onRef), normal([16], randomKey(m), onRef)]
        for (let i = 0; i < 3; i++) there(full([m, 16], 7, onRef)).dispose()
        return [
          [matmul(there(a), there(b), { transposeB: true }), zeros([m, 16], onRef)],
          [linear(there(a), there(b), there(bias)), linear(a, b, bias)],
        ]
      }
      await compare(device, make, { rtol: 0, atol: 0 })
    }
  })

  test('products of what repeats along axes of a batch, and what is computed of them', async () => {
    const make = (): Pair[] => {
      const [x, weight] = [normal([2, 1, 5, 8], randomKey(1), onRef), normal([6, 8], randomKey(2), onRef)]
      const bias = normal([6], randomKey(3), onRef)
      const wide = (y: Tensor) => expand(y, [2, 7, 5, 8])
      const [plain, affine] = [matmul(wide(x), weight, { transposeB: true }), linear(wide(x), weight, bias)]
      const product = matmul(wide(there(x)), there(weight), { transposeB: true })
      const layer = linear(wide(there(x)), there(weight), there(bias))
      return [
        [product, plain],
        [layer, affine],
        [softmax(layerNorm(layer)), softmax(layerNorm(affine))],
        [matmul(layer, product, { transposeB: true }), matmul(affine, plain, { transposeB: true })],
      ]
    }
    await compare(device, make, { rtol: 0, atol: 1e-4 })
  })

  test('batches of products, with axes exchanged, stretched, and large', async () => {
    const heads = (x: Tensor) => swapAxes(x, -2, -3)
    const scores = (x: Tensor) => matmul(heads(x), heads(x), { transposeB: true })
    const back = (x: Tensor) => matmul(softmax(scores(x)), heads(x))
    const square = (x: Tensor) => matmul(x, x, { transposeA: true })
    const small = (): Pair[] => {
      const q = normal([3, 9, 4, 8], randomKey(1), onRef)
      const one = normal([1, 5, 6], randomKey(3), onRef)
      const many = normal([7, 6, 3], randomKey(4), onRef)
      return [
        [scores(there(q)), scores(q)],
        [back(there(q)), back(q)],
        [matmul(there(one), there(many)), matmul(one, many)],
      ]
    }
    await compare(device, small, { rtol: 0, atol: 1e-5 })
    const large = (): Pair[] => {
      const x = normal([2, 300, 200], randomKey(2), onRef)
      return [[square(there(x)), square(x)]]
    }
    // sums of 300 products of size up to 325, rounded one after the other
    await compare(device, large, { rtol: 0, atol: 325 * 300 * 2 ** -24 })
  })

  test('a packed matrix is forgotten with its buffer', async () => {
    for (let i = 0; i < 20; i++) {
      const make = (): Pair[] => {
        const a = normal([3, 40], randomKey(i), onRef)
        const b = normal([40, 24], randomKey(100 + i), onRef)
        const held = there(b)
        return [0, 1, 2].map(() => [matmul(there(a), held), matmul(a, b)])
      }
      await compare(device, make, { rtol: 0, atol: 1e-5 })
    }
  })

  test('layer norm of rows far from 0 keeps its digits', () => {
    const make = (): Pair[] => {
      const x = normal([5, 37], randomKey(5), onRef).mul(1e-2).add(100)
      return [[layerNorm(there(x)), layerNorm(x)]]
    }
    return compare(device, make, { rtol: 0, atol: 2e-6 })
  })

  return whole
}
