/** Attention as in Vaswani et al. 2017: fused, for many heads at once, and step by step where probabilities are wanted. */
import { promote } from '../dtype.ts'
import { OptionError, ShapeError, show } from '../errors.ts'
import type { AttentionOperands, View } from '../kernels.ts'
import { apply, defineOp, requireFloat } from '../op.ts'
import { rerun } from '../rerun.ts'
import { broadcastShapes, type Shape, sizeOf, stridesOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add, mul } from './arithmetic.ts'
import { cast } from './cast.ts'
import { notEqual } from './compare.ts'
import { zeros } from './create.ts'
import { concat } from './join.ts'
import { matmul } from './matmul.ts'
import { expand, reshape, split, swapAxes } from './movement.ts'
import { softmaxOps } from './softmax.ts'

export interface AttentionAttrs {
  readonly heads: number
  /** of the scores */
  readonly scale: number
}

/** `[…, L, A d]` as `[…, A, L, d]`. */
const apart = (x: Tensor, heads: number): Tensor =>
  swapAxes(reshape(x, [...x.shape.slice(0, -1), heads, x.shape.at(-1)! / heads]), -2, -3)

/** `[…, A, L, d]` as `[…, L, A d]`. */
function together(x: Tensor): Tensor {
  const [heads, rows, width] = x.shape.slice(-3) as [number, number, number]
  return reshape(swapAxes(x, -2, -3), [...x.shape.slice(0, -3), rows, heads * width])
}

/** The same of a view. */
function headsOf(x: View, heads: number): View {
  const [rows, width] = x.shape.slice(-2) as [number, number]
  const [row, column] = x.strides.slice(-2) as [number, number]
  const each = width / heads
  return {
    ...x,
    shape: [...x.shape.slice(0, -2), heads, rows, each],
    strides: [...x.strides.slice(0, -2), each * column, row, column],
  }
}

function operandsOf([q, k, v, mask]: View[], { heads, scale }: AttentionAttrs): AttentionOperands {
  return { q: headsOf(q!, heads), k: headsOf(k!, heads), v: headsOf(v!, heads), mask: mask!, scale }
}

/** a bᵀ. */
const inner = (a: Tensor, b: Tensor): Tensor => matmul(a, b, { transposeB: true })

/** softmax, but zeros where all scores are −∞. */
function probabilitiesOf(scores: Tensor): Tensor {
  const possible = notEqual(scores, Number.NEGATIVE_INFINITY)
  return apply(softmaxOps.maskedSoftmax, [scores, possible], {})
}

const alongSoftmax = (d: Tensor, p: Tensor): Tensor => apply(softmaxOps.softmaxDerivative, [d, p], {})

/** Of tensors with their heads apart. */
const probabilitiesFrom = (q: Tensor, k: Tensor, mask: Tensor, scale: number): Tensor =>
  probabilitiesOf(add(mul(inner(q, k), scale), mask))

function byFormula([q, k, v, mask]: Tensor[], { heads, scale }: AttentionAttrs): Tensor {
  const p = probabilitiesFrom(apart(q!, heads), apart(k!, heads), mask!, scale)
  return together(matmul(p, apart(v!, heads)))
}

function pullbackByFormula([d, ...operands]: Tensor[], { heads, scale }: AttentionAttrs): Tensor {
  const [dy, q, k, v] = [d!, ...operands.slice(0, 3)].map((x) => apart(x, heads)) as [Tensor, Tensor, Tensor, Tensor]
  const p = probabilitiesFrom(q, k, operands[3]!, scale)
  const ds = mul(alongSoftmax(inner(dy, v), p), scale)
  const parts = [matmul(ds, k), matmul(swapAxes(ds, -1, -2), q), matmul(swapAxes(p, -1, -2), dy)]
  return concat(parts.map((part) => reshape(together(part), [part.size])))
}

