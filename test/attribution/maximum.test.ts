import {
  type AttributionRecord,
  fromJsonLine,
  integratedGradients,
  layerIntegratedGradients,
  maximumOf,
  nestedQuadrature,
  padBaseline,
  reduceToken,
  renderAttributionText,
  toJsonLine,
  tokenMaximum,
} from '@antecedent/attribution'
import { Bert } from '@antecedent/bert/node'
import {
  max,
  memoryInfo,
  mul,
  OptionError,
  select,
  stack,
  sum,
  type Tensor,
  tensor,
  useDevice,
} from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

await useDevice('ref') // f64

const test = suite('maxima cut by their winner')
const f64 = (x: number[] | number[][]) => tensor(x, null, { dtype: 'f64' })

/**
 * From 0 to x, y(α) = (0.6 − α x₀, e^(α x₁) − 1, 2 (α x₂)³): at x = (1, 1, 1) the first wins until 0.6 − α = e^α − 1,
 * the second until e^α − 1 = 2 α³, then the third.
 */
const three = ([x]: Tensor[]): Tensor => {
  const part = (i: number) => select(x!, i, -1)
  return stack([part(0).neg().add(0.6), part(1).exp().sub(1), part(2).pow(3).mul(2)], -1)
}

/** The zero of a function that changes its sign between a and b. */
function zero(f: (x: number) => number, a: number, b: number): number {
  let [low, high] = [a, b]
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2
    if (Math.sign(f(middle)) === Math.sign(f(low))) low = middle
    else high = middle
  }
  return low
}
const first = zero((a) => 0.6 - a - (Math.exp(a) - 1), 0, 1)
const second = zero((a) => Math.exp(a) - 1 - 2 * a ** 3, 0.5, 1.5)
/** ∫ of each gradient over the part where its function wins. */
const exact = [-first, Math.exp(second) - Math.exp(first), 2 * (1 - second ** 3)]
const expected = second < 1 ? exact : [-first, Math.E - Math.exp(first), 0]

test('switches, winners and attributions are those of the closed form', async () => {
  assert.ok(second > 0.9 && second < 1, String(second))
  const [result] = await integratedGradients({
    forward: (xs) => maximumOf(three(xs)),
    inputs: [f64([1, 1, 1])],
  })
  const { integration, attributions, completenessError, fx, fBaseline } = result!
  assert.equal(
    integration.winners![0]!.map(({ winner }) => winner),
    [0, 1, 2],
  )
  allClose(
    integration.winners![0]!.map(({ start }) => start),
    [0, first, second],
    { atol: 1e-12 },
  )
  assert.is(integration.winners![0]![2]!.end, 1)
  allClose(attributions[0]!.data, expected, { atol: 1e-10 })
  allClose(completenessError, [0], { atol: 1e-10 })
  assert.equal([fx, fBaseline], [[2], [0.6]])
  assert.is(integration.points, 21)
  assert.is(integration.tolerance, null)
  // two steps for each of two switches; a mixture of the winners for the rule of 10 and for that of 21
  assert.equal(integration.evaluations, { forward: 25, backward: 31 })
})

test('fixed rules on the plain maximum are far off, where pieces are exact', async () => {
  const [plain] = await integratedGradients({ forward: (xs) => max(three(xs), -1), inputs: [f64([1, 1, 1])] })
  const error = Math.max(...expected.map((x, i) => Math.abs(plain!.attributions[0]!.data[i]! - x)))
  assert.ok(error > 1e-3, String(error))
})

test('a switch that interpolation misplaces is corrected by the function itself', async () => {
  // poles at ± 0.07 i: 21 points interpolate this badly
  const hard = ([x]: Tensor[]): Tensor => {
    const z = select(x!, 0, -1)
    const peak = z.sub(0.45).div(0.07).square().add(1).reciprocal()
    return stack([peak, select(x!, 1, -1).mul(0.1).add(0.2)], -1)
  }
  const [result] = await integratedGradients({ forward: (xs) => maximumOf(hard(xs)), inputs: [f64([1, 1])] })
  const difference = (a: number) => 1 / (1 + ((a - 0.45) / 0.07) ** 2) - (0.2 + 0.1 * a)
  const places = [zero(difference, 0.2, 0.45), zero(difference, 0.45, 0.7)]
  const pieces = result!.integration.winners![0]!
  const near = (place: number) => Math.min(...pieces.map(({ start }) => Math.abs(start - place)))
  for (const place of places) assert.ok(near(place) < 1e-3, `${near(place)}`)
})

