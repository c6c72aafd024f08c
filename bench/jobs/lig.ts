/** Layer Integrated Gradients of the paper's sentence, from [PAD]. */
import {
  attributeAll,
  layerIntegratedGradients,
  type PathOptions,
  padBaseline,
  reduceToken,
  tokenMaximum,
} from '@antecedent/attribution'
import type { BertEncoding } from '@antecedent/bert'
import { type Errors, errorsOf, inRows, type Reference, transposed } from '../accuracy.ts'
import { forwardFlop } from './encoder.ts'
import { type Context, type Job, type Jobs, pythonSides } from './job.ts'

export const sentence = 'The physician hired the secretary because he was overwhelmed with clients.'

/** Captum's default. */
const points = 50
const fixed: PathOptions = { nSteps: points, method: 'gausslegendre' }
const adaptive: PathOptions = { tolerance: 1e-3 }
/** Rules against which errors are taken; a maximum's path is cut, at the 43 nodes that this tolerance asks for. */
const finest = { sum: { nSteps: 200, method: 'gausslegendre' }, max: { tolerance: 1e-7 } } as const

interface Setting extends Context {
  input: BertEncoding
  baseline: BertEncoding
  references: References
  /** what every request to PyTorch says */
  arguments: Record<string, unknown>
}

/** What the issue asks for as `peer ÷ ours`: on wasm, and with a BLAS. */
type Bars = readonly [wasm: number, blas: number]

const barOf = ({ device }: Context, [wasm, blas]: Bars): number => (device === 'blas' ? blas : wasm)

/** A record for every target. */
async function records(setting: Setting, targets: readonly number[], reduce: 'sum' | 'max', options: PathOptions) {
  const { bert, input, baseline } = setting
  return await layerIntegratedGradients({
    forward: (input) => {
      const { lastHiddenState } = bert.forward(input, { outputRows: targets })
      return targets.map((_, row) =>
        reduce === 'max' ? tokenMaximum(lastHiddenState, row) : reduceToken(lastHiddenState, { token: row, reduce }),
      )
    },
    ...{ input, baseline, ...options },
  })
}

/** The scores of all tokens, target by target. */
const attribute = async (...given: Parameters<typeof records>): Promise<number[]> =>
  (await records(...given)).flatMap(({ scores }) => scores)

/** What errors are taken against, made when it is first asked for. */
type References = (targets: readonly number[], reduce: 'sum' | 'max') => Promise<Reference[]>

function referencesOf(setting: Setting): References {
  const made = new Map<string, Promise<Reference[]>>()
  const make = async (targets: readonly number[], reduce: 'sum' | 'max') =>
    (await records(setting, targets, reduce, finest[reduce])).map(({ scores, fx, fBaseline }) => {
      return { scores, difference: fx - fBaseline }
    })
  return (targets, reduce) => {
    const key = `${reduce} ${targets}`
    const known = made.get(key) ?? make(targets, reduce)
    made.set(key, known)
    return known
  }
}

/** One forward over all points, and a backward for every target, all rows computed. */
const flopOf = ({ bert, input }: Setting, targets: number) =>
  (1 + targets) * forwardFlop(bert.config, points, input.ids.length)

interface TargetsJob {
  targets: readonly number[]
  reduce: 'sum' | 'max'
  options: PathOptions
  captum: Bars
  byHand?: Bars
}

