/** Area `attribution`: quadrature, Integrated Gradients of closed-form functions, and of an encoder's sites. */
import {
  attributeSites,
  integratedGradients,
  type QuadratureMethod,
  quadrature,
  type Reduction,
  reduceToken,
} from '@antecedent/attribution'
import type { BertTensors } from '@antecedent/bert'
import {
  add,
  linear,
  matmul,
  mul,
  pow,
  relu,
  ShapeError,
  select,
  sigmoid,
  sin,
  softmax,
  stack,
  sum,
  type Tensor,
  tanh,
} from '@antecedent/tensor'
import { type Compute, type Context, modelOf } from './context.ts'
import type { Output } from './format.ts'

type Params = Record<string, Tensor>
type ClosedForm = (xs: readonly Tensor[], p: Params) => Tensor

/** Layers of a small network: x W1ᵀ + b1 and so on. */
const layerOf = (p: Params, i: number, x: Tensor): Tensor => linear(x, p[`w${i}`]!, p[`b${i}`]!)

/** The product over the last axis. */
const productOfLast = (x: Tensor): Tensor =>
  Array.from({ length: x.shape.at(-1)! }, (_, d) => select(x, d, -1)).reduce((a, b) => mul(a, b))

/** x […, D] to F […] or […, classes]. */
const functions: Record<string, ClosedForm> = {
  linear: ([x], { w, b }) => add(sum(mul(x!, w!), -1), b!),
  quadratic: ([x], { a, w }) =>
    add(mul(sum(mul(x!, matmul(x!, a!, { transposeB: true })), -1), 0.5), sum(mul(x!, w!), -1)),
  // x_d^p_kd over axes [..., K, D]
  monomials: ([x], { c, p }) => matmul(productOfLast(pow(x!.unsqueeze(-2), p!.cast(x!.dtype))), c!),
  mlp: ([x], p) => layerOf(p, 2, tanh(layerOf(p, 1, x!))),
  reluMlp: ([x], p) => layerOf(p, 3, relu(layerOf(p, 2, relu(layerOf(p, 1, x!))))),
  softmax: ([x], { w, b }) => softmax(linear(x!, w!, b!)),
  sinProduct: ([x0, x1]) => sum(mul(sin(x0!), x1!), -1),
  gate: ([x0, x1]) => mul(sigmoid(sum(x0!, -1)), sum(mul(x1!, x1!), [-1, -2])),
}

/** The class that counts: one for all examples, or one for each. */
function pick(y: Tensor, target: number | number[] | null | undefined): Tensor {
  if (target === null || target === undefined) return y
  if (typeof target === 'number') return select(y, target, -1)
  if (y.shape.at(-2) !== target.length) {
    throw new ShapeError({
      op: 'ig',
      expected: `a class for each of ${y.shape.at(-2)} examples`,
      got: String(target.length),
    })
  }
  return stack(
    target.map((k, b) => select(select(y, b, -2), k, -1)),
    -1,
  )
}

const named = (context: Context, name: string): Tensor[] => {
  const { inputs } = context
  if (inputs[name]) return [inputs[name]]
  return Object.keys(inputs)
    .filter((key) => key.startsWith(`${name}.`))
    .sort((a, b) => Number(a.slice(name.length + 1)) - Number(b.slice(name.length + 1)))
    .map((key) => inputs[key]!)
}

const vector = (values: readonly number[], shape: readonly number[] = [values.length]): Output => ({
  shape,
  data: Float64Array.from(values),
})

const ig: Compute = async (context) => {
  const { golden, inputs } = context
  const attrs = golden.attrs as { function: string; target?: number | number[] | null } & Record<string, never>
  const params = Object.fromEntries(
    Object.keys(inputs)
      .filter((key) => key.startsWith('param.'))
      .map((key) => [key.slice(6), inputs[key]!]),
  )
  const f = functions[attrs.function]
  if (!f) throw new Error(`function ${attrs.function} is not known`)
  const xs = named(context, 'x')
  const single = inputs.baseline ?? (attrs.baseline as number | undefined) ?? 0
  const baselines = xs.map(
    (_, i) => inputs[`baseline.${i}`] ?? (attrs[`baseline.${i}`] as number | undefined) ?? single,
  )
  const [result] = await integratedGradients({
    forward: (values) => pick(f(values, params), attrs.target),
    inputs: xs,
    baselines,
    ...pathOptions(golden.attrs),
  })
  const outputs: Record<string, Output> = {
    delta: vector(result!.completenessError),
    fx: vector(result!.fx),
    fbaseline: vector(result!.fBaseline),
  }
  const several = !('attributions' in golden.outputs)
  for (const [i, x] of result!.attributions.entries()) outputs[several ? `attributions.${i}` : 'attributions'] = x
  return outputs
}