test('a winner between two nodes is found', async () => {
  // wins for 0.478 < α < 0.492; of the 21 nodes none lies there
  const forward = ([x]: Tensor[]) => {
    const z = select(x!, 0, -1)
    const line = z.mul(0.3)
    return maximumOf(stack([line, line.add(z.sub(0.485).square().neg().add(5e-5))], -1))
  }
  const [result] = await integratedGradients({ forward, inputs: [f64([1])] })
  const half = Math.sqrt(5e-5)
  assert.not(nestedQuadrature(21).nodes.some((a) => Math.abs(a - 0.485) < half))
  assert.equal(
    result!.integration.winners![0]!.map(({ winner }) => winner),
    [0, 1, 0],
  )
  allClose(
    result!.integration.winners![0]!.map(({ start }) => start),
    [0, 0.485 - half, 0.485 + half],
    { atol: 1e-9 },
  )
  allClose(result!.attributions[0]!.data, [0.3], { atol: 1e-10 }) // both parts of the first winner count
})

test('a tolerance bounds D itself and completeness, with 43 points where 21 do not do', async () => {
  const run = (tolerance: number) =>
    integratedGradients({ forward: (xs) => maximumOf(three(xs)), inputs: [f64([1, 1, 1])], tolerance })
  const [loose] = await run(1e-2)
  assert.equal([loose!.integration.points, loose!.integration.converged], [21, true])
  const bent = (xs: Tensor[]) =>
    maximumOf(three(xs).add(sum(xs[0]!.sub(0.45).div(0.08).square().add(1).log(), -1, { keepDims: true })))
  const [hard] = await integratedGradients({ forward: bent, inputs: [f64([1, 1, 1])], tolerance: 1e-3 })
  assert.equal([hard!.integration.points, hard!.integration.converged], [43, true])
  const smooth = Math.log(1 + (0.55 / 0.08) ** 2) - Math.log(1 + (0.45 / 0.08) ** 2)
  allClose(
    hard!.attributions[0]!.data,
    expected.map((x) => x + smooth),
    { atol: 1e-3 },
  )
  const [smoothOne] = await integratedGradients({
    ...{ forward: (xs) => sum(bent(xs).of, -1), inputs: [f64([1, 1, 1])], tolerance: 1e-3 },
  })
  assert.ok(hard!.integration.errorEstimate![0]! > 0 && smoothOne!.integration.winners === null)
})

test('what has no switch equals the smooth function of its winner, and D is the estimate in the place of D^1.5', async () => {
  const f = ([x]: Tensor[]) => sum(x!.sub(0.45).div(0.2).square().add(1).log(), -1)
  const forward = (xs: Tensor[]) => [maximumOf(stack([f(xs).sub(50), f(xs)], -1)), f(xs)]
  const [cut, smooth] = await integratedGradients({ forward, inputs: [f64([1, 0.7])] })
  allClose(cut!.attributions[0]!.data, Array.from(smooth!.attributions[0]!.data), { rtol: 1e-12 })
  assert.equal(cut!.integration.winners, [[{ winner: 1, start: 0, end: 1 }]])
  allClose(smooth!.integration.errorEstimate!, [cut!.integration.errorEstimate![0]! ** 1.5], { rtol: 1e-6 })
})

