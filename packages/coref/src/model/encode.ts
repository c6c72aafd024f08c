/** From segments of pieces to one vector for each piece of the document. */
import type { Bert, BertTensors } from '@antecedent/bert'
import {
  add,
  concat,
  indexSelect,
  linear,
  mul,
  type RandomKey,
  reshape,
  scope,
  sigmoid,
  site,
  sub,
  type Tensor,
  tensor,
} from '@antecedent/tensor'
import type { Pieces } from '../documents/pieces.ts'
import { type Context, columnsOf, integers, rowsOf } from './layers.ts'

/** Segments as the encoder takes them, padded to one length. */
export interface Batch {
  /** ids `[S, L]` with their mask */
  readonly input: BertTensors
  /** places of the document's pieces among the S·L */
  readonly places: Int32Array
  /** [S, L] */
  readonly shape: readonly [number, number]
}

/**
 * Segments padded to one length.
 *
 * @param length  of the longest, or more
 * @param inner   leave out the first and last piece of each segment, as overlapping segments do with their specials
 */
export function batchOf(segments: Pieces['segments'], padId: number, inner: boolean, length = 0): Batch {
  const width = Math.max(length, ...segments.map((ids) => ids.length))
  const ids = new Int32Array(segments.length * width).fill(padId)
  const mask = new Int32Array(segments.length * width)
  const places: number[] = []
  for (const [s, segment] of segments.entries()) {
    ids.set(segment, s * width)
    mask.fill(1, s * width, s * width + segment.length)
    const cut = Number(inner)
    for (let t = cut; t < segment.length - cut; t++) places.push(s * width + t)
  }
  const shape = [segments.length, width] as const
  return {
    input: { inputIds: tensor(ids, shape), attentionMask: tensor(mask, shape) },
    places: Int32Array.from(places),
    shape,
  }
}

/** The vectors of a batch's pieces: `[…, T, H]`. */
function piecesOf(bert: Bert, { input, places }: Batch, dropout: RandomKey | undefined): Tensor {
  const hidden = bert.forward(input, dropout ? { dropout } : {}).lastHiddenState
  const [s, l, h] = hidden.shape.slice(-3) as [number, number, number]
  const flat = reshape(hidden, [...hidden.shape.slice(0, -3), s * l, h])
  return indexSelect(flat, integers(places, hidden), -2)
}

/** Pieces that the encoder reads at once where no derivative and no tap looks on. */
const piecesAtOnce = 2048

/**
 * The vectors of a document's pieces, at the site `tokens` [T, H].
 *
 * @param options.few     encode some segments after the other, for less memory; sites are then passed several times
 * @param options.length  pad segments to this length, if it is more than that of the longest
 * @param options.dropout  drops values of the encoder by this key; not with `few`, which would drop alike everywhere
 * @returns       `[…, T, H]`
 */
export function encodePieces(
  context: Context,
  bert: Bert,
  pieces: Pick<Pieces, 'segments' | 'overlap'>,
  { few = false, length = 0, dropout }: { few?: boolean; length?: number; dropout?: RandomKey | undefined } = {},
): Tensor {
  const { padTokenId } = bert.config
  const inner = pieces.overlap !== null
  const all = (segments: Pieces['segments']): Tensor => {
    const longest = Math.max(1, ...segments.map((ids) => ids.length))
    const step = few ? Math.max(1, Math.floor(piecesAtOnce / longest)) : segments.length
    const parts: Tensor[] = []
    for (let s = 0; s < segments.length; s += step) {
      parts.push(scope(() => piecesOf(bert, batchOf(segments.slice(s, s + step), padTokenId, inner, length), dropout)))
    }
    return parts.length === 1 ? parts[0]! : concat(parts, -2)
  }
  return scope(() => {
    const { segments, overlap } = pieces
    if (!overlap) return site('tokens', all(segments))
    // one batch, so that a site of the encoder has one value
    const both = few ? concat([all(segments), all(overlap)], -2) : all([...segments, ...overlap])
    const count = both.shape.at(-2)! / 2
    return site('tokens', blended(context, rowsOf(both, 0, count), rowsOf(both, count, 2 * count)))
  })
}

/** f∘x + (1 − f)∘y with f = sigmoid(W [x; y] + b): the two vectors of each piece of overlapping segments as one. */
function blended({ parameters }: Context, x: Tensor, y: Tensor): Tensor {
  const { 'combo.weight': weight, 'combo.bias': bias } = parameters
  const h = x.shape.at(-1)!
  const f = sigmoid(add(linear(x, columnsOf(weight!, 0, h), bias!), linear(y, columnsOf(weight!, h, 2 * h))))
  return add(mul(f, x), mul(sub(1, f), y))
}
