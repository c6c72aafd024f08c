/** Every output coordinate at once: Layer Integrated Gradients by forward mode. */
import type { BertEncoding } from '@antecedent/bert'
import { jvp, mul, OptionError, ShapeError, scope, sub, Tensor, tap, tensor } from '@antecedent/tensor'
import { alphaOf, type NestedSize, nestedInterpolation, nestedMethod, nestedWeights } from './nestedRule.ts'
import { provenanceOf } from './provenance.ts'
import { type QuadratureMethod, quadrature } from './quadrature.ts'
import type { Provenance } from './record.ts'

export interface AttributeAllOptions {
  /** all outputs of the model on an input, of any shape; axes counted from the end, as points are stacked in front */
  forward: (input: BertEncoding) => Tensor
  input: BertEncoding
  /** where to attribute to: any site of shape [L, H]; default `embeddings` */
  site?: string
  /** the other end of the path: an input of as many tokens, or the site's value itself */
  baseline: BertEncoding | Tensor
  /** points along the path; default 50. Not beside `tolerance` */
  nSteps?: number
  /** quadrature rule; default `gausslegendre`. Not beside `tolerance` */
  method?: QuadratureMethod
  /** adaptive points: 21, or 43 where the error estimated with 21 is larger than this share of the largest entry */
  tolerance?: number
  /** points per pass; default: as many as fit a fixed budget of elements. Changes rounding only */
  internalBatchSize?: number | null
  /** told after each pass how many of the points are done */
  onProgress?: (done: number, points: number) => void
}

/** Attributions of every output to every token. */
export interface AttributionTable {
  schema: 1
  method: 'attributeAll'
  tokens: string[]
  /** shape of the model's output */
  outputShape: number[]
  /** `[outputs, tokens]`, row-major: row o adds up to F_o(x) − F_o(baseline) */
  scores: Float64Array
  /** F(x) per output */
  fx: Float64Array
  /** F with the site at the other end of the path, per output */
  fBaseline: Float64Array
  /** per output, what its row adds up to minus (fx − fBaseline) */
  completenessError: Float64Array
  /** the estimated error as a share of the largest entry; null for fixed rules */
  errorEstimate: number | null
  settings: Record<string, string | number | boolean | null>
  warnings: string[]
  provenance: Provenance
}

/** Elements of tangents at the site that one pass holds. */
const elementsPerPass = 2 ** 20

interface Rule {
  readonly points: number
  readonly weights: Float64Array
  readonly sums: Float64Array
}

/**
 * Attributes every coordinate of an output to the tokens of a text, at the price of one tangent per token whose vector
 * the baseline changes: ∫ J(α) d_t dα with d_t = x − x′ at token t and 0 elsewhere. Cheaper than one backward pass for
 * each output where outputs outnumber tokens; the same numbers as `layerIntegratedGradients`, up to rounding.
 *
 * @throws {OptionError} for a tolerance beside fixed points; `ShapeError` for a site that is not [L, H]
 */
export async function attributeAll(options: AttributeAllOptions): Promise<AttributionTable> {
  const { forward, input, baseline, site = 'embeddings', tolerance } = options
  checkOptions(options)
  const replaced = (value: Tensor) => tap({ replace: { [site]: value } }, () => forward(input)).result
  const { end, start, fx, fStart } = scope(() => {
    const ran = tap({ record: [site] }, () => forward(input))
    const end = ran.recorded[site]!
    const other = baseline instanceof Tensor ? baseline : recordedOn(site, () => forward(baseline))
    const start = other.expand(end.shape)
    return { end: end.alias(), start: start.alias(), fx: ran.result.alias(), fStart: replaced(start) }
  })
  try {
    const tokens = input.ids.length
    if (end.rank !== 2 || end.shape[0] !== tokens) {
      const got = `[${end.shape.join(', ')}]`
      throw new ShapeError({ op: 'attributeAll', expected: `a site of shape [${tokens}, hidden]`, got })
    }
    const step = await differenceOf(end, start)
    const moving = movingTokens(step, tokens)
    const outputs = fx.size
    const [atEnd, atStart] = [Float64Array.from(await fx.data()), Float64Array.from(await fStart.data())]
    const table = () => new Float64Array(outputs * tokens)
    const { nodes, rules, method } = rulesOf(options, table)
    const run = async (from: number, to: number, total: number) => {
      const perPass = passSize(options, moving.length * end.size)
      for (let at = from; at < to; at += perPass) {
        const alphas = nodes.subarray(at, Math.min(to, at + perPass))
        const tangents = scope(() => tangentsAt(replaced, end, start, step, moving, alphas))
        const data = await tangents.data()
        tangents.dispose()
        checkSize(data.length, moving.length * alphas.length * outputs)
        for (const rule of rules) add(rule, data, at, alphas.length, moving, outputs, tokens)
        options.onProgress?.(Math.min(to, at + perPass), total)
      }
    }
    let used = rules.at(-1)!
    let errorEstimate: number | null = null
    let done = 0
    for (const [level, rule] of rules.entries()) {
      if (level === 0 && rules.length > 1) continue // a rule to compare with
      if (moving.length > 0) await run(done, rule.points, rule.points)
      done = rule.points
      used = rule
      if (tolerance === undefined) break
      errorEstimate = differenceOfTables(rules[level - 1]!.sums, rule.sums) ** 1.5
      if (errorEstimate < tolerance && completenessShare(rule.sums, atEnd, atStart, tokens) < tolerance) break
    }
    const completenessError = atEnd.map((f, o) => rowSum(used.sums, o, tokens) - (f - atStart[o]!))
    const unmet = tolerance !== undefined && !(errorEstimate! < tolerance)
    return {
      schema: 1,
      method: 'attributeAll',
      tokens: input.tokens,
      outputShape: [...fx.shape],
      scores: used.sums,
      fx: atEnd,
      fBaseline: atStart,
      completenessError,
      errorEstimate,
      settings: { site, nSteps: used.points, method, ...(tolerance !== undefined && { tolerance }) },
      warnings: unmet ? [`the estimated error with ${used.points} points is ${errorEstimate!.toPrecision(2)}`] : [],
      provenance: provenanceOf(input.model, fx.dtype),
    }
  } finally {
    for (const x of [end, start, fx, fStart]) x.dispose()
  }
}

