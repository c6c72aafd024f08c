/** Mention scores: of all candidates in factored form, for pruning; of some spans on their vectors, for the rest. */
import { add, concat, indexSelect, linear, matmul, reshape, scope, type Tensor } from '@antecedent/tensor'
import {
  type Context,
  columnsOf,
  finishScore,
  hiddenDrops,
  integers,
  laterLayers,
  rowsOf,
  score,
  scoreOfRows,
  takeRows,
} from './layers.ts'
import { type Group, groupsOf, headReach, headWeights, type Spans, spansOf, widthsOf } from './spans.ts'

/** Scores, and what they are the sum of. */
export interface MentionScores {
  /** `[…, n]` */
  readonly total: Tensor
  /** of the span's vector, `[…, n]` */
  readonly span: Tensor
  /** of the span's width, `[…, n]`; null without a width prior */
  readonly width: Tensor | null
}

/** The score of each width, `[W]`; null without a width prior. */
export function widthScores(context: Context): Tensor | null {
  if (!context.config.useWidthPrior) return null
  return score(context, 'span_width_score_ffnn', context.parameters['emb_span_width_prior.weight']!)
}

function withWidths(context: Context, span: Tensor, spans: Spans): MentionScores {
  const byWidth = widthScores(context)
  const width = byWidth && indexSelect(byWidth, integers(widthsOf(spans), byWidth), 0)
  return { total: width ? add(span, width) : span, span, width }
}

/** The scores of spans by their vectors `[…, n, g]`. */
export const mentionScores = (context: Context, vectors: Tensor, spans: Spans): MentionScores =>
  withWidths(context, score(context, 'span_emb_score_ffnn', vectors), spans)

/** Candidates that start within this many pieces share the projections of their pieces. */
const blockReach = 512

/** The first layer of the span scorer, cut into the parts of a span's vector. */
interface Projections {
  readonly start: Tensor
  readonly end: Tensor
  readonly head: Tensor
  /** of each width, `[W, F]`; null without features */
  readonly width: Tensor | null
}

function projections({ config, parameters }: Context, hidden: number): Projections {
  const weight = parameters['span_emb_score_ffnn.0.weight']!
  const headFrom = 2 * hidden + (config.useFeatures ? config.featureSize : 0)
  const table = parameters['emb_span_width.weight']
  return {
    start: columnsOf(weight, 0, hidden),
    end: columnsOf(weight, hidden, 2 * hidden),
    head: columnsOf(weight, headFrom, headFrom + hidden),
    width: table ? linear(table, columnsOf(weight, 2 * hidden, headFrom)) : null,
  }
}

/**
 * The scores of all candidates, without dropout: W[x_start; x_end; φ; head] = W₁ x_start + W₂ x_end + W₃ φ + Σ a W₄ x.
 * Each piece is projected once, and a head is a sum over the projected pieces; candidates are scored some at a time,
 * so that only their scores are ever stored together.
 *
 * @param tokens  `[T, H]`
 * @param logits  `[T]`, of `headLogits`
 */
export function candidateScores(context: Context, tokens: Tensor, logits: Tensor, spans: Spans): MentionScores {
  return scope(() => {
    const parts = projections(context, tokens.shape.at(-1)!)
    const blocks = groupsOf(spans, blockReach).map((block) =>
      scope(() => blockScores(context, parts, tokens, logits, spans, block)),
    )
    return withWidths(context, concat(blocks, 0), spans)
  })
}

function blockScores(
  context: Context,
  parts: Projections,
  tokens: Tensor,
  logits: Tensor,
  spans: Spans,
  block: Group,
): Tensor {
  const local = rowsOf(tokens, block.low, block.high)
  const start = linear(local, parts.start, context.parameters['span_emb_score_ffnn.0.bias']!)
  const end = linear(local, parts.end)
  const head = linear(local, parts.head)
  const later = laterLayers(context, 'span_emb_score_ffnn')
  const drops = hiddenDrops(context)
  const own = spansOf(spans, block)
  const scores = groupsOf(own, headReach).map((group) =>
    scope(() => {
      const { starts, ends } = spansOf(own, group)
      const at = (positions: Int32Array) => positions.map((t) => t - block.low)
      const weights = headWeights(logits, own, group)
      const byHead = matmul(weights, rowsOf(head, group.low - block.low, group.high - block.low))
      const widths = widthsOf({ starts, ends })
      const lasts = ends.map((e) => e - 1)
      if (context.config.ffnnDepth === 1) {
        const both = [
          { table: start, rows: at(starts) },
          { table: end, rows: at(lasts) },
        ]
        const shared = parts.width ? [...both, { table: parts.width, rows: widths }] : both
        return scoreOfRows(byHead, shared, later, drops[0]!)
      }
      const byEnds = add(takeRows(start, at(starts)), takeRows(end, at(lasts)))
      const sums = add(byEnds, byHead)
      return finishScore(parts.width ? add(sums, takeRows(parts.width, widths)) : sums, later, drops)
    }),
  )
  return reshape(concat(scores, 0), [own.starts.length])
}
