import { type Integration, integratedGradients, nestedQuadrature } from '@antecedent/attribution'
import { memoryInfo, OptionError, sum, type Tensor, tensor, useDevice } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

await useDevice('ref') // f64

const test = suite('adaptive points along the path')
const f64 = (x: number[] | number[][]) => tensor(x, null, { dtype: 'f64' })

/** Σ log(1 + ((xₑ − 0.45) / width)²): its gradient has poles at that distance from the path. */
const bend =
  (width: number) =>
  ([x]: Tensor[]): Tensor => {
    const z = x!.sub(0.45).div(width)
    return sum(z.square().add(1).log(), -1)
  }
const exactBend = (x: number, width: number) =>
  Math.log(1 + ((x - 0.45) / width) ** 2) - Math.log(1 + (0.45 / width) ** 2)

const solve = async (width: number, tolerance: number, inputs = [f64([1, 0.7, 0.2])]) => {
  const [result] = await integratedGradients({ forward: bend(width), inputs, tolerance })
  return result!
}
const worst = (got: ArrayLike<number>, exact: readonly number[]) =>
  Math.max(...exact.map((x, i) => Math.abs(got[i]! - x))) / Math.max(...exact.map(Math.abs))

test('easy functions stop at 21 points, harder ones at 43, and both are within the tolerance', async () => {
  for (const [width, points] of [
    [0.5, 21],
    [0.08, 43],
  ] as const) {
    const { attributions, integration } = await solve(width, 1e-3)
    assert.is(integration.points, points)
    assert.is(integration.converged, true)
    assert.ok(integration.errorEstimate![0]! < 1e-3)
    const error = worst(
      attributions[0]!.data,
      [1, 0.7, 0.2].map((x) => exactBend(x, width)),
    )
    assert.ok(error < 1e-3, `${width}: ${error}`)
    assert.equal(integration.evaluations, { forward: points, backward: points })
  }
})

test('the attributions are those of the rule that was used, by hand', async () => {
  const { attributions, integration } = await solve(0.5, 1e-3)
  const { nodes, weights } = nestedQuadrature(21)
  const slope = (x: number) => (2 * (x - 0.45)) / (0.25 + (x - 0.45) ** 2)
  const byHand = [1, 0.7, 0.2].map((x) => nodes.reduce((total, a, k) => total + weights[k]! * x * slope(a * x), 0))
  allClose(attributions[0]!.data, byHand, { rtol: 1e-12 })
  assert.is(integration.method, 'gausskronrodpatterson')
})

test('what 43 points cannot resolve is told, with what is known of the error', async () => {
  const { integration, attributions, completenessError } = await solve(0.002, 1e-4)
  assert.is(integration.points, 43)
  assert.is(integration.converged, false)
  assert.ok(Math.max(integration.errorEstimate![0]!, integration.completenessShare![0]!) > 1e-4)
  const largest = Math.max(...Array.from(attributions[0]!.data, Math.abs))
  allClose(integration.completenessShare!, [Math.abs(completenessError[0]!) / largest], { rtol: 1e-10 })
})

test('completeness that holds by chance is not taken for accuracy', async () => {
  // F = h(x₀) − h(x₁) with x₀ = x₁: any rule is complete
  const forward = ([x]: Tensor[]) => {
    const h = x!.sub(0.45).div(0.02).square().add(1).log()
    return sum(h.mul(f64([1, -1])), -1)
  }
  const [result] = await integratedGradients({ forward, inputs: [f64([1, 1])], tolerance: 1e-4 })
  assert.ok(result!.integration.completenessShare![0]! < 1e-12)
  assert.is(result!.integration.points, 43)
  assert.is(result!.integration.converged, false)
})