function checkOptions({ tolerance, nSteps, method }: AttributeAllOptions): void {
  if (tolerance === undefined) return
  if (!(tolerance > 0 && tolerance < Infinity))
    throw new OptionError({ op: 'attributeAll', expected: 'a positive tolerance', got: String(tolerance) })
  if (nSteps === undefined && method === undefined) return
  throw new OptionError({ op: 'attributeAll', expected: 'a tolerance, or a fixed number of points', got: 'both' })
}

const recordedOn = (site: string, f: () => Tensor): Tensor => tap({ record: [site] }, f).recorded[site]!

/** One fixed rule, or the nested ones, on the same nodes. */
function rulesOf({ nSteps = 50, method = 'gausslegendre', tolerance }: AttributeAllOptions, table: () => Float64Array) {
  if (tolerance === undefined) {
    const { nodes, weights } = quadrature(method, nSteps)
    return { nodes, method: method as string, rules: [{ points: nSteps, weights, sums: table() }] satisfies Rule[] }
  }
  const nested = (points: NestedSize): Rule => ({ points, weights: nestedWeights(points), sums: table() })
  const nodes = nestedInterpolation(43).nodes.map(alphaOf)
  return { nodes, method: nestedMethod, rules: [nested(10), nested(21), nested(43)] }
}

function passSize({ internalBatchSize = null }: AttributeAllOptions, elementsPerPoint: number): number {
  if (internalBatchSize === null) return Math.max(1, Math.floor(elementsPerPass / Math.max(1, elementsPerPoint)))
  if (Number.isInteger(internalBatchSize) && internalBatchSize > 0) return internalBatchSize
  const got = String(internalBatchSize)
  throw new OptionError({ op: 'attributeAll', expected: 'a positive internalBatchSize', got })
}

/** x − x′, read. */
async function differenceOf(end: Tensor, start: Tensor): Promise<Float64Array> {
  const [to, from] = [await end.data(), await start.data()]
  return Float64Array.from(to as ArrayLike<number>, (value, i) => value - from[i]!)
}

/** The tokens whose vector the baseline changes. */
function movingTokens(step: Float64Array, tokens: number): number[] {
  const width = step.length / tokens
  const moves = (t: number) => step.subarray(t * width, (t + 1) * width).some((value) => value !== 0)
  return Array.from({ length: tokens }, (_, t) => t).filter(moves)
}

/** J(α) d_t for some points and every moving token: `[tokens, points, …output]`, without the axis of points for one. */
function tangentsAt(
  f: (value: Tensor) => Tensor,
  end: Tensor,
  start: Tensor,
  step: Float64Array,
  moving: readonly number[],
  alphas: Float64Array,
): Tensor {
  const { dtype, device: name, shape } = end
  const n = alphas.length
  const like = { dtype, device: name }
  const along = tensor(alphas, n === 1 ? [] : [n, 1, 1], like)
  const points = start.add(mul(sub(end, start), along))
  const [tokens, width] = shape as [number, number]
  const directions = new Float64Array(moving.length * step.length)
  for (const [k, t] of moving.entries()) {
    directions.set(step.subarray(t * width, (t + 1) * width), (k * tokens + t) * width)
  }
  const tangents = tensor(directions, [moving.length, ...(n === 1 ? [] : [1]), tokens, width], like)
  return jvp(f, points, tangents.expand([moving.length, ...points.shape])).tangent
}

function checkSize(size: number, expected: number): void {
  if (size === expected) return
  throw new ShapeError({
    op: 'attributeAll',
    expected: `a function that keeps leading axes: ${expected} elements`,
    got: String(size),
    hint: 'count axes from the end (-1 is the last), or set internalBatchSize: 1',
  })
}

/** sums[o, t] += Σₖ wₖ tangents[t, k, o], where the rule has these points. */
function add(
  { points, weights, sums }: Rule,
  tangents: ArrayLike<number>,
  at: number,
  n: number,
  moving: readonly number[],
  outputs: number,
  tokens: number,
): void {
  for (let k = 0; k < n && at + k < points; k++) {
    const w = weights[at + k]!
    for (const [row, t] of moving.entries()) {
      const from = (row * n + k) * outputs
      for (let o = 0; o < outputs; o++) sums[o * tokens + t]! += w * tangents[from + o]!
    }
  }
}

const rowSum = (table: Float64Array, o: number, tokens: number): number =>
  table.subarray(o * tokens, (o + 1) * tokens).reduce((sum, value) => sum + value, 0)

const largest = (values: Float64Array): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)

/** The largest difference of two tables, as a share of the largest entry. */
function differenceOfTables(coarse: Float64Array, fine: Float64Array): number {
  const top = largest(fine)
  return top === 0 ? 0 : largest(fine.map((value, i) => value - coarse[i]!)) / top
}

/** The largest completeness error, as a share of the largest entry. */
function completenessShare(table: Float64Array, fx: Float64Array, fStart: Float64Array, tokens: number): number {
  const top = largest(table)
  return top === 0 ? 0 : largest(fx.map((f, o) => rowSum(table, o, tokens) - (f - fStart[o]!))) / top
}