const pathOptions = (attrs: Record<string, unknown>) => ({
  nSteps: (attrs.nSteps as number | undefined) ?? 50,
  method: ((attrs.method as string | undefined) ?? 'gausslegendre') as QuadratureMethod,
  multiplyByInputs: (attrs.multiplyByInputs as boolean | undefined) ?? true,
  internalBatchSize: (attrs.internalBatchSize as number | null | undefined) ?? null,
})

/** The site whose value goes into the module of `site`: Captum's attributeToLayerInput. */
function inputSite(site: string): string {
  const [, layer, inner] = /^layer\.(\d+)\.(output|attention\.(?:output|query|key|value)|mlp)$/.exec(site) ?? []
  if (inner === 'mlp') return `layer.${layer}.attention.output`
  if (layer !== undefined && layer !== '0') return `layer.${Number(layer) - 1}.output`
  if (site === 'encoder' || layer === '0') return 'embeddings'
  throw new Error(`the input of ${site} is at no site`)
}

const lig: Compute = async (context) => {
  const { golden, inputs } = context
  const bert = await modelOf(context)
  const attrs = golden.attrs as Record<string, unknown>
  const { token, reduce, dim } = attrs.target as { token: number | number[]; reduce: string; dim?: number }
  const given = (attrs.sites ?? [attrs.site]) as string[]
  const sites = attrs.attributeToLayerInput ? given.map(inputSite) : given
  const common: BertTensors = { attentionMask: inputs.attentionMask ?? null }
  const own: BertTensors = {
    ...common,
    inputIds: inputs.inputIds!,
    tokenTypeIds: inputs.tokenTypeIds ?? null,
    positionIds: inputs.positionIds ?? null,
  }
  const other: BertTensors = {
    ...common,
    inputIds: inputs.baselineIds!,
    tokenTypeIds: inputs.baselineTypeIds ?? inputs.tokenTypeIds ?? null,
    positionIds: inputs.baselinePositionIds ?? inputs.positionIds ?? null,
  }
  const reference = reduce === 'dot' ? { reference: inputs.reference! } : {}
  const reduction = (reduce === 'dim' ? `dim:${dim}` : reduce === 'dot' ? 'sum' : reduce) as Reduction
  const forward = (on: BertTensors) => () =>
    reduceToken(bert.forward(on).lastHiddenState, { token, reduce: reduction, ...reference })
  const value = inputs.baselineValue
  const [result] = await attributeSites({
    forward: forward(own),
    ...(inputs.baselineIds && { baselineForward: forward(other) }),
    sites,
    ...(value && { baselineValues: [value] }),
    ...pathOptions(attrs),
  })
  return ligOutputs(golden.outputs, result!, inputs.inputIds!.rank === 1)
}

type SiteResult = Awaited<ReturnType<typeof attributeSites>>[number]

/** Without a batch axis, `single`, F is one scalar. */
function ligOutputs(asked: Record<string, string>, result: SiteResult, single: boolean): Record<string, Output> {
  const scalars = (values: readonly number[]) => vector(values, single ? [] : [values.length])
  const outputs: Record<string, Output> = {
    fx: scalars(result.fx),
    fbaseline: scalars(result.fBaseline),
    freplaced: scalars(result.fReplaced),
    delta: scalars(result.completenessError),
  }
  for (const [i, x] of result.attributions.entries()) {
    const suffix = 'attributions' in asked ? '' : `.${i}`
    outputs[`attributions${suffix}`] = x
    const width = x.shape.at(-1)!
    const scores = Float64Array.from({ length: x.data.length / width }, (_, t) => {
      let total = 0
      for (let k = t * width; k < (t + 1) * width; k++) total += x.data[k]!
      return total
    })
    const shape = x.shape.slice(0, -1)
    outputs[`tokenScores${suffix}`] = { shape, data: scores }
    outputs[`normalizedScores${suffix}`] = { shape, data: normalizeRows(scores, shape.at(-1)!) }
  }
  return Object.fromEntries(Object.entries(outputs).filter(([name]) => name in asked))
}

function normalizeRows(scores: Float64Array, length: number): Float64Array {
  return scores.map((score, i) => {
    const start = i - (i % length)
    const size = Math.hypot(...scores.subarray(start, start + length))
    return size === 0 ? 0 : score / size
  })
}

const rule: Compute = async ({ golden }) => {
  const { nodes, weights } = quadrature(golden.attrs.method as QuadratureMethod, golden.attrs.n as number)
  return { nodes: { shape: [nodes.length], data: nodes }, weights: { shape: [weights.length], data: weights } }
}

export const attributionOps: Record<string, Compute> = { quadrature: rule, ig, lig }
