/** How exact the wasm kernels are: bounds in the tests' names, against `ref`'s f64 functions, over dense samples. */
import { type Tensor, tensor } from '@antecedent/tensor'
import { apply, type Op, ops } from '@antecedent/tensor/internal'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('precision of wasm')

/** Distance in numbers of f32 between a computed value and the exact one. */
function ulps(actual: number, exact: number): number {
  if (Object.is(actual, exact) || (Number.isNaN(actual) && Number.isNaN(exact))) return 0
  const near = Math.fround(exact)
  if (!Number.isFinite(near) || !Number.isFinite(actual)) return actual === near ? 0 : Number.POSITIVE_INFINITY
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(exact) || 2 ** -126)))
  return Math.abs(actual - exact) / 2 ** (exponent - 23)
}

/** Numbers of f32 spread over a range: evenly, and by their exponents on both sides of 0. */
function samples(low: number, high: number): Float32Array {
  const even = Array.from({ length: 20_000 }, (_, i) => low + ((high - low) * (i + 0.37)) / 20_000)
  const small = Array.from({ length: 4000 }, (_, i) => 2 ** (-40 + (i / 4000) * 46) * (i % 2 ? 1 : -1))
  return Float32Array.from([...even, ...small.filter((x) => x >= low && x <= high)])
}

const run = (name: keyof typeof ops, x: Tensor): ArrayLike<number> => apply(ops[name] as Op, [x], {}).dataSync()

/** Name, bound in ulps, range; absolute errors below `floor` do not count. */
const bounds: readonly (readonly [name: keyof typeof ops, ulp: number, low: number, high: number, floor?: number])[] = [
  ['exp', 1, -87, 88],
  ['exp', 1, -104, -87], // below 2⁻¹²⁶
  ['expm1', 1, -20, 88],
  ['log', 1, 1e-30, 1e30],
  ['log1p', 1, -0.999, 1e6],
  ['log', 1, 0.9, 1.1],
  ['log', 1, 1e-45, 1e-37],
  ['log1p', 1, -0.01, 0.01],
  ['sin', 1, -1000, 1000],
  ['sin', 1, -1.2e6, 1.2e6],
  ['sin', 1, -1e9, 1e9],
  ['sin', 1, -1e30, 1e30],
  ['cos', 1, -1000, 1000],
  ['cos', 1, -1.2e6, 1.2e6],
  ['cos', 1, -1e9, 1e9],
  ['cos', 1, -1e30, 1e30],
  ['tanh', 1, -10, 10],
  ['sigmoid', 1, -80, 80],
  ['sigmoid', 1, -104, -80],
  ['softplus', 1, -80, 80],
  ['softplus', 1, -104, -80],
  ['erf', 1, -6, 6],
  ['sqrt', 1, 0, 1e10],
  ['rsqrt', 1, 1e-10, 1e10],
  ['rsqrt', 1, 1e-45, 1e-37],
  ['reciprocal', 1, 0.001, 1e10],
  ['gelu', 8, -1, 20],
  ['gelu', 32, -5, -1],
  ['gelu', 1, -14, -5, 1e-11], // where 1 + erf cancels in ref's f64, too
  ['geluDerivative', 8, -14, 20, 1e-7],
]

for (const [name, bound, low, high, floor = 0] of bounds) {
  const besides = floor > 0 ? ` or ${floor}` : ''
  test(`${name}: within ${bound} ulp${besides} on [${low}, ${high}]`, () => {
    const x = samples(low, high)
    const actual = run(name, tensor(x, [x.length], { device: 'wasm' }))
    const exact = run(name, tensor(Float64Array.from(x), [x.length], { dtype: 'f64', device: 'ref' }))
    let worst = 0
    let at = 0
    for (let i = 0; i < x.length; i++) {
      if (Math.abs(actual[i]! - exact[i]!) <= floor) continue
      const distance = ulps(actual[i]!, exact[i]!)
      if (!(distance <= worst)) [worst, at] = [distance, i]
    }
    assert.ok(worst <= bound, `${worst} ulp at ${x[at]}: ${actual[at]} for ${exact[at]}`)
  })
}

/** The numbers of f32 that lie just below and above each multiple of π/2 up to a thousand. */
const nearZerosOfSine = Float32Array.from({ length: 4000 }, (_, i) => {
  const words = new Int32Array(Float32Array.of((Math.PI / 2) * (i + 1)).buffer)
  words[0]! += (i % 3) - 1
  return new Float32Array(words.buffer)[0]!
})

for (const name of ['sin', 'cos'] as const) {
  test(`${name}: within 1 ulp beside multiples of π/2, up to the 4000th`, () => {
    const actual = run(name, tensor(nearZerosOfSine, null, { device: 'wasm' }))
    const exact = run(name, tensor(Float64Array.from(nearZerosOfSine), null, { dtype: 'f64', device: 'ref' }))
    const worst = Math.max(...nearZerosOfSine.map((_, i) => ulps(actual[i]!, exact[i]!)))
    assert.ok(worst <= 1, `${worst} ulp`)
  })
}

test('pow: within 1 ulp for bases of (0, 1e6] and results of f32', () => {
  const bases = samples(1e-6, 1e6)
  const exponents = Float32Array.from(bases, (a, i) => {
    const largest = 87 / Math.max(0.1, Math.abs(Math.log(a)))
    return largest * (((i * 0.618034) % 2) - 1)
  })
  const on = (device: 'wasm' | 'ref', x: Float32Array) =>
    tensor(device === 'ref' ? Float64Array.from(x) : x, null, { dtype: device === 'ref' ? 'f64' : 'f32', device })
  const power = (device: 'wasm' | 'ref') =>
    apply(ops.pow as Op, [on(device, bases), on(device, exponents)], {}).dataSync()
  const [actual, exact] = [power('wasm'), power('ref')]
  let worst = 0
  for (let i = 0; i < bases.length; i++) worst = Math.max(worst, ulps(actual[i]!, exact[i]!))
  assert.ok(worst <= 1, `${worst} ulp`)
})

test.run()
