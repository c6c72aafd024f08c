/** The derivatives of a function by running it again under a derivative: for `checkpoint`, and for fused operations. */
import { jvp } from './forward.ts'
import type { Joint } from './op.ts'
import { type OneOrMany, vjp } from './reverse.ts'
import type { Tensor } from './tensor.ts'

/** The list with `parts` at the positions `at`. */
export function placed<T>(list: readonly T[], at: readonly number[], parts: readonly T[]): T[] {
  const result = [...list]
  for (const [k, i] of at.entries()) result[i] = parts[k]!
  return result
}

/** Jᵀ d of `f` at `from`. */
export function pulledBack(
  f: (xs: readonly Tensor[]) => OneOrMany,
  from: readonly Tensor[],
  d: OneOrMany,
): readonly Tensor[] {
  const { pullback } = vjp(f, from)
  try {
    return pullback(d)
  } finally {
    pullback.dispose()
  }
}

/** Both modes of `f`, which is made of operations; only inputs that matter are inputs of the derivative. */
export function rerun<Attrs>(f: (inputs: Tensor[], attrs: Attrs) => Tensor): Joint<Attrs> {
  const restricted = (inputs: Tensor[], at: readonly number[], attrs: Attrs) => (some: readonly Tensor[]) =>
    f(placed(inputs, at, some), attrs)
  return {
    readsResult: false,
    vjp: (dy, inputs, _, wanted, attrs) => {
      const at = wanted.flatMap((want, i) => (want ? [i] : []))
      const from: readonly Tensor[] = at.map((i) => inputs[i]!)
      const ds = pulledBack(restricted(inputs, at, attrs), from, dy)
      const nothing = inputs.map(() => null)
      return placed<Tensor | null>(nothing, at, ds)
    },
    jvp: (dxs, inputs, _, attrs) => {
      const at = dxs.flatMap((dx, i) => (dx ? [i] : []))
      const from: readonly Tensor[] = at.map((i) => inputs[i]!)
      const directions = at.map((i) => dxs[i]!)
      return jvp(restricted(inputs, at, attrs), from, directions).tangent
    },
  }
}
