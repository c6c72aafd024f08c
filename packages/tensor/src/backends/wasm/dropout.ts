/** Dropout, and what kernels that drop on their way are told. */
import type { Dropped, Kernels } from '../../kernels.ts'
import { uses } from '../../random/philox.ts'
import { sizeOf } from '../../shape.ts'
import { addressOf, type Engine, floatBits } from './engine.ts'
import { cheap, denseAddresses } from './walk.ts'

/** The fields of a plan that say what is dropped, as assembly/dropout.ts reads them. */
export const dropoutFields = (dropped: Dropped | null): number[] =>
  dropped
    ? [
        1,
        ...dropped.key.map((word) => word | 0),
        uses.dropout,
        Math.ceil(dropped.rate * 2 ** 24),
        floatBits(1 / (1 - dropped.rate)),
      ]
    : [0, 0, 0, 0, 0, 0]

/** Bytes of a row of factors, with what the kernel writes around it. */
export const keepBytes = (length: number): number => 4 * (length + 32)

export const dropoutKernel =
  (engine: Engine): Kernels['dropout'] =>
  (x, dropped, y) =>
    denseAddresses(engine, [x], (at) => {
      const plan = [at!, addressOf(y), dropped.period, ...dropoutFields(dropped)]
      engine.run('dropout', plan, sizeOf(x.shape), cheap, keepBytes(cheap))
    })
