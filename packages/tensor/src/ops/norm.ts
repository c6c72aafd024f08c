/** Layer norm. */
import { ShapeError, show } from '../errors.ts'
import { jvp } from '../forward.ts'
import { apply, both, type Derivative, defineOp, linear, requireFloat } from '../op.ts'
import { vjp } from '../reverse.ts'
import { sameShape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { isFollowed } from '../trace.ts'
import { add, mul, sub } from './arithmetic.ts'
import { ones, zeros } from './create.ts'
import { expand, reshape } from './movement.ts'
import { mean } from './reduce.ts'
import { rsqrt, square } from './unary.ts'

const keep = { keepDims: true }

export interface NormAttrs {
  readonly eps: number
}

export interface NormDerivativeAttrs extends NormAttrs {
  /** false: the weight multiplies d, which pulls back; true: the result, which pushes forward */
  readonly weightLast: boolean
}

/** (x − mean) / √(variance + eps), and the second factor, of each row. */
function normalized(x: Tensor, eps: number): { z: Tensor; scale: Tensor } {
  const centred = sub(x, mean(x, -1, keep))
  const scale = rsqrt(add(mean(square(centred), -1, keep), eps))
  return { z: mul(centred, scale), scale }
}

/** r (g − mean g − z mean(g z)) by its formula, with the weight before or behind. */
function derivativeByFormula(d: Tensor, x: Tensor, weight: Tensor, { eps, weightLast }: NormDerivativeAttrs): Tensor {
  const { z, scale } = normalized(x, eps)
  const g = weightLast ? d : mul(d, weight)
  const y = mul(sub(sub(g, mean(g, -1, keep)), mul(z, mean(mul(g, z), -1, keep))), scale)
  return weightLast ? mul(y, weight) : y
}

const derivativeAlong = (d: Tensor, x: Tensor, weight: Tensor, attrs: NormDerivativeAttrs): Tensor =>
  apply(normOps.layerNormDerivative, [d, x, weight], attrs)

/** With respect to x or the weight, the derivative of the derivative is that of its formula: no rule of its own. */
function throughFormula(name: 'x' | 'weight'): Derivative<'d' | 'x' | 'weight', NormDerivativeAttrs> {
  const as = (d: Tensor, x: Tensor, weight: Tensor, attrs: NormDerivativeAttrs) => (value: Tensor) =>
    derivativeByFormula(d, name === 'x' ? value : x, name === 'x' ? weight : value, attrs)
  return both({
    reads: ['d', 'x', 'weight'],
    vjp: (c, { d, x, weight }, { attrs }) => {
      const { pullback } = vjp(as(d, x, weight, attrs), name === 'x' ? x : weight)
      const result = pullback(c)
      pullback.dispose()
      return result
    },
    jvp: (e, { d, x, weight }, { attrs }) => jvp(as(d, x, weight, attrs), name === 'x' ? x : weight, e).tangent,
  })
}

/** With respect to either term of a sum: that of layer norm at the sum. */
const alongSum = both<'a' | 'b' | 'weight', NormAttrs>({
  reads: ['a', 'b', 'weight'],
  vjp: (dy, { a, b, weight }, { attrs: { eps } }) => derivativeAlong(dy, add(a, b), weight, { eps, weightLast: false }),
  jvp: (d, { a, b, weight }, { attrs: { eps } }) => derivativeAlong(d, add(a, b), weight, { eps, weightLast: true }),
})

const alongBias = both<never, NormAttrs>({
  reads: [],
  vjp: (dy) => dy,
  jvp: (db, _, { shapes }) => expand(alignRows(db, { shape: shapes.y }), [...db.shape.slice(0, -1), ...shapes.y]),
})

export const normOps = {
  /** weight ∘ (x − mean) / √(variance + eps) + bias over the last axis, variance divided by n. */
  layerNorm: defineOp<'x' | 'weight' | 'bias', NormAttrs>({
    name: 'layerNorm',
    inputs: ['x', 'weight', 'bias'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x, weight, bias], y, { eps }) => kernels.layerNorm(x!, null, weight!, bias!, eps, y),
    derivatives: {
      x: both({
        reads: ['x', 'weight'],
        vjp: (dy, { x, weight }, { attrs: { eps } }) => derivativeAlong(dy, x, weight, { eps, weightLast: false }),
        jvp: (dx, { x, weight }, { attrs: { eps } }) => derivativeAlong(dx, x, weight, { eps, weightLast: true }),
      }),
      weight: both({
        reads: ['x'],
        vjp: (dy, { x }, { attrs: { eps } }) => mul(dy, normalized(x, eps).z),
        jvp: (dw, { x }, { attrs: { eps } }) => mul(alignRows(dw, x), normalized(x, eps).z),
      }),
      bias: alongBias,
    },
    decomposition: ([x, weight, bias], { eps }) => add(mul(normalized(x!, eps).z, weight!), bias!),
    cases: [
      { shapes: [[3, 5], [5], [5]], attrs: { eps: 1e-5 } },
      { shapes: [[2, 2, 3], [3], [3]], attrs: { eps: 1e-5 } },
      { shapes: [[2, 1], [1], [1]], attrs: { eps: 1e-5 } },
    ],
    large: { shapes: [[256, 384], [384], [384]], attrs: { eps: 1e-12 } },
  }),

  /** Layer norm of a + b, which have one shape, in one pass. */
  layerNormOfSum: defineOp<'a' | 'b' | 'weight' | 'bias', NormAttrs>({
    name: 'layerNormOfSum',
    inputs: ['a', 'b', 'weight', 'bias'],
    shape: ([a]) => a!.shape,
    forward: (kernels, [a, b, weight, bias], y, { eps }) => kernels.layerNorm(a!, b!, weight!, bias!, eps, y),
    derivatives: {
      a: alongSum,
      b: alongSum,
      weight: both({
        reads: ['a', 'b'],
        vjp: (dy, { a, b }, { attrs: { eps } }) => mul(dy, normalized(add(a, b), eps).z),
        jvp: (dw, { a, b }, { attrs: { eps } }) => mul(alignRows(dw, a), normalized(add(a, b), eps).z),
      }),
      bias: alongBias,
    },
    decomposition: ([a, b, weight, bias], { eps }) => add(mul(normalized(add(a!, b!), eps).z, weight!), bias!),
    cases: [
      { shapes: [[3, 5], [3, 5], [5], [5]], attrs: { eps: 1e-5 } },
      { shapes: [[2, 2, 3], [2, 2, 3], [3], [3]], attrs: { eps: 1e-5 } },
    ],
    large: { shapes: [[256, 384], [256, 384], [384], [384]], attrs: { eps: 1e-12 } },
  }),

  /** The derivative of layer norm with respect to x along d, in one pass; d may have more leading axes than x. */
  layerNormDerivative: defineOp<'d' | 'x' | 'weight', NormDerivativeAttrs>({
    name: 'layerNormDerivative',
    inputs: ['d', 'x', 'weight'],
    shape: ([d]) => d!.shape,
    forward: (kernels, [d, x, weight], y, { eps, weightLast }) =>
      kernels.layerNormDerivative(d!, x!, weight!, eps, weightLast, y),
    derivatives: {
      d: linear(['x', 'weight'], (c, { x, weight }, { attrs: { eps, weightLast } }) =>
        derivativeAlong(c, x, weight, { eps, weightLast: !weightLast }),
      ),
      x: throughFormula('x'),
      weight: throughFormula('weight'),
    },
    decomposition: ([d, x, weight], attrs) => derivativeByFormula(d!, x!, weight!, attrs),
    cases: [
      { shapes: [[3, 5], [3, 5], [5]], attrs: { eps: 1e-5, weightLast: false } },
      { shapes: [[3, 5], [3, 5], [5]], attrs: { eps: 1e-5, weightLast: true } },
      { shapes: [[2, 3, 4], [3, 4], [4]], attrs: { eps: 1e-5, weightLast: false } },
    ],
    large: { shapes: [[256, 384], [256, 384], [384]], attrs: { eps: 1e-12, weightLast: false } },
  }),
}

