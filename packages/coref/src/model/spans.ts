/** Candidate spans, and the vectors of spans: boundary, width, head. */
import {
  concat,
  expand,
  full,
  linear,
  maskedSoftmax,
  matmul,
  scope,
  site,
  squeeze,
  type Tensor,
  unsqueeze,
} from '@antecedent/tensor'
import { booleans, type Context, featureRows, rowsOf, sideBySide, takeRows } from './layers.ts'

/** Half-open spans of pieces, as two lists. */
export interface Spans {
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/** Spans in a row: `begin` to `end` of a list, with the pieces `low` to `high` that they cover. */
export interface Group {
  readonly begin: number
  readonly end: number
  readonly low: number
  readonly high: number
}

/**
 * All spans of at most `maxWidth` pieces within a sentence, by start, then end.
 *
 * @param sentenceMap  the sentence of each piece
 */
export function candidateSpans(sentenceMap: readonly number[], maxWidth: number): Spans {
  const starts: number[] = []
  const ends: number[] = []
  for (let start = 0; start < sentenceMap.length; start++) {
    const last = Math.min(sentenceMap.length, start + maxWidth)
    for (let end = start + 1; end <= last; end++) {
      if (sentenceMap[end - 1] !== sentenceMap[start]) continue
      starts.push(start)
      ends.push(end)
    }
  }
  return { starts: Int32Array.from(starts), ends: Int32Array.from(ends) }
}

/** The widths of spans, counted from 0: the rows of the width tables. */
export const widthsOf = ({ starts, ends }: Spans): Int32Array => ends.map((end, i) => end - starts[i]! - 1)

/** Spans `begin` to `end` of a list. */
export const spansOf = ({ starts, ends }: Spans, { begin, end }: { begin: number; end: number }): Spans => ({
  starts: starts.subarray(begin, end),
  ends: ends.subarray(begin, end),
})

/**
 * Cuts spans, sorted by start, into groups that start within `reach` pieces of each other: a head is then a sum over
 * few pieces, and not over the document's.
 */
export function groupsOf({ starts, ends }: Spans, reach: number): Group[] {
  const groups: Group[] = []
  for (let begin = 0, end = 0; begin < starts.length; begin = end) {
    const low = starts[begin]!
    let high = low
    for (end = begin; end < starts.length && starts[end]! < low + reach; end++) high = Math.max(high, ends[end]!)
    groups.push({ begin, end, low, high })
  }
  return groups
}

/** What a piece weighs as a head, before the softmax over its span: `[…, T]`. All equal without a model of heads. */
export function headLogits({ config, parameters }: Context, tokens: Tensor): Tensor {
  if (!config.modelHeads) return full(tokens.shape.slice(0, -1), 1, tokens)
  const { 'mention_token_attn.weight': weight, 'mention_token_attn.bias': bias } = parameters
  return squeeze(linear(tokens, weight!, bias!), -1)
}

/** The weights of the pieces `low` to `high` as heads of a group's spans: `[…, spans, high − low]`, 0 outside a span. */
export function headWeights(logits: Tensor, spans: Spans, group: Group): Tensor {
  const { begin, end, low, high } = group
  const [rows, width] = [end - begin, high - low]
  const inside = new Uint8Array(rows * width)
  for (let r = 0; r < rows; r++) {
    inside.fill(1, r * width + spans.starts[begin + r]! - low, r * width + spans.ends[begin + r]! - low)
  }
  const window = rowsOf(unsqueeze(logits, -1), low, high)
  const across = unsqueeze(squeeze(window, -1), -2) // […, 1, window]
  const shape = [...across.shape.slice(0, -2), rows, width]
  return maskedSoftmax(expand(across, shape), booleans(inside, [rows, width], logits))
}

/** Starts within this many pieces share one product. */
export const headReach = 32

/**
 * The vectors of spans: first piece, last piece, width feature, head.
 *
 * @param tokens  `[…, T, H]`
 * @param spans   n spans, sorted by start
 * @returns       `[…, n, g]`
 */
export function spanVectors(context: Context, tokens: Tensor, logits: Tensor, spans: Spans): Tensor {
  const { config, drops } = context
  const heads = groupsOf(spans, headReach).map((group) =>
    scope(() => matmul(headWeights(logits, spans, group), rowsOf(tokens, group.low, group.high))),
  )
  const first = takeRows(tokens, spans.starts)
  const last = takeRows(
    tokens,
    spans.ends.map((end) => end - 1),
  )
  const head = concat(heads, -2)
  if (!config.useFeatures) return sideBySide([first, last, head])
  const width = site('features.width', drops.next()(featureRows(context, 'emb_span_width', widthsOf(spans))))
  return sideBySide([first, last, width, head])
}