test('examples of a batch have winners of their own, and passes of any size give the same', async () => {
  const inputs = [
    f64([
      [1, 1, 1],
      [-1, 0.1, 0.5],
    ]),
  ]
  const forward = (xs: Tensor[]) => [maximumOf(three(xs)), sum(three(xs), -1)]
  const [batch, beside] = await integratedGradients({ forward, inputs })
  allClose(batch!.attributions[0]!.data.slice(0, 3), expected, { atol: 1e-10 })
  allClose(batch!.attributions[0]!.data.slice(3), [1, 0, 0], { atol: 1e-10 })
  assert.equal(batch!.integration.winners![1], [{ winner: 0, start: 0, end: 1 }])
  allClose(beside!.completenessError, [0, 0], { atol: 1e-10 })
  assert.is(beside!.integration.winners, null)
  for (const tolerance of [undefined, 1e-3]) {
    const more = tolerance === undefined ? {} : { tolerance }
    const before = memoryInfo().tensors
    const [whole] = await integratedGradients({ forward, inputs, ...more })
    for (const internalBatchSize of [2, 8]) {
      const [parts] = await integratedGradients({ forward, inputs, internalBatchSize, ...more })
      allClose(parts!.attributions[0]!.data, Array.from(whole!.attributions[0]!.data), { rtol: 1e-11, atol: 1e-14 })
    }
    assert.is(memoryInfo().tensors, before)
  }
})

test('targets that need 43 points beside ones that do with 21, maxima and sums, are as they are alone', async () => {
  const bent = (x: Tensor) => sum(x.sub(0.45).div(0.08).square().add(1).log(), -1, { keepDims: true })
  const easy = (xs: Tensor[]) => three(xs)
  const hard = (xs: Tensor[]) => three(xs).add(bent(xs[0]!))
  // by 21 nodes one winner, by 43 another at a node of their own
  const { nodes: coarse } = nestedQuadrature(21)
  const between = [...nestedQuadrature(43).nodes].find((a) => a > 0.4 && coarse.every((c) => Math.abs(a - c) > 1e-6))!
  const hidden = ([x]: Tensor[]) => {
    const z = select(x!, 0, -1)
    const narrow = z.sub(between).square().mul(-1e5).add(0.1).exp().sub(1)
    return stack([z.mul(0), narrow], -1).add(bent(x!))
  }
  // by 21 nodes the second wins in some gaps, which is not so
  const false21 = ([x]: Tensor[]) => {
    const z = select(x!, 0, -1)
    return stack([z.sub(0.47).div(0.04).square().add(1).reciprocal(), z.mul(0).sub(5e-4)], -1)
  }
  const targets = [
    (xs: Tensor[]) => maximumOf(easy(xs)),
    (xs: Tensor[]) => maximumOf(hard(xs)),
    (xs: Tensor[]) => sum(easy(xs), -1),
    (xs: Tensor[]) => sum(hard(xs), -1),
    (xs: Tensor[]) => maximumOf(hidden(xs)),
    (xs: Tensor[]) => maximumOf(false21(xs)),
  ]
  const inputs = [f64([1, 1, 1])]
  const together = await integratedGradients({
    forward: (xs) => targets.map((target) => target(xs)),
    ...{ inputs, tolerance: 1e-3 },
  })
  assert.equal(
    together.map(({ integration }) => integration.points),
    [21, 43, 21, 43, 43, 43],
  )
  assert.equal(together[5]!.integration.winners, [[{ winner: 0, start: 0, end: 1 }]])
  allClose(together[5]!.completenessError, [0], { atol: 2e-3 })
  assert.ok(together[4]!.integration.winners![0]!.length > 1)
  const [first21] = await integratedGradients({ forward: targets[4]!, inputs })
  assert.equal(first21!.integration.winners, [[{ winner: 0, start: 0, end: 1 }]])
  for (const [t, forward] of targets.entries()) {
    const [alone] = await integratedGradients({ forward, inputs, tolerance: 1e-3 })
    allClose(together[t]!.attributions[0]!.data, Array.from(alone!.attributions[0]!.data), { rtol: 1e-11, atol: 1e-13 })
    assert.equal(together[t]!.integration.errorEstimate!.length, 1)
    assert.is(together[t]!.integration.evaluations.backward, alone!.integration.evaluations.backward)
  }
})

test('a maximum that the path does not move gets zeros', async () => {
  const constant = f64([3, 4])
  const [off] = await integratedGradients({ forward: () => maximumOf(constant), inputs: [f64([1, 2])] })
  allClose(off!.attributions[0]!.data, [0, 0])
  assert.equal(off!.fx, [4])
  assert.equal(off!.integration.errorEstimate, [0])
})