/** `[…directions, n]` with axes of size 1 for those of x, as x is `[…, n]`. */
const alignRows = (d: Tensor, x: { readonly shape: readonly number[] }): Tensor =>
  reshape(d, [...d.shape.slice(0, -1), ...new Array<number>(x.shape.length - 1).fill(1), d.shape.at(-1)!])

export interface LayerNormOptions {
  /** how many trailing axes are normalised together; default 1 */
  axisCount?: number
  /** added to the variance; default 1e-12, BERT's */
  eps?: number
  /** added to x first, with NumPy’s broadcasting */
  residual?: Tensor
}

/**
 * weight · (x − mean) / √(variance + eps) + bias over the trailing axes; biased variance, statistics in f64. With a
 * `residual`, of x + residual.
 *
 * @param weight  the shape of the normalised axes, optional
 * @param bias    the same
 * @see Ba, Kiros and Hinton 2016
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor | null,
  bias?: Tensor | null,
  { axisCount = 1, eps = 1e-12, residual }: LayerNormOptions = {},
): Tensor {
  requireFloat('layerNorm', x)
  // a derivative needs the sum itself, and one rule for both of its terms
  if (residual && (isFollowed(x, residual) || !sameShape(x.shape, residual.shape) || x.dtype !== residual.dtype))
    return layerNorm(add(x, residual), weight, bias, { axisCount, eps })
  const split = x.rank - axisCount
  if (!(axisCount >= 1 && split >= 0)) {
    throw new ShapeError({
      op: 'layerNorm',
      expected: `1 to ${x.rank} axes of ${show(x.shape)}`,
      got: String(axisCount),
    })
  }
  const inner = x.shape.slice(split)
  for (const [name, part] of Object.entries({ weight, bias })) {
    if (part && !sameShape(part.shape, inner)) {
      throw new ShapeError({ op: 'layerNorm', expected: `a ${name} ${show(inner)}`, got: show(part.shape) })
    }
  }
  const length = [sizeOf(inner)]
  const inRows = (x: Tensor) => reshape(x, [...x.shape.slice(0, split), ...length])
  const factors = weight ? reshape(weight, length) : ones(length, x)
  const terms = bias ? reshape(bias, length) : zeros(length, x)
  const y = residual
    ? apply(normOps.layerNormOfSum, [inRows(x), inRows(residual), factors, terms], { eps })
    : apply(normOps.layerNorm, [inRows(x), factors, terms], { eps })
  return reshape(y, x.shape)
}