test('each target takes the points that it needs, all of its examples the same; a row is judged as a whole where asked', async () => {
  const inputs = [
    f64([
      [1, 0.7],
      [0.2, 0.1],
    ]),
  ]
  const easy = await solve(0.08, 1e-3, [f64([0.2, 0.1])])
  assert.is(easy.integration.points, 21)
  const batch = await solve(0.08, 1e-3, inputs)
  assert.is(batch.integration.points, 43)
  assert.is(batch.integration.errorEstimate!.length, 2)
  const two = await integratedGradients({
    forward: (xs) => [bend(0.5)(xs), bend(0.08)(xs)],
    inputs: [f64([1, 0.7, 0.2])],
    tolerance: 1e-3,
  })
  assert.equal(
    two.map(({ integration }) => integration.points),
    [21, 43],
  )
  allClose(two[1]!.attributions[0]!.data, Array.from((await solve(0.08, 1e-3)).attributions[0]!.data), { rtol: 1e-12 })
  allClose(two[0]!.attributions[0]!.data, Array.from((await solve(0.5, 1e-3)).attributions[0]!.data), { rtol: 1e-12 })
  // elements whose errors cancel within their row
  const run = (toleranceUnit: 'element' | 'row') => {
    const single = ([x]: Tensor[]) => {
      const h = x!.sub(0.45).div(0.02).square().add(1).log()
      return sum(h.mul(f64([1, -1])).add(x!), -1)
    }
    return integratedGradients({ forward: single, inputs: [f64([1, 1])], tolerance: 1e-4, toleranceUnit })
  }
  assert.is((await run('row'))[0]!.integration.converged, true)
  assert.is((await run('element'))[0]!.integration.converged, false)
})

test('the size of a pass changes rounding only, and every point is evaluated once', async () => {
  const inputs = [f64([1, 0.7, 0.2])]
  let forwards = 0
  const counted = (xs: Tensor[]) => {
    forwards += xs[0]!.rank === 1 ? 1 : xs[0]!.shape[0]!
    return bend(0.08)(xs)
  }
  const told: [number, number][] = []
  const run = (internalBatchSize: number | null) =>
    integratedGradients({
      ...{ forward: counted, inputs, tolerance: 1e-3, internalBatchSize },
      onProgress: (done, points) => told.push([done, points]),
    })
  const [whole] = await run(null)
  assert.is(forwards, 43 + 2)
  assert.equal(told, [
    [21, 21],
    [43, 43],
  ])
  for (const size of [1, 8]) {
    const [parts] = await run(size)
    allClose(parts!.attributions[0]!.data, Array.from(whole!.attributions[0]!.data), { rtol: 1e-12 })
    allClose(parts!.integration.errorEstimate!, whole!.integration.errorEstimate!, { rtol: 1e-6 })
  }
})

test('mean gradients are judged as such, and a function off the path needs no points more', async () => {
  const [gradients] = await integratedGradients({
    ...{ forward: bend(0.5), inputs: [f64([1, 0.7])], tolerance: 1e-3, multiplyByInputs: false },
  })
  allClose(gradients!.attributions[0]!.data, [exactBend(1, 0.5), exactBend(0.7, 0.5) / 0.7], { rtol: 1e-3 })
  assert.is(gradients!.integration.converged, true)
  const constant = f64([3])
  const [off] = await integratedGradients({
    forward: () => sum(constant, -1),
    inputs: [f64([1, 2])],
    tolerance: 1e-3,
  })
  assert.equal(off!.integration.errorEstimate, [0])
  assert.is(off!.integration.points, 21)
})

test('fixed rules say nothing of their error, and nothing stays behind', async () => {
  const inputs = [f64([1, 0.7])]
  const before = memoryInfo().tensors
  const [fixed] = await integratedGradients({ forward: bend(0.5), inputs })
  await integratedGradients({ forward: bend(0.02), inputs, tolerance: 1e-5, internalBatchSize: 10 })
  assert.is(memoryInfo().tensors, before)
  const expected: Integration = {
    ...{ method: 'gausslegendre', points: 50, tolerance: null, errorEstimate: null, completenessShare: null },
    ...{ converged: null, winners: null, evaluations: { forward: 50, backward: 50 } },
  }
  assert.equal(fixed!.integration, expected)
})

test('a tolerance beside nSteps or method, or one that is not positive, is an error', async () => {
  const call = (options: object) => integratedGradients({ forward: bend(1), inputs: [f64([1])], ...options })
  for (const [options, said] of [
    [{ tolerance: 1e-3, nSteps: 20 }, /tolerance and nSteps/],
    [{ tolerance: 1e-3, method: 'trapezoid' }, /tolerance and method/],
    [{ tolerance: 0 }, /positive tolerance, got 0/],
    [{ tolerance: Number.NaN }, /positive tolerance, got NaN/],
  ] as const) {
    try {
      await call(options)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, OptionError)
      assert.match((error as Error).message, said)
    }
  }
})

test.run()