test('nSteps and method do not go with a maximum; maximumOf needs an axis; tokenMaximum reads its token', async () => {
  for (const options of [{ nSteps: 10 }, { method: 'gausslegendre' as const }]) {
    try {
      await integratedGradients({ forward: (xs) => maximumOf(three(xs)), inputs: [f64([1, 1, 1])], ...options })
      assert.unreachable()
    } catch (error) {
      assert.instance(error, OptionError)
      assert.match((error as Error).message, /maximumOf/)
    }
  }
  assert.throws(() => maximumOf(tensor(1)), /values along a last axis/)
  const hidden = mul(
    f64([
      [1, 2],
      [3, 4],
    ]),
    1,
  )
  assert.equal(tokenMaximum(hidden, 1).of.toArray(), [3, 4])
})

/** A small encoder with random weights, and an input of its own making. */
async function encoder() {
  const bert = await Bert.fromPretrained(shared('golden/bert/models/tiny-a'), { dtype: 'f64' })
  const pieces = [10, 17, 24, 31].map((id) => bert.tokenizer.vocabulary.piece(id))
  const input = {
    ...bert.tokenize(pieces.join(' ')),
    ids: [2, 10, 17, 24, 31, 3],
    typeIds: new Array(6).fill(0),
    tokens: ['[CLS]', ...pieces, '[SEP]'],
    specialTokensMask: [true, false, false, false, false, true],
    offsets: new Array<[number, number]>(6).fill([0, 0]),
  }
  return { bert, input, baseline: padBaseline(input) }
}

needsShared(test)(
  'on an encoder: token scores within the tolerance of a fine sum, with record and warnings',
  async () => {
    const { bert, input, baseline } = await encoder()
    const hidden = (on: typeof input) => bert.forward(on).lastHiddenState
    const run = <T extends object>(options: T) =>
      layerIntegratedGradients({
        forward: (on) => [reduceToken(hidden(on), { token: 2, reduce: 'l2' })],
        ...{ input, baseline, ...options },
      })
    const [fine] = await run({ nSteps: 80 })
    const [adaptive] = await run({ tolerance: 1e-3 })
    const scale = Math.max(...fine!.scores.map(Math.abs))
    allClose(adaptive!.scores, fine!.scores, { atol: 1e-3 * scale })
    assert.ok(adaptive!.errorEstimate! < 1e-3)
    assert.equal([adaptive!.settings.tolerance, adaptive!.settings.nSteps, adaptive!.warnings], [1e-3, 21, []])
    assert.equal([fine!.errorEstimate, fine!.settings.tolerance, fine!.winners], [undefined, undefined, undefined])
    const impossible = await run({ tolerance: 1e-300 })
    assert.match(
      impossible[0]!.warnings.join(),
      /with 43 points is .* of the largest attribution, over the tolerance 1e-300/,
    )

    const [cut] = await run({ forward: (on: typeof input) => [tokenMaximum(hidden(on), 2)], tolerance: 1e-3 })
    const [plain] = await run({ forward: (on: typeof input) => [reduceToken(hidden(on), { token: 2 })], nSteps: 400 })
    assert.is(cut!.fx, plain!.fx)
    assert.is(cut!.winners![0]!.start, 0)
    assert.is(cut!.winners!.at(-1)!.end, 1)
    assert.is(cut!.winners!.at(-1)!.winner, hidden(input).at(2).argmax(-1).item())
    allClose(cut!.scores, plain!.scores, { atol: 0.05 * Math.max(...plain!.scores.map(Math.abs)) })
    assert.ok(Math.abs(cut!.completenessError) < 1e-3 * Math.max(...cut!.scores.map(Math.abs)))
    const line = toJsonLine(cut!)
    assert.is(toJsonLine(fromJsonLine(line)), line)
    assert.equal((fromJsonLine(line) as AttributionRecord).winners, cut!.winners)
    const text = renderAttributionText(cut!)
    assert.match(text, /estimated error {2,}\S+ % of the largest score; 0\.1\S* % asked for/)
    assert.match(text, /largest coordinate {2,}\d+ to α = /)
  },
)

test.run()
