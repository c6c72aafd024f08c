/** The step that Adam and its kin share: one pass where the device has a kernel for it, else out of operations. */
import type { AdamStep } from '../kernels.ts'
import { empty } from '../op.ts'
import { add, div, mul, sub } from '../ops/arithmetic.ts'
import { sqrt, square } from '../ops/unary.ts'
import type { Tensor } from '../tensor.ts'
import { isFollowed, peel } from '../trace.ts'

/** A parameter and its running means. */
interface Slots {
  readonly w: Tensor
  readonly m: Tensor
  readonly v: Tensor
}

/** With its gradient. */
interface AdamTensors extends Slots {
  readonly g: Tensor
}

function byFormula({ w, m, v, g }: AdamTensors, step: AdamStep): Slots {
  const { scale, decay, beta1, beta2, rate, unbias, eps, decayWith, decayAfter } = step
  const scaled = scale === 1 ? g : mul(g, scale)
  const gradient = decay === 0 ? scaled : add(scaled, mul(w, decay))
  const mean = add(mul(m, beta1), mul(gradient, 1 - beta1))
  const spread = add(mul(v, beta2), mul(square(gradient), 1 - beta2))
  const moved = div(mul(mean, rate), add(sqrt(mul(spread, unbias)), eps))
  const stepped = sub(w, add(mul(w, decayWith), moved))
  return { w: decayAfter === 0 ? stepped : sub(stepped, mul(stepped, decayAfter)), m: mean, v: spread }
}

/**
 * One parameter's new value and running means; of one dtype. The kernel has three results, each with a buffer of its
 * own, so it is no operation.
 */
export function adamStep(x: AdamTensors, step: AdamStep): Slots {
  const [w, m, v, g] = [x.w, x.m, x.v, x.g].map(peel) as [Tensor, Tensor, Tensor, Tensor]
  const { backend, dtype, shape } = w
  const isOne = [m, v, g].every((other) => other.backend === backend && other.dtype === dtype)
  if (!isOne || !backend.kernels.adam || isFollowed(w, m, v, g)) return byFormula(x, step)
  const to = { w: empty(backend, dtype, shape), m: empty(backend, dtype, shape), v: empty(backend, dtype, shape) }
  const from = { w: w.view(), m: m.view(), v: v.view(), g: g.view() }
  backend.kernels.adam(from, step, { w: to.w.view(), m: to.m.view(), v: to.v.view() })
  return to
}
