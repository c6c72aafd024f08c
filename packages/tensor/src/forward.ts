/** Forward mode: `jvp`, and what it makes with reverse mode: `hvp`, `jacobian`, `hessian`. */
import { GradError, ShapeError, show } from './errors.ts'
import { apply, derivativeOf, inputName, type Joint, type Op, type Results, requireDirection } from './op.ts'
import { add } from './ops/arithmetic.ts'
import { eye, zeros } from './ops/create.ts'
import { reshape, swapAxes } from './ops/movement.ts'
import { grad, inFormOf, listOf, type OneOrMany, vjp } from './reverse.ts'
import { scope } from './scope.ts'
import { type Shape, sameShape } from './shape.ts'
import { isDifferentiable, Tensor } from './tensor.ts'
import { type Level, peel, withLevel } from './trace.ts'

class ForwardLevel implements Level {
  readonly depth: number
  open = true
  /** the axis of directions in front of every tangent: [] or [directions] */
  readonly lead: Shape

  constructor(depth: number, lead: Shape) {
    this.depth = depth
    this.lead = lead
  }

  wrap(primal: Tensor, tangent: Tensor | null): Tensor {
    return Tensor.traced({ level: this, primal, tangent, node: null })
  }

  follow(op: Op, inputs: Tensor[], primals: Tensor[], { y, companion }: Results, attrs: unknown): Tensor {
    if (!isDifferentiable(y)) return y
    const values: Record<string, Tensor> = { y, ...(companion && { companion }) }
    const shapes: Record<string, Shape> = { y: y.shape }
    for (const [i, primal] of primals.entries()) {
      values[inputName(op, i)] = primal
      shapes[inputName(op, i)] = primal.shape
    }
    const tangents = inputs.map((x) => (x.trace?.level === this ? x.trace.tangent : null))
    if (op.joint) return this.followJointly(op, op.joint, tangents, primals, y, attrs)
    let dy: Tensor | null = null
    for (const [i, tangent] of tangents.entries()) {
      const derivative = derivativeOf(op, i)
      if (!tangent || !derivative) continue
      const dx = this.align(op, tangent, y)
      const { jvp: rule } = derivative
      const share =
        rule === 'itself'
          ? apply(
              op,
              primals.map((primal, k) => (k === i ? dx : primal)),
              attrs,
            )
          : rule(dx, values, { attrs, shapes, input: i })
      // a rule may hand back what it was given, and two values must not own one handle
      dy = dy ? add(dy, share) : share === tangent ? share.alias() : share
    }
    return dy ? this.wrap(y, dy) : y
  }

  followJointly(
    op: Op,
    joint: Joint,
    tangents: (Tensor | null)[],
    primals: Tensor[],
    y: Tensor,
    attrs: unknown,
  ): Tensor {
    if (tangents.every((tangent) => tangent === null)) return y
    const shape = [...this.lead, ...y.shape]
    const dy = requireDirection(op.name, joint.jvp(tangents, primals, y, attrs), 'tangent', shape, 'the result')
    return this.wrap(y, tangents.includes(dy) ? dy.alias() : dy)
  }

  /** Puts axes of size 1 behind the axis of directions, so that a broadcast operand does not meet that axis. */
  align(op: Op, tangent: Tensor, y: Tensor): Tensor {
    const missing = y.rank + this.lead.length - tangent.rank
    if (!op.broadcasts || missing <= 0) return tangent
    return reshape(tangent, [...this.lead, ...new Array(missing).fill(1), ...tangent.shape.slice(this.lead.length)])
  }
}

/**
 * The value of `f` and its derivative along `tangents`: J v.
 *
 * @param f         from a tensor, or a list, to a tensor, or a list
 * @param tangents  the shapes of `xs`, or `[directions, …those]` for several at once; then so is the result
 * @throws {ShapeError} where tangents do not fit
 */
export function jvp<X extends OneOrMany, Y extends OneOrMany>(
  f: (xs: X) => Y,
  xs: X,
  tangents: OneOrMany,
): { value: Y; tangent: Y } {
  const inputs = listOf(xs)
  const directions = listOf(tangents)
  const lead = checkTangents(inputs, directions)
  return withLevel(
    (depth) => new ForwardLevel(depth, lead),
    (level) =>
      scope(() => {
        const y = f(
          inFormOf(
            xs,
            inputs.map((x, i) => level.wrap(peel(x), peel(directions[i]!))),
          ),
        )
        const ys = listOf(y)
        const ours = ys.map((part) => (part.trace?.level === level ? part.trace : null))
        return {
          value: inFormOf(
            y,
            ys.map((part, i) => ours[i]?.primal ?? part),
          ),
          tangent: inFormOf(
            y,
            ys.map((part, i) => full(ours[i]?.tangent ?? null, [...lead, ...part.shape], part)),
          ),
        }
      }),
  )
}

/** A tangent, or zeros for one that is zero throughout. */
const full = (tangent: Tensor | null, shape: Shape, like: Tensor): Tensor => tangent ?? zeros(shape, like)

function checkTangents(inputs: readonly Tensor[], tangents: readonly Tensor[]): Shape {
  for (const x of inputs) {
    if (!(x instanceof Tensor) || !isDifferentiable(x)) {
      throw new GradError({ op: 'jvp', expected: 'float tensors', got: x instanceof Tensor ? x.dtype : typeof x })
    }
  }
  const rank = tangents[0] && inputs[0] ? tangents[0].rank - inputs[0].rank : 0
  const lead = tangents[0]?.shape.slice(0, rank) ?? []
  const fits = (x: Tensor, i: number) => sameShape(tangents[i]!.shape, [...lead, ...x.shape])
  if (tangents.length !== inputs.length || rank < 0 || rank > 1 || !inputs.every(fits)) {
    throw new ShapeError({
      op: 'jvp',
      expected: `tangents of shape ${inputs.map((x) => show(x.shape)).join(' and ')}, or with one axis of directions in front`,
      got: tangents.map((t) => show(t.shape)).join(' and '),
    })
  }
  return lead
}

/** The product of the Hessian of a scalar function with `vs`: forward over reverse, in the form of `xs`. */
export const hvp = <X extends OneOrMany>(f: (xs: X) => Tensor, xs: X, vs: OneOrMany): X =>
  scope(() => jvp(grad(f), xs, vs).tangent)

/**
 * All derivatives of `f: [...] → [...]` at `x`, shape `[…y, …x]`. Works row by row or column by column, whichever are
 * fewer, all rows or columns in one pass.
 */
export function jacobian(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return scope(() => {
    const { value: y, pullback } = vjp(f, x)
    if (y.size <= x.size) {
      const rows = pullback(reshape(eye(y.size, y.size, y), [y.size, ...y.shape]))
      pullback.dispose()
      return reshape(rows, [...y.shape, ...x.shape])
    }
    pullback.dispose()
    const columns = jvp(f, x, reshape(eye(x.size, x.size, x), [x.size, ...x.shape])).tangent
    return reshape(swapAxes(reshape(columns, [x.size, y.size]), 0, 1), [...y.shape, ...x.shape])
  })
}

/** The second derivatives of a scalar function at `x`, shape `[…x, …x]`: forward over reverse. */
export const hessian = (f: (x: Tensor) => Tensor, x: Tensor): Tensor =>
  scope(() => {
    const rows = jvp(grad(f), x, reshape(eye(x.size, x.size, x), [x.size, ...x.shape])).tangent
    return reshape(rows, [...x.shape, ...x.shape])
  })
