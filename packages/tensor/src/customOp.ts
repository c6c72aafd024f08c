/** Functions of tensors as one operation: `customOp`, whose derivative the user states, and `checkpoint`. */
import { GradError } from './errors.ts'
import { apply, type Joint, type Op, requireDirection } from './op.ts'
import { zeros } from './ops/create.ts'
import { stack } from './ops/join.ts'
import { select } from './ops/movement.ts'
import { sumTo } from './ops/reduce.ts'
import { placed, pulledBack, rerun } from './rerun.ts'
import { scope } from './scope.ts'
import type { Shape } from './shape.ts'
import { openSites, underSites } from './site.ts'
import { isDifferentiable, Tensor } from './tensor.ts'
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

/** J v by way of u ↦ Jᵀ u, and Jᵀ u by way of v ↦ J v: the transpose of a linear function is its pullback anywhere. */
function transpose(
  linear: (ds: readonly Tensor[]) => readonly Tensor[],
  from: Tensor[],
  d: Tensor[],
): readonly Tensor[] {
  const zero = from.map((x) => zeros(x.shape, x))
  return pulledBack(linear, zero, d)
}

type Directions = readonly (Tensor | null)[]

/**
 * A user's rule on directions stacked in front of `rank` axes, one after the other: its formulas need not know of that
 * axis, which would meet axes of values of other ranks, silently where sizes agree.
 */
function eachAlone(rule: (ds: readonly Tensor[]) => Directions, ds: readonly Tensor[], rank: number): Directions {
  const stacked = ds[0]!
  if (stacked.rank === rank) return rule(ds)
  const rows = Array.from({ length: stacked.shape[0]! }, (_, i) => scope(() => rule(ds.map((d) => select(d, i)))))
  return (rows[0] ?? []).map((_, k) => {
    const known = rows.find((row) => row[k])?.[k]
    return known ? stack(rows.map((row) => row[k] ?? zeros(known.shape, known))) : null
  })
}

/** Whether broadcasting could make `to` of `from`. */
const stretches = (from: Shape, to: Shape): boolean =>
  to.length >= from.length && from.every((n, i) => n === 1 || n === to.at(i - from.length))

/** The cotangent of input `i` that a rule returned, summed back where broadcasting stretched it. */
function fitted(name: string, d: unknown, shape: Shape, i: number): Tensor | null {
  if (d === null) return null
  const summed = d instanceof Tensor && stretches(shape, d.shape) ? sumTo(d, shape) : d
  return requireDirection(name, summed, 'cotangent', shape, `input ${i}`)
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
  /** dy, of y's shape, to a list of a cotangent for each input, null where there is none; linear, made of operations */
  vjp?: (dy: Tensor, values: CustomValues & { inputs: Inputs }) => readonly (Tensor | null)[]
  /** a tangent for each input, of its shape, to that of y; linear in the tangents, made of operations */
  jvp?: (dxs: Inputs, values: CustomValues & { inputs: Inputs }) => Tensor
}

/**
 * A function whose derivative you state, where what follows from its operations would be slower or less exact. It works
 * in both modes and at every depth: with one rule given, the other mode is its transpose.
 *
 * A rule sees one direction: `dy` has the shape of y and a tangent that of its input. Where directions are stacked, a
 * rule that you state runs once for each of them, and one that is derived once for all. Where `forward` broadcasts,
 * `vjp` need not sum back.
 *
 * @example
 * const swish = customOp<[Tensor]>({
 *   name: 'swish',
 *   forward: (x) => x.mul(x.sigmoid()),
 *   vjp: (dy, { inputs: [x], y }) => [dy.mul(y.add(x.sigmoid().mul(y.neg().add(1))))],
 * })
 * @returns a function of as many tensors as `forward` takes
 * @throws {GradError} where neither rule is given; when called, where `forward` uses a value of a derivative in progress
 *   that is no argument; in a derivative, where `vjp` returns no list as long as that of the inputs, or either rule
 *   anything but float tensors
 * @throws {ShapeError} in a derivative, where a rule returns a wrong shape
 */
export function customOp<Inputs extends Tensor[]>(op: CustomOp<Inputs>): (...xs: Inputs) => Tensor {
  const { name } = op
  if (!op.vjp && !op.jvp) {
    throw new GradError({ op: 'customOp', expected: `a vjp or a jvp for '${name}'`, got: 'neither' })
  }
  const pull = (inputs: Tensor[], y: Tensor, at: readonly number[]) => {
    return ([dy]: readonly Tensor[]): Directions => {
      const ds: unknown = op.vjp!(dy!, { inputs: inputs as Inputs, y })
      if (!Array.isArray(ds) || ds.length !== inputs.length) {
        const expected = `a list with a cotangent or null for each of ${inputs.length} inputs from its vjp`
        throw new GradError({ op: name, expected, got: Array.isArray(ds) ? `a list of ${ds.length}` : 'no list' })
      }
      return at.map((i) => fitted(name, ds[i], inputs[i]!.shape, i))
    }
  }
  const push = (inputs: Tensor[], y: Tensor, at: readonly number[]) => {
    const still = inputs.map((x, i) => (at.includes(i) ? x : zeros(x.shape, y)))
    return (ds: readonly Tensor[]): [Tensor] => {
      const dy = op.jvp!(placed(still, at, ds) as Inputs, { inputs: inputs as Inputs, y })
      return [requireDirection(name, dy, 'tangent', y.shape, 'the result')]
    }
  }
  const joint: Joint = {
    readsResult: true,
    vjp: (dy, inputs, value, wanted) => {
      const y = value!
      const at = inputs.flatMap((x, i) => (wanted[i] && isDifferentiable(x) ? [i] : []))
      const from = at.map((i) => inputs[i]!)
      const ds = op.vjp ? eachAlone(pull(inputs, y, at), [dy], y.rank) : transpose(push(inputs, y, at), from, [dy])
      const nothing = inputs.map(() => null)
      return placed<Tensor | null>(nothing, at, ds)
    },
    jvp: (dxs, inputs, y) => {
      const at = dxs.flatMap((dx, i) => (dx ? [i] : []))
      const ds = at.map((i) => dxs[i]!)
      const pulled = pull(inputs, y, at)
      const dense = (dys: readonly Tensor[]) => pulled(dys).map((d, k) => d ?? zeros(inputs[at[k]!]!.shape, y))
      const [dy] = op.jvp ? eachAlone(push(inputs, y, at), ds, inputs[at[0]!]!.rank) : transpose(dense, [y], ds)
      return dy ?? zeros([0, ...y.shape], y) // no directions
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
  const joint = rerun((inputs) => f(...(inputs as Inputs)))
  return whole('checkpoint', f as Whole, joint) as (...xs: Inputs) => Tensor
}
