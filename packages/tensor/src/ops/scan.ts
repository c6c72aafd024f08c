/** Running sums. */
import { apply, defineOp, linear } from '../op.ts'
import { axisFromEnd } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { flip, moveAxis } from './movement.ts'

export const scanOps = {
  /** Along the last axis. */
  cumsum: defineOp<'x'>({
    name: 'cumsum',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y) => kernels.cumsum(x!, y),
    // dxᵢ = Σ over j ≥ i of dyⱼ: the running sum from the other end
    derivatives: { x: linear([], (dy) => flip(cumsum(flip(dy, -1)), -1)) },
    cases: [
      { shapes: [[2, 5]], attrs: {} },
      { shapes: [[2, 0]], attrs: {} },
    ],
  }),
}

/** yᵢ = x₀ + … + xᵢ along an axis (default the last), summed in f64 on `ref`. Integers stay `i32`, booleans count. */
export function cumsum(x: Tensor, axis = -1): Tensor {
  const at = axisFromEnd('cumsum', axis, x.rank)
  const numbers = x.dtype === 'bool' ? cast(x, 'i32') : x
  return moveAxis(apply(scanOps.cumsum, [moveAxis(numbers, at, -1)], {}), -1, at)
}
