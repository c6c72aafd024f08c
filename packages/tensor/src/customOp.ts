/** Functions of tensors as one operation: `customOp`, whose derivative the user states, and `checkpoint`. */
import { GradError } from './errors.ts'
import { jvp } from './forward.ts'
import { apply, type Joint, type Op } from './op.ts'
import { zeros } from './ops/create.ts'
import { sumTo } from './ops/reduce.ts'
import { vjp } from './reverse.ts'
import { openSites, underSites } from './site.ts'
import { isDifferentiable, type Tensor } from './tensor.ts'
import { highestLevel, peel } from './trace.ts'

type Whole = (...xs: Tensor[]) => Tensor

/**
 * A function of tensors as an operation of its own. Whenever it or its rules run, they pass the sites of the call. A
 * value recorded within would be a constant of a derivative around, silently: that is refused.
 */
function whole(name: string, f: Whole, joint: Joint): Whole {
  return (...xs) => {
    const sites = openSites()
    const followed = highestLevel(xs.map(peel)) !== null
    const op: Op = {
      name,
      inputs: xs.map((_, i) => `x${i}`),
      shape: ([x]) => x!.shape, // not asked
      compute: (inputs) => underSites(sites, followed ? 'refused' : 'kept', () => f(...inputs)),
      // a jvp runs at the call itself, a vjp maybe long after
      joint: { ...joint, vjp: (...values) => underSites(sites, 'skipped', () => joint.vjp(...values)) },
      derivatives: {},
      cases: [],
    }
    return apply(op, xs, {})
  }
}

/** The list with `parts` at the positions `at`. */
function placed<T>(list: readonly T[], at: readonly number[], parts: readonly T[]): T[] {
  const result = [...list]
  for (const [k, i] of at.entries()) result[i] = parts[k]!
  return result
}

/** J v by way of u ↦ Jᵀ u, and Jᵀ u by way of v ↦ J v: the transpose of a linear function is its pullback anywhere. */
function transpose(
  linear: (ds: readonly Tensor[]) => readonly Tensor[],
  from: Tensor[],
  d: Tensor[],
): readonly Tensor[] {
  const zero = from.map((x) => zeros(x.shape, x))
  const { pullback } = vjp(linear, zero as readonly Tensor[])
  const transposed = pullback(d)
  pullback.dispose()
  return transposed
}

/** What a rule may read. */
export interface CustomValues {
  readonly inputs: Tensor[]
  readonly y: Tensor
}

/** A function with a derivative of one's own; one of the two rules is enough, for each is the other's transpose. */
export interface CustomOp<Inputs extends Tensor[]> {
  /** for errors */
  name: string
  /** made of operations of the library; runs under no derivative */
  forward: (...xs: Inputs) => Tensor
  /** dy to a cotangent for each input, null where there is none; linear in dy, made of operations */
  vjp?: (dy: Tensor, values: CustomValues & { inputs: Inputs }) => readonly (Tensor | null)[]
  /** a tangent for each input to that of y; linear in the tangents, made of operations */
  jvp?: (dxs: Inputs, values: CustomValues & { inputs: Inputs }) => Tensor
}

/**
 * A function whose derivative you state, where what follows from its operations would be slower or less exact. It works
 * in both modes and at every depth: with one rule given, the other mode is its transpose.
 *
 * Directions may be stacked on an axis in front of `dy` and of tangents, so rules count axes from the end; elementwise
 * formulas do so by themselves. Where `forward` broadcasts, `vjp` need not sum back.
 *
 * @example
 * const swish = customOp<[Tensor]>({
 *   name: 'swish',
 *   forward: (x) => x.mul(x.sigmoid()),
 *   vjp: (dy, { inputs: [x], y }) => [dy.mul(y.add(x.sigmoid().mul(y.neg().add(1))))],
 * })
 * @returns a function of as many tensors as `forward` takes
 * @throws {GradError} where neither rule is given; when called, where `forward` uses a value of a derivative in progress
 *   that is no argument
 */
