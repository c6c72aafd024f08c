/** Decisions of the model as scalars: what an attribution explains. */
import type { BertEncoding } from '@antecedent/bert'
import { logSoftmax, OptionError, select, sub, type Tensor } from '@antecedent/tensor'
import type { Pieces } from '../documents/pieces.ts'
import type { CorefConfig } from './config.ts'
import type { PairScores } from './scoring.ts'
import { neighbourhood, type Structure } from './structure.ts'

/**
 * A decision about kept spans, by their ranks in a structure.
 *
 * | kind | value |
 * |---|---|
 * | `mention` | mention score of `span` |
 * | `coarse`, `fine` | coarse score, and fine score of the last pass, of `span` with `antecedent` |
 * | `total` | final score of the pair |
 * | `logProbability` | log-probability that `antecedent` is the antecedent of `span` |
 * | `logProbabilityOfDummy` | log-probability that `span` has no antecedent |
 * | `margin` | final score with `antecedent` minus that with `other`; null stands for no antecedent, whose score is 0 |
 * | `loss` | the loss of the document |
 */
export type Decision =
  | { readonly kind: 'mention' | 'logProbabilityOfDummy'; readonly span: number }
  | {
      readonly kind: 'coarse' | 'fine' | 'total' | 'logProbability'
      readonly span: number
      readonly antecedent: number
    }
  | {
      readonly kind: 'margin'
      readonly span: number
      readonly antecedent: number | null
      readonly other: number | null
    }
  | { readonly kind: 'loss' }

/** The column of an antecedent among those of a span. @throws {OptionError} where it is none of them */
function columnOf({ antecedents, width }: Structure, span: number, antecedent: number): number {
  const own = [...antecedents.subarray(span * width, (span + 1) * width)].filter((j) => j >= 0)
  const column = own.indexOf(antecedent)
  if (column >= 0) return column
  const expected = `one of the antecedents of span ${span} (${own.join(', ') || 'it has none'})`
  throw new OptionError({ op: 'CorefModel.target', expected, got: String(antecedent) })
}

/** The value of a decision, `[…]`. @throws {OptionError} for a fine score where the model has none */
export function decisionValue(scores: PairScores, decision: Exclude<Decision, { kind: 'loss' }>): Tensor {
  const { span } = decision
  const { structure, final, mentions, coarse, passes } = scores
  const row = select(final, span, -2)
  const pair = (x: Tensor, antecedent: number, shift: number) =>
    select(select(x, span, -2), columnOf(structure, span, antecedent) + shift, -1)
  switch (decision.kind) {
    case 'mention':
      return select(mentions.total, span, -1)
    case 'coarse':
      return pair(coarse.total, decision.antecedent, 0)
    case 'fine': {
      const last = passes.at(-1)
      if (last) return pair(last.fine, decision.antecedent, 0)
      const expected = 'a model with fine scores'
      throw new OptionError({ op: 'CorefModel.target', expected, got: 'one whose coarse scores are final' })
    }
    case 'total':
      return pair(final, decision.antecedent, 1)
    case 'logProbability':
      return select(logSoftmax(row), 1 + columnOf(structure, span, decision.antecedent), -1)
    case 'logProbabilityOfDummy':
      return select(logSoftmax(row), 0, -1)
    case 'margin': {
      const score = (antecedent: number | null) =>
        antecedent === null ? select(row, 0, -1) : pair(final, antecedent, 1)
      return sub(score(decision.antecedent), score(decision.other))
    }
  }
}

/**
 * The part of a structure that a decision depends on, and the decision in its ranks: with one scoring pass, a span and
 * its antecedents.
 *
 * @throws {OptionError} where the structure has no such span, or the span no such antecedent
 */
export function partFor(
  config: CorefConfig,
  structure: Structure,
  decision: Exclude<Decision, { kind: 'loss' }>,
): { part: Structure; decision: Exclude<Decision, { kind: 'loss' }> } {
  const { span } = decision
  const k = structure.starts.length
  if (!(Number.isInteger(span) && span >= 0 && span < k)) {
    throw new OptionError({ op: 'CorefModel.target', expected: `the rank of one of ${k} spans`, got: String(span) })
  }
  const { part, rank } = neighbourhood(config, structure, span)
  const inPart = (antecedent: number) => part.antecedents[rank * part.width + columnOf(structure, span, antecedent)]!
  switch (decision.kind) {
    case 'mention':
    case 'logProbabilityOfDummy':
      return { part, decision: { ...decision, span: rank } }
    case 'margin': {
      const orNone = (antecedent: number | null) => (antecedent === null ? null : inPart(antecedent))
      const [antecedent, other] = [orNone(decision.antecedent), orNone(decision.other)]
      return { part, decision: { ...decision, span: rank, antecedent, other } }
    }
    default:
      return { part, decision: { ...decision, span: rank, antecedent: inPart(decision.antecedent) } }
  }
}

/** What stays fixed while a decision is explained. */
export interface Frozen {
  readonly pieces: Pieces
  /** with its choices, as `scores` and `score` return it */
  readonly structure: Structure
}

/** Decisions as functions of a document's pieces, everything discrete held fixed. */
export interface Targets {
  /** the document as attributions take it, at sites of shape [S, L, …]: its segments in a row, each padded; with
   * overlapping segments the rows of both streams, 2S + 1 */
  readonly input: BertEncoding
  /** the decisions' values on this input, or on another with as many tokens; encodes once for all */
  forward(input: BertEncoding): Tensor[]
  /** the values by the pieces' vectors `[…, T, H]` */
  of(tokens: Tensor): Tensor[]
}
