/** A step of Adam. */
import type { Kernels } from '../../kernels.ts'
import { denseElements, elementsOf } from './loops.ts'

export const adam: NonNullable<Kernels['adam']> = (
  x,
  { scale, decay, beta1, beta2, rate, unbias, eps, decayWith, decayAfter },
  to,
) => {
  const [w, m, v, g] = [x.w, x.m, x.v, x.g].map(denseElements)
  const [toW, toM, toV] = [to.w, to.m, to.v].map((y) => elementsOf(y).subarray(y.offset))
  for (let i = 0; i < w!.length; i++) {
    const gradient = scale * g![i]! + decay * w![i]!
    const mean = beta1 * m![i]! + (1 - beta1) * gradient
    const spread = beta2 * v![i]! + (1 - beta2) * gradient ** 2
    toM![i] = mean
    toV![i] = spread
    const stepped = w![i]! - (decayWith * w![i]! + (rate * mean) / (Math.sqrt(unbias * spread) + eps))
    toW![i] = stepped - decayAfter * stepped
  }
}
