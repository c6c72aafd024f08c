/** Layer Integrated Gradients of the paper's sentence, from [PAD], Gauss–Legendre points as Captum takes them. */
import { layerIntegratedGradients, padBaseline, quadrature, type Reduction, reduceToken } from '@antecedent/attribution'
import type { BertEncoding } from '@antecedent/bert'
import { jvp, mul, scope, stack, sub, sum, type Tensor, tap, tensor, zeros } from '@antecedent/tensor'
import { forwardFlop } from './encoder.ts'
import { type Context, type Job, type Jobs, pythonSides } from './job.ts'

export const sentence = 'The physician hired the secretary because he was overwhelmed with clients.'

const points = 50

interface Setting extends Context {
  input: BertEncoding
  baseline: BertEncoding
  /** what every request to PyTorch says */
  arguments: Record<string, unknown>
}

/** The scores of all tokens, target by target. */
async function attribute({ bert, input, baseline }: Setting, targets: readonly number[], reduce: Reduction) {
  const records = await layerIntegratedGradients({
    forward: (input) => {
      const { lastHiddenState } = bert.forward(input)
      return targets.map((token) => reduceToken(lastHiddenState, { token, reduce }))
    },
    ...{ input, baseline, nSteps: points, method: 'gausslegendre' },
  })
  return records.flatMap(({ scores }) => scores)
}

/** One forward over all points, and a backward for every target. */
const flopOf = ({ bert, input }: Setting, targets: number) =>
  (1 + targets) * forwardFlop(bert.config, points, input.ids.length)

function targetsJob(setting: Setting, targets: readonly number[], reduce: Reduction): Job {
  const given = { ...setting.arguments, targets, reduce }
  const captum = { name: 'Captum', job: 'captum', arguments: given }
  const byHand = { name: 'PyTorch by hand, shared forward', job: 'sharedForward', arguments: given }
  return {
    name: `${targets.length} target${targets.length > 1 ? 's' : ''}, ${reduce}, ${points} points`,
    flop: flopOf(setting, targets.length),
    ours: () => attribute(setting, targets, reduce),
    peers: pythonSides(setting, targets.length > 1 ? [captum, byHand] : [captum]),
  }
}

/** Points in one pass of forward mode: with a tangent for every token. */
const chunk = 10

/**
 * Every output coordinate by forward mode, one tangent for each token that differs from its baseline.
 *
 * @returns of [tokens that differ, L, H] the sums over H
 */
async function everyCoordinate({ bert, input, baseline }: Setting): Promise<number[]> {
  const at = (encoding: BertEncoding) =>
    tap({ record: ['embeddings'] }, () => bert.forward(encoding)).recorded.embeddings!
  const total = scope(() => {
    const [u, start] = [at(input), at(baseline)]
    const difference = sub(u, start)
    const tokens = input.ids.flatMap((id, t) => (id === baseline.ids[t] ? [] : [t]))
    const directions = stack(tokens.map((t) => mul(difference, rowMask(t, u)))) // [tangents, L, H]
    const { nodes, weights } = quadrature('gausslegendre', points)
    let sums = zeros([tokens.length, input.ids.length], u)
    for (let from = 0; from < points; from += chunk) {
      sums = sums.add(
        scope(() => {
          const alphas = tensor(nodes.subarray(from, from + chunk), [chunk, 1, 1], { dtype: u.dtype as 'f32' })
          const path = start.add(mul(difference, alphas)) // [points, L, H]
          const along = directions.unsqueeze(1).expand([tokens.length, ...path.shape])
          const f = (x: Tensor) => tap({ replace: { embeddings: x } }, () => bert.forward(input).lastHiddenState).result
          const { tangent } = jvp(f, path, along)
          const w = tensor(weights.subarray(from, from + chunk), [chunk, 1, 1], { dtype: u.dtype as 'f32' })
          return sum(sum(mul(tangent, w), 1), -1)
        }),
      )
    }
    return sums
  })
  const numbers = [...(await total.data())]
  total.dispose()
  return numbers
}

/** Ones in the row of a token, [L, 1]. */
const rowMask = (token: number, like: Tensor): Tensor =>
  tensor(
    Array.from({ length: like.shape[0]! }, (_, t) => (t === token ? 1 : 0)),
    [like.shape[0]!, 1],
    { dtype: like.dtype as 'f32' },
  )

function everyCoordinateJob(setting: Setting): Job {
  const differing = setting.input.ids.filter((id, t) => id !== setting.baseline.ids[t]).length
  return {
    name: `all coordinates, ${points} points`,
    flop: (1 + differing) * forwardFlop(setting.bert.config, points, setting.input.ids.length),
    ours: () => everyCoordinate(setting),
    peers: pythonSides(setting, [
      { name: 'PyTorch by hand, forward mode', job: 'forwardMode', arguments: setting.arguments },
    ]),
  }
}

/** The table: add a row to add a job. */
export const ligJobs: Jobs = async (context) => {
  const input = context.bert.tokenize(sentence)
  const baseline = padBaseline(input)
  const setting = { ...context, input, baseline, arguments: { ids: input.ids, baseline: baseline.ids, points } }
  const everyToken = input.ids.map((_, token) => token)
  return [
    targetsJob(setting, [input.tokens.indexOf('he')], 'sum'),
    targetsJob(setting, everyToken, 'sum'),
    everyCoordinateJob(setting),
  ]
}
