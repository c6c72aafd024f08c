/** The paper's method: Layer Integrated Gradients of an encoder's output, from a [PAD] baseline. */
import type { BertEncoding } from '@antecedent/bert'
import { Tensor } from '@antecedent/tensor'
import type { Target } from './maximum.ts'
import type { Integration, PathOptions } from './path.ts'
import { provenanceOf } from './provenance.ts'
import type { AttributionRecord } from './record.ts'
import { attributeSites, type SiteAttributions } from './sites.ts'

export interface LayerIntegratedGradientsOptions extends PathOptions {
  /**
   * F: a scalar of the model on an input, or a list of them, which share the forward pass. Axes must be counted from
   * the end, as `reduceToken` and `tokenMaximum` do, since the points of the path are stacked in front
   */
  forward: (input: BertEncoding) => Target | readonly Target[]
  input: BertEncoding
  /** where to attribute to: any site of shape [L, H]; default `embeddings` */
  site?: string
  /** the other end of the path: an input of as many tokens, or the site's value itself (`zeroBaseline`, …) */
  baseline: BertEncoding | Tensor
  /** what records call a baseline that is a tensor; default `a value` */
  baselineName?: string
  /** names for people, one per target: `max of token 7 "he"` */
  targetNames?: readonly string[]
  /** the tokens that the targets read, for records */
  targetTokens?: readonly (number | null)[]
  /** keep the attribution of every element, not only its sum over the hidden axis; default false */
  elements?: boolean
}

/** The largest completeness error, as a share of F(x) − F(baseline), that goes without a warning. */
const acceptable = 0.05

/**
 * Attributes F to the tokens of a text.
 *
 * @returns a record, or a list of records where `forward` returns a list
 */
export async function layerIntegratedGradients(
  options: LayerIntegratedGradientsOptions & { forward: (input: BertEncoding) => Target },
): Promise<AttributionRecord>
export async function layerIntegratedGradients(
  options: LayerIntegratedGradientsOptions & { forward: (input: BertEncoding) => readonly Target[] },
): Promise<AttributionRecord[]>
export async function layerIntegratedGradients(
  options: LayerIntegratedGradientsOptions,
): Promise<AttributionRecord | AttributionRecord[]> {
  const { forward, input, baseline, site = 'embeddings' } = options
  let several = false
  const run = (on: BertEncoding) => () => {
    const y = forward(on)
    several = Array.isArray(y)
    return y
  }
  const results = await attributeSites({
    toleranceUnit: 'row',
    ...options,
    forward: run(input),
    ...(baseline instanceof Tensor ? { baselineValues: [baseline] } : { baselineForward: run(baseline) }),
    sites: [site],
  })
  const records = results.map((result, t) => toRecord(result, t, options))
  return several ? records : records[0]!
}

/** `[CLS] [PAD]×12 [SEP]`. */
function runs(tokens: readonly string[]): string {
  const starts = tokens.map((_, i) => i).filter((i) => tokens[i] !== tokens[i - 1])
  const lengths = starts.map((start, k) => (starts[k + 1] ?? tokens.length) - start)
  return starts.map((start, k) => (lengths[k] === 1 ? tokens[start] : `${tokens[start]}×${lengths[k]}`)).join(' ')
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

function toRecord(result: SiteAttributions, t: number, options: LayerIntegratedGradientsOptions): AttributionRecord {
  const { input, baseline, site = 'embeddings', multiplyByInputs = true } = options
  const { integration } = result
  const { shape, data } = result.attributions[0]!
  const tokens = input.ids.length
  const width = data.length / tokens
  const scores = Array.from({ length: tokens }, (_, i) => sumOf([...data.subarray(i * width, (i + 1) * width)]))
  const length = Math.hypot(...scores)
  const normalizedScores = scores.map((score) => (length === 0 ? 0 : score / length))
  const [fx, fBaseline, completenessError] = [result.fx[0]!, result.fBaseline[0]!, result.completenessError[0]!]
  const chunks = options.internalBatchSize ?? null
  return {
    schema: 1,
    method: 'layerIntegratedGradients',
    target: options.targetNames?.[t] ?? 'F',
    targetToken: options.targetTokens?.[t] ?? null,
    text: input.text,
    tokens: input.tokens,
    offsets: input.offsets,
    scores,
    normalizedScores,
    attributionScore: sumOf(normalizedScores),
    ...(options.elements && { attributions: { shape, data: [...data] } }),
    fx,
    fBaseline,
    completenessError,
    exact: false,
    sumsTo: multiplyByInputs ? 'F(x) − F(baseline), up to the quadrature' : 'nothing in particular: mean gradients',
    ...(integration.errorEstimate && { errorEstimate: integration.errorEstimate[0]! }),
    ...(integration.winners && { winners: integration.winners[0]! }),
    // F at both ends, and at the other end of the site alone
    evaluations: { ...integration.evaluations, forward: integration.evaluations.forward + 3 },
    settings: {
      site,
      nSteps: integration.points,
      method: integration.method,
      ...(integration.tolerance !== null && { tolerance: integration.tolerance }),
      multiplyByInputs,
      internalBatchSize: chunks,
      baseline: baseline instanceof Tensor ? (options.baselineName ?? 'a value') : runs(baseline.tokens),
    },
    warnings: [
      ...(multiplyByInputs ? warningsOf(fx - fBaseline, completenessError, scores) : []),
      ...unmet(integration),
    ],
    provenance: provenanceOf(input.model, result.dtype),
  }
}

function warningsOf(difference: number, error: number, scores: readonly number[]): string[] {
  const warnings: string[] = []
  if (scores.every((score) => score === 0)) warnings.push('all attributions are 0: F may not depend on this site')
  if (Math.abs(error) > acceptable * Math.abs(difference)) {
    const share = ((100 * Math.abs(error)) / Math.abs(difference)).toFixed(0)
    warnings.push(`the completeness error is ${share} % of F(x) − F(baseline): use more points, or a smooth target`)
  }
  return warnings
}

/** What of the tolerance was not reached; empty where all of it was. */
function unmet({ converged, tolerance, points, errorEstimate, completenessShare }: Integration): string[] {
  if (converged !== false) return []
  const parts = [
    ['the estimated error', errorEstimate![0]!],
    ['the completeness error', completenessShare![0]!],
  ] as const
  return parts
    .filter(([, value]) => !(value < tolerance!))
    .map(
      ([name, value]) =>
        `${name} with ${points} points is ${value.toPrecision(2)} of the largest attribution, over the tolerance ${tolerance}`,
    )
}
