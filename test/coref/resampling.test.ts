/** Bootstrap and randomisation against closed forms and full enumeration. */
import {
  addScoreCounts,
  bootstrap,
  bootstrapMean,
  compareConll,
  countsOf,
  randomisationTest,
  type ScoreCounts,
  type Span,
  scoresOf,
} from '@antecedent/coref'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('coref resampling')

/** Whole numbers below n, by a small generator. */
function numbers(count: number, n: number, seed: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647
    return state % n
  })
}

test('the interval of a mean of 200 numbers is ±1.96 standard errors to 5 %', () => {
  const values = numbers(200, 1000, 7)
  const mean = values.reduce((sum, x) => sum + x, 0) / 200
  const error = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0)) / 200
  const { value, interval } = bootstrapMean(values, { seed: 3 })
  assert.is(value, mean)
  for (const [bound, expected] of [
    [value - interval[0], 1.96 * error],
    [interval[1] - value, 1.96 * error],
  ] as const)
    assert.ok(Math.abs(bound / expected - 1) < 0.05, `${bound} for ${expected}`)
})

test('a wider confidence gives a wider interval; equal numbers give a point', () => {
  const values = numbers(50, 100, 5)
  const at = (confidence: number) => bootstrapMean(values, { confidence, resamples: 2000 }).interval
  assert.ok(at(0.99)[0] < at(0.9)[0] && at(0.9)[1] < at(0.99)[1])
  assert.equal(bootstrapMean([4, 4, 4], { resamples: 50 }), { value: 4, interval: [4, 4] })
})

test('samples are drawn with replacement, each observation as often as the others', () => {
  const seen = new Float64Array(5)
  let repeats = 0
  bootstrap(
    5,
    (sample) => {
      for (const i of sample) seen[i]!++
      repeats += Number(new Set(sample).size < 5)
      return 0
    },
    { resamples: 4000 },
  )
  for (const count of seen) assert.ok(Math.abs(count - 4001) < 300, String(seen))
  assert.ok(repeats > 3500) // all but 5!/5⁵ = 3.8 % of samples repeat an observation
})

test('the p-value of a mean difference is that of all 2¹⁰ exchanges to 0.01', () => {
  const differences = [3, -1, 4, 1, -5, 9, 2, -6, 5, 3]
  const total = (exchanged: ArrayLike<number>) => differences.reduce((sum, d, i) => sum + (exchanged[i] ? -d : d), 0)
  let asLarge = 0
  for (let mask = 0; mask < 1024; mask++) {
    const size = Math.abs(total(differences.map((_, i) => (mask >> i) & 1)))
    asLarge += Number(size >= Math.abs(total([])))
  }
  const p = randomisationTest(10, total, { seed: 1 })
  assert.ok(Math.abs(p - asLarge / 1024) < 0.01, `${p} for ${asLarge / 1024}`)
})

test('each observation is exchanged in half of the draws', () => {
  const times = new Float64Array(20)
  randomisationTest(
    20,
    (exchanged) => {
      for (const [i, one] of exchanged.entries()) times[i]! += one
      return 0
    },
    { resamples: 2000 },
  )
  for (const count of times) assert.ok(Math.abs(count - 1000) < 100, String(times)) // 4.5 standard deviations
})

test('the same seed gives the same numbers, another seed others', () => {
  const values = numbers(30, 100, 2)
  const at = (seed: number) => bootstrapMean(values, { seed, resamples: 500 }).interval
  assert.equal(at(1), at(1))
  assert.not.equal(at(1), at(2))
})

const entity: Span[] = [
  [0, 1],
  [3, 4],
  [6, 7],
]
const whole = countsOf([entity], [entity])
const half = countsOf([entity], [entity.slice(0, 2)])
const none = countsOf([entity], [])

const conll = (list: readonly ScoreCounts[]) => scoresOf(list.reduce(addScoreCounts)).conll.f1

test('two systems differ by their CoNLL scores; the difference of equal ones is never significant', () => {
  const a = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? half : whole))
  const b = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? none : half))
  const { value, interval, pValue } = compareConll(a, b, { resamples: 500 })
  assert.ok(Math.abs(value - (conll(a) - conll(b))) < 1e-12)
  assert.ok(interval[0] < value && value < interval[1] && interval[0] > 0)
  assert.is(pValue, 1 / 501)
  const equal = compareConll(a, a, { resamples: 100 })
  assert.equal(equal, { value: 0, interval: [0, 0], pValue: 1 })
  const turned = compareConll(b, a, { resamples: 500 })
  assert.ok(Math.abs(turned.value + value) < 1e-12)
})

test('the p-value of a CoNLL difference is that of all exchanges to 0.02, whichever system is the better', () => {
  const a = [half, whole, whole, half, none, whole, half, half]
  const b = [half, half, none, whole, none, half, whole, none]
  const difference = (mask: number) => {
    const side = (first: readonly ScoreCounts[], second: readonly ScoreCounts[]) =>
      conll(first.map((counts, i) => ((mask >> i) & 1 ? second[i]! : counts)))
    return Math.abs(side(a, b) - side(b, a))
  }
  const sizes = Array.from({ length: 256 }, (_, mask) => difference(mask))
  const expected = sizes.filter((size) => size >= sizes[0]! - 1e-12).length / 256
  assert.ok(expected > 0.1 && expected < 0.9)
  for (const pair of [
    [a, b],
    [b, a],
  ] as const) {
    const { pValue } = compareConll(...pair, { resamples: 4000 })
    assert.ok(Math.abs(pValue - expected) < 0.02, `${pValue} for ${expected}`)
  }
})

test('pairs stay together: documents that are hard for both add nothing to the interval', () => {
  const hard = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? none : whole))
  const { interval } = compareConll(hard, hard, { resamples: 200 })
  assert.equal(interval, [0, 0])
})

test('no observation, lists of different lengths and no draw are told', () => {
  assert.throws(() => bootstrapMean([]), /observations, got none/)
  assert.throws(() => compareConll([], []), /observations, got none/)
  assert.throws(() => compareConll([whole], []), /same documents, got 1 and 0/)
  assert.throws(() => bootstrapMean([1], { resamples: 0 }), /resamples, got 0/)
})

test.run()