function pushforwardByFormula(tensors: Tensor[], { heads, scale }: AttentionAttrs): Tensor {
  const [dq, dk, dv, q, k, v] = tensors.slice(0, 6).map((x) => apart(x, heads)) as [
    ...[Tensor, Tensor, Tensor],
    ...[Tensor, Tensor, Tensor],
  ]
  const p = probabilitiesFrom(q, k, tensors[6]!, scale)
  const ds = alongSoftmax(mul(add(inner(dq, k), inner(q, dk)), scale), p)
  return together(add(matmul(ds, v), matmul(p, dv)))
}

/** The shape of a part of the pullback: directions in front, then that of the operand. */
const withDirections = (d: { shape: Shape }, y: { shape: Shape }, x: { shape: Shape }): Shape => [
  ...d.shape.slice(0, d.shape.length - y.shape.length),
  ...x.shape,
]

/** The shapes of dq, dk and dv, as the pullback holds them one behind the other. */
const partsOf = (d: { shape: Shape }, operands: readonly { shape: Shape }[]): Shape[] =>
  operands.slice(0, 3).map((x) => withDirections(d, operands[0]!, x))

const example =
  (...lead: number[]) =>
  (l: number, s: number, heads: number, d: number, e: number) => ({
    q: [...lead, l, heads * d],
    k: [...lead, s, heads * d],
    v: [...lead, s, heads * e],
    mask: [...lead, heads, l, s],
    y: [...lead, l, heads * e],
  })
const small = example(2)(3, 4, 2, 2, 3)
const single = example()(1, 5, 1, 3, 1)
/** Fifty points of fourteen tokens in a model of hidden size 384. */
const usual = example(50)(14, 14, 12, 32, 32)
const attrs: AttentionAttrs = { heads: 2, scale: 0.7 }