export function customOp<Inputs extends Tensor[]>(op: CustomOp<Inputs>): (...xs: Inputs) => Tensor {
  const { name } = op
  if (!op.vjp && !op.jvp) {
    throw new GradError({ op: 'customOp', expected: `a vjp or a jvp for '${name}'`, got: 'neither' })
  }
  const pulled = (dy: Tensor, inputs: Tensor[], y: Tensor) => op.vjp!(dy, { inputs: inputs as Inputs, y })
  const pushed = (dxs: readonly (Tensor | null)[], inputs: Tensor[], y: Tensor): Tensor => {
    const known = dxs.findIndex((dx) => dx !== null)
    const lead = dxs[known]!.shape.slice(0, dxs[known]!.rank - inputs[known]!.rank)
    const dense = dxs.map((dx, i) => dx ?? zeros([...lead, ...inputs[i]!.shape], y))
    return op.jvp!(dense as Inputs, { inputs: inputs as Inputs, y })
  }
  const joint: Joint = {
    readsResult: true,
    vjp: (dy, inputs, y, wanted) => {
      if (op.vjp) return pulled(dy, inputs, y!)
      const at = inputs.flatMap((x, i) => (wanted[i] && isDifferentiable(x) ? [i] : []))
      const nothing = inputs.map(() => null)
      const push = (ds: readonly Tensor[]) => [pushed(placed<Tensor | null>(nothing, at, ds), inputs, y!)]
      const from = at.map((i) => inputs[i]!)
      return placed<Tensor | null>(nothing, at, transpose(push, from, [dy]))
    },
    jvp: (dxs, inputs, y) => {
      if (op.jvp) return pushed(dxs, inputs, y)
      const at = dxs.flatMap((dx, i) => (dx ? [i] : []))
      const pull = ([dy]: readonly Tensor[]) => {
        const ds = pulled(dy!, inputs, y)
        return at.map((i) => {
          const d = ds[i]
          return d ? sumTo(d, inputs[i]!.shape) : zeros(inputs[i]!.shape, y)
        })
      }
      const directions = at.map((i) => dxs[i]!)
      return transpose(pull, [y], directions)[0]!
    },
  }
  return whole(name, op.forward as Whole, joint) as (...xs: Inputs) => Tensor
}

/**
 * The same function, of which a tape keeps the arguments alone: the backward pass runs it again. Less memory for one
 * more forward; the results are equal bit for bit, so long as `f` does the same each time. `dropout` does, by its key;
 * sites are replaced as when it was called. What `f` hands out beside its result is a constant of derivatives, so a
 * site within can not be recorded under one.
 *
 * @param f  of tensors to one tensor; what it uses of a derivative in progress must be among its arguments
 * @throws {GradError} when called, where `f` uses such a value that is no argument
 * @see Chen, Xu, Zhang and Guestrin 2016
 */
export function checkpoint<Inputs extends Tensor[]>(f: (...xs: Inputs) => Tensor): (...xs: Inputs) => Tensor {
  const restricted = (inputs: Tensor[], at: readonly number[]) => (some: readonly Tensor[]) =>
    f(...(placed(inputs, at, some) as Inputs))
  const joint: Joint = {
    readsResult: false,
    vjp: (dy, inputs, _, wanted) => {
      const at = wanted.flatMap((want, i) => (want ? [i] : []))
      const from: readonly Tensor[] = at.map((i) => inputs[i]!)
      const { pullback } = vjp(restricted(inputs, at), from)
      const ds = pullback(dy)
      pullback.dispose()
      const nothing = inputs.map(() => null)
      return placed<Tensor | null>(nothing, at, ds)
    },
    jvp: (dxs, inputs) => {
      const at = dxs.flatMap((dx, i) => (dx ? [i] : []))
      const from: readonly Tensor[] = at.map((i) => inputs[i]!)
      const directions = at.map((i) => dxs[i]!)
      return jvp(restricted(inputs, at), from, directions).tangent
    },
  }
  return whole('checkpoint', f as Whole, joint) as (...xs: Inputs) => Tensor
}
