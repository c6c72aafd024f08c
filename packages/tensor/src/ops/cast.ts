/** Change of element type. */
import { checkDType, type DType } from '../dtype.ts'
import { apply, defineOp, linear } from '../op.ts'
import type { Tensor } from '../tensor.ts'

export const castOps = {
  cast: defineOp<'x', { dtype: DType; from: DType }>({
    name: 'cast',
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    dtype: (_, { dtype }) => dtype,
    forward: (kernels, [x], y) => kernels.copy(x!, y),
    derivatives: { x: linear([], (dy, _, { attrs }) => cast(dy, attrs.from)) },
    cases: [
      { shapes: [[2, 3]], attrs: { dtype: 'f64', from: 'f64' } },
      { shapes: [[2, 3]], attrs: { dtype: 'i32', from: 'f32' } },
    ],
  }),
}

/**
 * The same numbers in another dtype; the tensor itself where it has it. To `i32` towards zero, to `bool` by `!= 0`
 * (NaN is true), to `f32` to the nearest.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkDType('cast', dtype)
  return x.dtype === dtype ? x : apply(castOps.cast, [x], { dtype, from: x.dtype })
}