export const attentionOps = {
  /**
   * p v with p = softmax(scale q kᵀ + mask), head by head: q `[…, L, A D]`, k `[…, S, A D]`, v `[…, S, A E]`, mask
   * `[…, A, L, S]`; all leading axes equal. The probabilities are never stored.
   */
  attention: defineOp<'q' | 'k' | 'v' | 'mask', AttentionAttrs>({
    name: 'attention',
    inputs: ['q', 'k', 'v', 'mask'],
    shape: ([q, , v]) => [...q!.shape.slice(0, -1), v!.shape.at(-1)!],
    forward: (kernels, views, y, attrs) => kernels.attention(operandsOf(views, attrs), headsOf(y, attrs.heads)),
    derivatives: {},
    joint: {
      readsResult: false,
      vjp: (dy, inputs, y, wanted, attrs) => {
        const ofOperands = wanted.slice(0, 3).includes(true) ? pulledBack(dy, inputs, attrs) : [null, null, null]
        const [, , , ofMask] = wanted[3]
          ? rerun(byFormula).vjp(dy, inputs, y, [false, false, false, true], attrs)
          : [null, null, null, null]
        return [...ofOperands, ofMask!]
      },
      jvp: ([dq, dk, dv, dmask], inputs, y, attrs) => {
        const ofOperands = dq || dk || dv ? pushedForward([dq!, dk!, dv!], inputs, attrs) : null
        const ofMask = dmask ? rerun(byFormula).jvp([null, null, null, dmask], inputs, y, attrs) : null
        return ofOperands && ofMask ? add(ofOperands, ofMask) : (ofOperands ?? ofMask)!
      },
    },
    decomposition: byFormula,
    cases: [
      { shapes: [small.q, small.k, small.v, small.mask], attrs },
      { shapes: [single.q, single.k, single.v, single.mask], attrs: { heads: 1, scale: 1 } },
    ],
    large: { shapes: [usual.q, usual.k, usual.v, usual.mask], attrs: { heads: 12, scale: 0.2 } },
  }),

  /**
   * Attention's cotangents dq, dk and dv one behind the other as one long vector, so that one kernel makes them; d is
   * that of its result, maybe with directions in front, which the parts then have too.
   */
  attentionPullback: defineOp<'d' | 'q' | 'k' | 'v' | 'mask', AttentionAttrs>({
    name: 'attentionPullback',
    inputs: ['d', 'q', 'k', 'v', 'mask'],
    shape: ([d, ...operands]) => [partsOf(d!, operands).reduce((sum, shape) => sum + sizeOf(shape), 0)],
    forward: (kernels, [d, ...operands], y, attrs) => {
      let { offset } = y
      const [q, k, v] = partsOf(d!, operands).map((shape) => {
        const part = { buffer: y.buffer, shape, strides: stridesOf(shape), offset }
        offset += sizeOf(shape)
        return headsOf(part, attrs.heads)
      }) as [View, View, View]
      kernels.attentionPullback(operandsOf(operands, attrs), headsOf(d!, attrs.heads), { q, k, v })
    },
    derivatives: {},
    joint: rerun(pullbackByFormula),
    decomposition: pullbackByFormula,
    cases: [
      { shapes: [small.y, small.q, small.k, small.v, small.mask], attrs },
      { shapes: [[3, ...single.y], single.q, single.k, single.v, single.mask], attrs: { heads: 1, scale: 1 } },
    ],
    large: { shapes: [usual.y, usual.q, usual.k, usual.v, usual.mask], attrs: { heads: 12, scale: 0.2 } },
  }),

  /** Attention's tangent along dq, dk and dv, which may all have the same directions in front. */
  attentionPushforward: defineOp<'dq' | 'dk' | 'dv' | 'q' | 'k' | 'v' | 'mask', AttentionAttrs>({
    name: 'attentionPushforward',
    inputs: ['dq', 'dk', 'dv', 'q', 'k', 'v', 'mask'],
    shape: ([dq, , dv]) => [...dq!.shape.slice(0, -1), dv!.shape.at(-1)!],
    forward: (kernels, [dq, dk, dv, ...operands], y, attrs) => {
      const [q, k, v] = [dq!, dk!, dv!].map((x) => headsOf(x, attrs.heads)) as [View, View, View]
      kernels.attentionPushforward(operandsOf(operands, attrs), { q, k, v }, headsOf(y, attrs.heads))
    },
    derivatives: {},
    joint: rerun(pushforwardByFormula),
    decomposition: pushforwardByFormula,
    cases: [
      { shapes: [small.q, small.k, small.v, small.q, small.k, small.v, small.mask], attrs },
      {
        shapes: [...[single.q, single.k, single.v].map((x) => [3, ...x]), single.q, single.k, single.v, single.mask],
        attrs: { heads: 1, scale: 1 },
      },
    ],
    large: {
      shapes: [usual.q, usual.k, usual.v, usual.q, usual.k, usual.v, usual.mask],
      attrs: { heads: 12, scale: 0.2 },
    },
  }),
}

/** The cotangents of q, k and v. */
function pulledBack(dy: Tensor, inputs: Tensor[], attrs: AttentionAttrs): Tensor[] {
  const shapes = partsOf(dy, inputs)
  const all = apply(attentionOps.attentionPullback, [dy, ...inputs], attrs)
  return split(all, shapes.map(sizeOf)).map((part, i) => reshape(part, shapes[i]!))
}

/** The tangent of the result, where one of those of q, k and v may be missing. */
function pushedForward(dxs: readonly (Tensor | null)[], inputs: Tensor[], attrs: AttentionAttrs): Tensor {
  const given = dxs.findIndex((dx) => dx !== null)
  const lead = dxs[given]!.shape.slice(0, dxs[given]!.rank - inputs[given]!.rank)
  const all = dxs.map((dx, i) => dx ?? expand(zeros([], inputs[i]!), [...lead, ...inputs[i]!.shape]))
  return apply(attentionOps.attentionPushforward, [...all, ...inputs], attrs)
}

