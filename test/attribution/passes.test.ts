/** What a pass over points of the path, and a pullback of many targets, may hold. */
import { integratedGradients } from '@antecedent/attribution'
import { memoryInfo, mul, sum, type Tensor, tensor, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref')

const test = suite('passes')

const f64 = (size: number) => tensor(Float64Array.from({ length: size }, (_, i) => Math.sin(i)))

/** Points of each pass, as progress tells of them. */
async function passesOf(f: (x: Tensor) => Tensor, memoryBudget: number): Promise<number[]> {
  const done: number[] = []
  await integratedGradients({
    forward: ([x]) => sum(f(x!), -1),
    inputs: [f64(1000)],
    nSteps: 48,
    ...{ memoryBudget, onProgress: (count: number) => void done.push(count) },
  })
  return done.map((count, i) => count - (done[i - 1] ?? 0))
}

test('a pass has as many points as fit the budget with their tape, as even as can be', async () => {
  const point = 8 * 1000
  const square = (x: Tensor) => x.square() // the tape keeps x itself
  assert.equal(await passesOf(square, 12.5 * point), [12, 12, 12, 12])
  assert.equal(await passesOf(square, 24.5 * point), [24, 24])
  assert.equal(await passesOf(square, 1), new Array(48).fill(1))
  assert.equal(await passesOf(square, 1e9), [48])
  const chain = (x: Tensor) => x.sin().exp().tanh() // x, and two results
  assert.equal(await passesOf(chain, 12.5 * 3 * point), [12, 12, 12, 12])
})

test('many targets are pulled back in groups, so that memory does not grow with their number', async () => {
  const targets = 64
  const size = 2 ** 16
  await useDevice('wasm')
  const x = tensor(Float32Array.from({ length: size }, (_, i) => Math.sin(i)))
  const forward = ([x]: Tensor[]) => {
    const y = mul(x!, x!)
    return Array.from({ length: targets }, (_, t) => sum(mul(y, t + 1), -1))
  }
  const before = memoryInfo().liveBytes
  const results = await integratedGradients({ forward, inputs: [x], nSteps: 1 })
  assert.is(results.length, targets)
  // a gradient of all at once is 17 MB, and several are held
  const held = memoryInfo().peakBytes - before
  assert.ok(held < 48 * 2 ** 20, `${held} bytes`)
})

test.run()
