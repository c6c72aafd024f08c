/** Random numbers by key: the published test vectors, and distributions. */
import {
  bertNormal,
  fold,
  glorotNormal,
  glorotUniform,
  heNormal,
  normal,
  permutation,
  randomKey,
  type Tensor,
  truncatedNormal,
  uniform,
  useDevice,
} from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { philox } from '../../packages/tensor/src/random/philox.ts'

await useDevice('ref')

const test = suite('random')
const key = randomKey(42)

const momentsOf = (x: Tensor) => {
  const data = Float64Array.from(x.dataSync())
  const mean = data.reduce((a, b) => a + b, 0) / data.length
  const std = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length)
  return { mean, std, least: data.reduce((a, b) => Math.min(a, b)), most: data.reduce((a, b) => Math.max(a, b)) }
}
const near = (actual: number, expected: number, within: number) =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected} ± ${within}`)

test('philox gives the known answers of the Random123 library', () => {
  const ones = 0xffffffff
  assert.equal(philox([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  assert.equal(philox([ones, ones, ones, ones], [ones, ones]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
  assert.equal(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  )
})

test('uniform numbers fill their range evenly', () => {
  for (const dtype of ['f32', 'f64'] as const) {
    const { mean, std, least, most } = momentsOf(uniform([20000], key, { low: -1, high: 3, dtype }))
    near(mean, 1, 0.03)
    near(std, 4 / Math.sqrt(12), 0.02)
    assert.ok(least >= -1 && least < -0.99 && most < 3 && most > 2.99)
  }
})

test('normal numbers have their moments, and truncated ones no tails', () => {
  const plain = normal([20000], key, { mean: 2, std: 3, dtype: 'f64' })
  const { mean, std, least } = momentsOf(plain)
  near(mean, 2, 0.07)
  near(std, 3, 0.05)
  assert.ok(least < 2 - 3 * 3)
  near(
    plain
      .less(2 - 3)
      .cast('f64')
      .mean()
      .item(),
    0.1587,
    0.01,
  ) // Φ(−1)
  const cut = momentsOf(truncatedNormal([20000], key))
  near(cut.std, 0.8796, 0.01) // √(1 − 4 φ(2) / (2 Φ(2) − 1))
  assert.ok(cut.least >= -2 && cut.most <= 2)
})

test('an element depends on its key and place alone', () => {
  assert.equal(uniform([7], key).toArray(), (uniform([100], key).at(':7') as Tensor).toArray())
  assert.not.equal(uniform([7], key).toArray(), uniform([7], randomKey(43)).toArray())
  assert.not.equal(uniform([7], fold(key, 0)).toArray(), uniform([7], fold(key, 1)).toArray())
  assert.not.equal(fold(key, 0), key)
  assert.not.equal(randomKey(2 ** 32), randomKey(0))
})

test('a permutation has every number once', () => {
  const order = permutation(100, key)
  assert.equal(
    [...order.dataSync()].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  )
  assert.not.equal(order.toArray(), permutation(100, fold(key, 1)).toArray())
  assert.equal(permutation(0, key).toArray(), [])
  // each place of three equally often
  const firsts = Array.from({ length: 600 }, (_, i) => permutation(3, fold(key, i)).at(0).item())
  for (const n of [0, 1, 2]) near(firsts.filter((first) => first === n).length, 200, 45)
})

test('initial weights have the spread that their papers ask for', () => {
  near(momentsOf(glorotUniform([100, 200], key)).std, Math.sqrt(2 / 300), 0.001)
  near(momentsOf(glorotNormal([100, 200], key)).std, Math.sqrt(2 / 300), 0.001)
  near(momentsOf(heNormal([100, 200], key)).std, Math.sqrt(2 / 200), 0.001)
  assert.ok(momentsOf(bertNormal([100, 200], key)).most <= 0.04)
  assert.throws(() => heNormal([3], key), /out, in/)
})

test('a range upside down and a negative spread are errors', () => {
  for (const low of [2, Number.NaN]) assert.throws(() => uniform([1], key, { low }), /low ≤ high/)
  for (const draw of [normal, truncatedNormal]) {
    for (const std of [-1, Number.NaN]) assert.throws(() => draw([1], key, { std }), /std ≥ 0/)
  }
  assert.equal(normal([1], key, { mean: 3, std: 0 }).toArray(), [3])
})

test('keys are whole numbers', () => {
  for (const seed of [-1, 0.5, Number.NaN]) assert.throws(() => randomKey(seed), /safe integer/)
})

test.run()
