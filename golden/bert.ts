/** Area `bert`: forward passes, and derivatives at sites, inputs and weights. */
import type { Bert, BertTensors } from '@antecedent/bert'
import {
  add,
  hvp,
  jvp,
  mul,
  type Replacement,
  scope,
  slice,
  sum,
  swapAxes,
  type Tensor,
  tap,
  vjp,
  where,
  zeros,
} from '@antecedent/tensor'
import { type Compute, type Context, modelOf } from './context.ts'
import type { Output } from './format.ts'

/** The site of a value that a case names. */
function siteOf(name: string): string | null {
  const [, kind, index] = /^(hiddenState|attention)\.(\d+)$/.exec(name) ?? []
  if (kind === 'attention') return `layer.${index}.attention.probabilities`
  if (kind === 'hiddenState') return index === '0' ? 'embeddings' : `layer.${Number(index) - 1}.output`
  return /^embeddings(\.word|\.position|\.tokenType)?$/.test(name) ? name : null
}

/** The values that a case may ask for or give a cotangent to, from one pass. */
function run(bert: Bert, input: BertTensors, names: readonly string[], replace: Record<string, Replacement>) {
  const sites = names.map(siteOf).filter((site) => site !== null)
  const { result, recorded } = tap({ record: [...new Set(sites)], replace }, () => bert.forward(input))
  return (name: string): Tensor => {
    const site = siteOf(name)
    if (site !== null) return recorded[site]!
    return name === 'pooler' ? result.pooler! : result.lastHiddenState
  }
}

const withPrefix = (record: Record<string, unknown>, prefix: string): string[] =>
  Object.keys(record)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))

/** Σ over probes ⟨cotangent, value⟩. */
const weigh = (value: (name: string) => Tensor, probes: Record<string, Tensor>): Tensor =>
  withPrefix(probes, 'cotangent.')
    .map((name) => sum(mul(value(name), probes[`cotangent.${name}`]!)))
    .reduce((a, b) => add(a, b))

/** The derivative of the weighed outputs with respect to each named value. */
function gradients(bert: Bert, input: BertTensors, context: Context, names: readonly string[]): Record<string, Tensor> {
  const { probes } = context
  const probed = withPrefix(probes, 'cotangent.')
  const sites = names.filter((name) => siteOf(name) !== null)
  const shapes = scope(() => {
    const value = run(bert, input, sites, {})
    return sites.map((name) => value(name).shape)
  })
  const weights = names.filter((name) => name.startsWith('weight.')).map((name) => name.slice('weight.'.length))
  const embeds = names.includes('inputsEmbeds') ? [input.inputsEmbeds!] : []
  // a site's own value moves by a tensor of zeros, so that all derivatives come from one pass
  const like = Object.values(bert.parameters)[0]!
  const variables = [
    ...shapes.map((shape) => zeros(shape, like)),
    ...weights.map((name) => bert.parameters[name]!),
    ...embeds,
  ]
  const { pullback } = vjp<Tensor[], Tensor>((xs) => {
    const moved: Record<string, Replacement> = {}
    for (const [i, name] of sites.entries()) moved[siteOf(name)!] = (value) => add(value, xs[i]!)
    const overrides = Object.fromEntries(weights.map((name, i) => [name, xs[sites.length + i]!]))
    const given = embeds.length > 0 ? { ...input, inputsEmbeds: xs.at(-1)! } : input
    return bert.using(overrides, () => weigh(run(bert, given, probed, moved), probes))
  }, variables)
  const found = pullback(zeros([], like).add(1))
  pullback.dispose()
  const keys = [...sites, ...weights.map((name) => `weight.${name}`), ...embeds.map(() => 'inputsEmbeds')]
  return Object.fromEntries(keys.map((name, i) => [name, found[i]!]))
}

/** jvp and hvp along a tangent at the embeddings' output. */
function alongTangent(bert: Bert, input: BertTensors, { golden, probes }: Context): Record<string, Tensor> {
  const tangent = probes['tangent.embeddings']
  if (!tangent) return {}
  const at = run(bert, input, ['embeddings'], {})('embeddings')
  const from = (x: Tensor) => run(bert, input, withPrefix(probes, 'cotangent.'), { embeddings: x })
  const results: Record<string, Tensor> = {}
  for (const name of withPrefix(golden.outputs, 'jvp.')) {
    results[`jvp.${name}`] = jvp((x: Tensor) => run(bert, input, [name], { embeddings: x })(name), at, tangent).tangent
  }
  if ('hvp.embeddings' in golden.outputs) {
    results['hvp.embeddings'] = hvp((x: Tensor) => weigh(from(x), probes), at, tangent)
  }
  return results
}

/** Zeros where a padded position is a query: rows of hidden states, rows (and, in gradients, columns) of attentions. */
function maskRows(name: string, x: Tensor, mask: Tensor): Tensor {
  const real = mask.notEqual(0) // […, L]
  const value = name.replace(/^(grad|jvp|hvp)\./, '')
  if (value === 'pooler' || value.startsWith('weight.')) return x
  if (!value.startsWith('attention.')) return where(real.unsqueeze(-1), x, 0)
  const keys = real.unsqueeze(-2).unsqueeze(-2) // […, 1, 1, L]
  const rows = where(swapAxes(keys, -1, -2), x, 0)
  return name.startsWith('grad.') ? where(keys, rows, 0) : rows
}

const forward: Compute = async (context) => {
  const { golden, inputs } = context
  const bert = await modelOf(context)
  const input: BertTensors = inputs
  const asked = Object.keys(golden.outputs)
  const values = asked.filter((name) => !/^(grad|jvp|hvp)\./.test(name))
  const value = run(bert, input, values, {})
  const outputs: Record<string, Tensor> = Object.fromEntries(values.map((name) => [name, value(name)]))
  const wanted = withPrefix(golden.outputs, 'grad.')
  if (wanted.length > 0) {
    for (const [name, x] of Object.entries(gradients(bert, input, context, wanted))) outputs[`grad.${name}`] = x
  }
  Object.assign(outputs, alongTangent(bert, input, context))
  const steps = (golden.attrs.slice ?? {}) as Record<string, number[]>
  const results: Record<string, Output> = {}
  for (const [name, x] of Object.entries(outputs)) {
    const masked = golden.attrs.compareRows === 'mask' ? maskRows(name, x, inputs.attentionMask!) : x
    results[name] = steps[name] ? slice(masked, [], [], steps[name]) : masked
  }
  return results
}

export const bertOps: Record<string, Compute> = { 'bert.forward': forward }
