/** Layer normalisation. */
import { ShapeError, show } from '../errors.ts'
import { apply, defineOp, requireFloat, symmetric } from '../op.ts'
import { sameShape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { add, mul, sub } from './arithmetic.ts'
import { reshape } from './movement.ts'
import { mean } from './reduce.ts'
import { rsqrt, square } from './unary.ts'

const keep = { keepDims: true }

/** 1 / √(variance + eps) of each row, `[…, 1]`. */
const inverseDeviation = (x: Tensor, eps: number): Tensor =>
  rsqrt(add(mean(square(sub(x, mean(x, -1, keep))), -1, keep), eps))

export const normOps = {
  /** Rows of mean 0 and variance 1: (x − mean) / √(variance + eps), variance divided by n. */
  normalize: defineOp<'x', { eps: number }>({
    name: 'normalize',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y, { eps }) => kernels.normalize(x!, eps, y),
    derivatives: {
      // r (d − mean d − y mean(d y)), r = 1/√(variance + eps); symmetric in d
      x: symmetric(['x', 'y'], (d, { x, y }, { attrs: { eps } }) => {
        const centred = sub(sub(d, mean(d, -1, keep)), mul(y, mean(mul(d, y), -1, keep)))
        return mul(centred, inverseDeviation(x, eps))
      }),
    },
    decomposition: ([x], { eps }) => mul(sub(x!, mean(x!, -1, keep)), inverseDeviation(x!, eps)),
    cases: [
      { shapes: [[3, 5]], attrs: { eps: 1e-5 } },
      { shapes: [[2, 1]], attrs: { eps: 1e-5 } },
    ],
    large: { shapes: [[256, 384]], attrs: { eps: 1e-12 } },
  }),
}

export interface LayerNormOptions {
  /** how many trailing axes are normalised together; default 1 */
  axisCount?: number
  /** added to the variance; default 1e-12, BERT's */
  eps?: number
}

/**
 * weight · (x − mean) / √(variance + eps) + bias over the trailing axes; biased variance, statistics in f64 on `ref`.
 *
 * @param weight  the shape of the normalised axes, optional
 * @param bias    the same
 * @see Ba, Kiros and Hinton 2016
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor | null,
  bias?: Tensor | null,
  { axisCount = 1, eps = 1e-12 }: LayerNormOptions = {},
): Tensor {
  requireFloat('layerNorm', x)
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
  const rows = reshape(x, [...x.shape.slice(0, split), sizeOf(inner)])
  const normal = reshape(apply(normOps.normalize, [rows], { eps }), x.shape)
  const scaled = weight ? mul(normal, weight) : normal
  return bias ? add(scaled, bias) : scaled
}