export interface AttentionOptions {
  /** added to the scores, `[…, L, S]` or what broadcasts to it; −Infinity shuts an entry out */
  mask?: Tensor | null
  /** of the scores; default 1/√D */
  scale?: number
}

export interface HeadsOptions extends AttentionOptions {
  /** how many heads lie side by side in the last axis; default 1 */
  heads?: number
  /** added to the scores, `[…, heads, L, S]` or what broadcasts to it; −Infinity shuts an entry out */
  mask?: Tensor | null
}

function scaleOf(op: string, scale: number | undefined, width: number): number {
  const factor = scale ?? 1 / Math.sqrt(width)
  if (!Number.isFinite(factor)) throw new OptionError({ op, expected: 'a finite scale', got: String(factor) })
  return factor
}

function checkOperands(op: string, q: Tensor, k: Tensor, v: Tensor): void {
  for (const x of [q, k, v]) requireFloat(op, x)
  const matrices = [q, k, v].every((x) => x.rank >= 2)
  if (matrices && q.shape.at(-1) === k.shape.at(-1) && k.shape.at(-2) === v.shape.at(-2)) return
  const got = [q, k, v].map((x) => show(x.shape)).join(', ')
  throw new ShapeError({ op, expected: 'q […, L, D], k […, S, D] and v […, S, E]', got })
}

/**
 * softmax(scale · q kᵀ + mask) v for heads side by side, in one pass that stores no probabilities: memory grows with the
 * length and not with its square. A row of which every score is −Infinity attends to nothing: zeros, with zero gradient.
 * Leading axes broadcast.
 *
 * @param q  `[…, L, heads · D]`
 * @param k  `[…, S, heads · D]`
 * @param v  `[…, S, heads · E]`
 * @returns  `[…, L, heads · E]`
 * @throws {ShapeError} where sizes disagree, or heads do not divide a width
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { heads = 1, mask = null, scale }: HeadsOptions = {},
): Tensor {
  const op = 'attention'
  checkOperands(op, q, k, v)
  if (mask) requireFloat(op, mask)
  if (!Number.isInteger(heads) || heads < 1 || [q, v].some((x) => x.shape.at(-1)! % heads !== 0)) {
    const got = `${heads} for q ${show(q.shape)} and v ${show(v.shape)}`
    throw new ShapeError({ op, expected: 'a number of heads that divides the last axes', got })
  }
  const factor = scaleOf(op, scale, q.shape.at(-1)! / heads)
  const dtype = [k, v, ...(mask ? [mask] : [])].reduce((type, x) => promote(type, x.dtype), q.dtype)
  const added = mask ?? zeros([], { dtype, device: q.device })
  const lead = broadcastShapes(op, ...[q, k, v].map((x) => x.shape.slice(0, -2)), added.shape.slice(0, -3))
  const scores = [heads, q.shape.at(-2)!, k.shape.at(-2)!]
  const stretched = [q, k, v].map((x) => expand(cast(x, dtype), [...lead, ...x.shape.slice(-2)]))
  return apply(attentionOps.attention, [...stretched, expand(cast(added, dtype), [...lead, ...scores])], {
    heads,
    scale: factor,
  })
}

/**
 * softmax(scale · q kᵀ + mask) v, step by step, with the probabilities. A row of which every score is −Infinity attends
 * to nothing: zeros, with zero gradient. `attention` is the faster one.
 *
 * @param q  `[…, L, D]`
 * @param k  `[…, S, D]`
 * @param v  `[…, S, E]`
 * @returns  y `[…, L, E]` and the probabilities `[…, L, S]`
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask = null, scale }: AttentionOptions = {},
): { y: Tensor; probabilities: Tensor } {
  const op = 'scaledDotProductAttention'
  checkOperands(op, q, k, v)
  const factor = scaleOf(op, scale, q.shape.at(-1)!)
  const products = mul(inner(q, k), factor)
  const probabilities = probabilitiesOf(mask ? add(products, mask) : products)
  return { y: matmul(probabilities, v), probabilities }
}