function targetsJob(setting: Setting, { targets, reduce, options, captum, byHand }: TargetsJob): Job {
  const given = { ...setting.arguments, targets, reduce }
  const rule = reduce === 'max' ? 'cut path' : options === fixed ? `${points} points` : `tolerance ${options.tolerance}`
  const sides = [
    { name: `Captum, ${points} points`, job: 'captum', arguments: given, bar: barOf(setting, captum) },
    ...(byHand
      ? [{ name: 'PyTorch by hand', job: 'sharedForward', arguments: given, bar: barOf(setting, byHand) }]
      : []),
  ]
  return {
    name: `${targets.length} target${targets.length > 1 ? 's' : ''}, ${reduce}, ${rule}`,
    ...(options === fixed && { flop: flopOf(setting, targets.length) }),
    ours: () => attribute(setting, targets, reduce, options),
    peers: pythonSides(setting, sides),
    errors: async () => {
      const references = await setting.references(targets, reduce)
      return (values): Errors => errorsOf(references, inRows(values, setting.input.ids.length))
    },
    // a fixed rule is off by tens of per cent where the maximum jumps: another number, not rounding
    ...(reduce === 'max' && { tolerance: 1 }),
  }
}

/** Every output coordinate; compared are the attributions of the sums over the hidden axis, token by token. */
async function everyCoordinate(setting: Setting): Promise<number[]> {
  const { bert, input, baseline } = setting
  const { scores, outputShape } = await attributeAll({
    forward: (on) => bert.forward(on).lastHiddenState,
    ...{ input, baseline, nSteps: points },
  })
  const [rows, width] = outputShape as [number, number]
  const tokens = input.ids.length
  return differingTokens(setting).flatMap((t) =>
    Array.from({ length: rows }, (_, row) => {
      let sum = 0
      for (let h = 0; h < width; h++) sum += scores[(row * width + h) * tokens + t]!
      return sum
    }),
  )
}

/** The tokens that are not those of the baseline. */
const differingTokens = ({ input, baseline }: Setting): number[] =>
  input.ids.flatMap((id, t) => (id === baseline.ids[t] ? [] : [t]))

function everyCoordinateJob(setting: Setting): Job {
  const { bert, input } = setting
  const differing = differingTokens(setting)
  const all = input.ids.map((_, token) => token)
  const outputs = input.ids.length * bert.config.hiddenSize
  const one = { ...setting.arguments, targets: [input.tokens.indexOf('he')], reduce: 'sum' }
  return {
    name: `all ${outputs} coordinates, ${points} points`,
    flop: (1 + differing.length) * forwardFlop(bert.config, points, input.ids.length),
    ours: () => everyCoordinate(setting),
    errors: async () => {
      const references = (await setting.references(all, 'sum')).map(({ scores, difference }) => {
        return { scores: differing.map((t) => scores[t]!), difference }
      })
      return (values): Errors => errorsOf(references, transposed(inRows(values, all.length)))
    },
    peers: pythonSides(setting, [
      {
        name: `Captum, ${points} points`,
        job: 'captum',
        arguments: one,
        bar: barOf(setting, [400, 900]),
        parts: outputs,
      },
      { name: 'PyTorch forward mode', job: 'forwardMode', arguments: setting.arguments },
    ]),
  }
}

/** The table: add a row to add a job. */
export const ligJobs: Jobs = async (context) => {
  const input = context.bert.tokenize(sentence)
  const baseline = padBaseline(input)
  const given = { ids: input.ids, baseline: baseline.ids, points }
  const setting: Setting = { ...context, input, baseline, arguments: given, references: (...of) => references(...of) }
  const references = referencesOf(setting)
  const he = [input.tokens.indexOf('he')]
  const all = input.ids.map((_, token) => token)
  return [
    targetsJob(setting, { targets: he, reduce: 'sum', options: fixed, captum: [0.85, 1.8] }),
    targetsJob(setting, { targets: he, reduce: 'sum', options: adaptive, captum: [1.5, 3.5] }),
    targetsJob(setting, { targets: all, reduce: 'sum', options: fixed, captum: [1.4, 3], byHand: [0.8, 1.6] }),
    targetsJob(setting, { targets: all, reduce: 'sum', options: adaptive, captum: [2.8, 6] }),
    targetsJob(setting, { targets: he, reduce: 'max', options: {}, captum: [0.8, 1.6] }),
    everyCoordinateJob(setting),
  ]
}
