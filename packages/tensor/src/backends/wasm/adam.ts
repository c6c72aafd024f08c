/** A step of Adam. */
import type { Kernels } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { addressOf, type Engine, floatBits } from './engine.ts'
import { cheap, denseAddresses } from './walk.ts'

export const adamKernel =
  (engine: Engine): NonNullable<Kernels['adam']> =>
  ({ w, m, v, g }, step, to) =>
    denseAddresses(engine, [w, m, v, g], (...from) => {
      const { scale, decay, beta1, beta2, rate, unbias, eps, decayWith, decayAfter } = step
      const means = [beta1, 1 - beta1, beta2, 1 - beta2]
      const scalars = [scale, decay, ...means, rate, unbias, eps, decayWith, decayAfter]
      const size = sizeOf(w.shape)
      const plan = [...from, ...[to.w, to.m, to.v].map(addressOf), size, ...scalars.map(floatBits)]
      engine.run('adam', plan, Math.ceil(size / 4), cheap / 4)
    })
