/** From one device to another. */
import { backendOf } from './device.ts'
import { apply, defineOp } from './op.ts'
import { tensor } from './ops/create.ts'
import type { Tensor } from './tensor.ts'

const transfer = defineOp<'x', { device: string }>({
  name: 'to',
  inputs: ['x'],
  shape: ([x]) => x!.shape, // not asked
  compute: ([x], { device }) => tensor(x!.dataSync(), x!.shape, { dtype: x!.dtype, device }),
  // a direction goes the way that the tensor went, or back
  joint: {
    readsResult: false,
    vjp: (dy, [x]) => [to(dy, x!.device)],
    jvp: ([dx], _, y) => to(dx!, y.device),
  },
  derivatives: {},
  cases: [],
})

/**
 * The same elements on another device; the tensor itself where it is there. Differentiable.
 *
 * @throws {DeviceError} where that device is not there, lacks the dtype, or where the tensor's own device can not be
 *   read at once: make the tensor anew then, from `await x.data()`
 */
export function to(x: Tensor, device: string): Tensor {
  const { name } = backendOf(device)
  return name === x.device ? x : apply(transfer, [x], { device })
}
