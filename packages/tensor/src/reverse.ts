/** Reverse mode: the tape, `vjp`, `grad`, `valueAndGrad`. */
import { GradError, ShapeError, show } from './errors.ts'
import { derivativeOf, hasDerivative, inputName, type Joint, type Op, type Results, requireDirection } from './op.ts'
import { add } from './ops/arithmetic.ts'
import { ones, zeros } from './ops/create.ts'
import { sumTo } from './ops/reduce.ts'
import { scope } from './scope.ts'
import { type Shape, sameShape } from './shape.ts'
import { isDifferentiable, Tensor } from './tensor.ts'
import { type Level, peel, type TapeNode, withLevel } from './trace.ts'

/** One tensor or a list of them; results take the form of the arguments. */
export type OneOrMany = Tensor | readonly Tensor[]

/** @internal */
export const listOf = (x: OneOrMany): readonly Tensor[] => (x instanceof Tensor ? [x] : x)

/** @internal Gives a list the form of `like`. */
export const inFormOf = <X extends OneOrMany>(like: X, list: readonly Tensor[]): X =>
  (like instanceof Tensor ? list[0] : list) as X

class ReverseLevel implements Level {
  readonly depth: number
  open = true
  readonly tape: TapeNode[] = []

  constructor(depth: number) {
    this.depth = depth
  }

  /** An input of the function. */
  variable(x: Tensor): Tensor {
    const node: TapeNode = { op: null, attrs: null, parents: [], saved: {}, shapes: { y: x.shape } }
    return Tensor.traced({ level: this, primal: x, tangent: null, node })
  }

  follow(op: Op, inputs: Tensor[], primals: Tensor[], { y, companion }: Results, attrs: unknown): Tensor {
    if (!isDifferentiable(y)) return y
    const nodeOf = (x: Tensor) => (x.trace?.level === this ? x.trace.node : null)
    const parents = inputs.map((x, i) => (hasDerivative(op, i) ? nodeOf(x) : null))
    if (parents.every((parent) => parent === null)) return y
    const saved: Record<string, Tensor> = {}
    const shapes: Record<string, readonly number[]> = { y: y.shape }
    const values: Record<string, Tensor> = { y, ...(companion && { companion }) }
    for (const [i, primal] of primals.entries()) {
      values[inputName(op, i)] = primal
      shapes[inputName(op, i)] = primal.shape
    }
    for (const [i, parent] of parents.entries()) {
      if (!parent) continue
      for (const name of derivativeOf(op, i)?.reads ?? []) saved[name] ??= values[name]!.retain()
    }
    if (op.joint) {
      for (const [name, value] of Object.entries(values))
        if (name !== 'y' || op.joint.readsResult) saved[name] = value.retain()
    }
    const node: TapeNode = { op, attrs, parents, saved, shapes }
    this.tape.push(node)
    return Tensor.traced({ level: this, primal: y, tangent: null, node })
  }
}

/** Maps cotangents of the outputs to cotangents of the inputs. Kept values are freed by `dispose`, or when collected. */
export interface Pullback<X extends OneOrMany> {
  /**
   * @param dy  the shape of the output, or `[directions, …that shape]` for several at once; then so are the results
   */
  (dy: OneOrMany): X
  /** Frees what the tape keeps; the pullback can not be called any more. */
  dispose(): void
}

interface Recording<X extends OneOrMany, Y extends OneOrMany> {
  value: Y
  tape: TapeNode[]
  /** nodes of the outputs; null where an output does not depend on the inputs */
  outputs: readonly (TapeNode | null)[]
  outputShapes: readonly Shape[]
  targets: readonly TapeNode[]
  inputs: readonly Tensor[]
  form: X
}

/** Runs `f` once and keeps what its derivative needs. */
function record<X extends OneOrMany, Y extends OneOrMany>(op: string, f: (xs: X) => Y, xs: X): Recording<X, Y> {
  const inputs = listOf(xs)
  for (const x of inputs) requireDifferentiable(op, 'input', x)
  return withLevel(
    (depth) => new ReverseLevel(depth),
    (level) => {
      try {
        const variables = inputs.map((x) => level.variable(peel(x)))
        const y = scope(() => {
          const made = f(inFormOf(xs, variables))
          for (const part of listOf(made)) requireDifferentiable(op, 'output', part)
          return made
        })
        const ys = listOf(y)
        const ours = ys.map((part) => (part.trace?.level === level ? part.trace : null))
        return {
          value: inFormOf(
            y,
            ys.map((part, i) => ours[i]?.primal ?? part),
          ),
          tape: level.tape,
          outputs: ours.map((trace) => trace?.node ?? null),
          outputShapes: ys.map((part) => part.shape),
          targets: variables.map((x) => x.trace!.node!),
          inputs,
          form: xs,
        }
      } catch (error) {
        level.tape.forEach(release)
        throw error
      }
    },
  )
}

function requireDifferentiable(op: string, role: string, x: unknown): asserts x is Tensor {
  if (x instanceof Tensor && isDifferentiable(x)) return
  const got = x instanceof Tensor ? `${x.dtype} ${show(x.shape)}` : typeof x
  throw new GradError({ op, expected: `a float tensor as ${role} of the function`, got })
}

/** Frees what a node keeps. */
const release = (node: TapeNode): void => {
  for (const x of Object.values(node.saved)) x.dispose()
  node.saved = {}
}

/** Walks the tape backwards. `consume` frees each node's values as soon as they are used. */
function pull<X extends OneOrMany>(recording: Recording<X, OneOrMany>, seeds: readonly Tensor[], consume: boolean): X {
  const { tape, outputs, outputShapes, targets, inputs, form } = recording
  const lead = commonLead(seeds, outputShapes)
  const gradients = scope(() => {
    const cotangents = new Map<TapeNode, Tensor>()
    const accumulate = (node: TapeNode, d: Tensor) => {
      const sum = cotangents.get(node)
      cotangents.set(node, sum ? add(sum, d) : d)
      if (!sum) return
      sum.dispose()
      d.dispose()
    }
    for (const [i, node] of outputs.entries()) if (node) accumulate(node, seeds[i]!.alias())
    for (let i = tape.length - 1; i >= 0; i--) {
      const node = tape[i]!
      const dy = cotangents.get(node)
      if (dy) {
        cotangents.delete(node)
        if (node.op!.joint) {
          for (const [k, d] of pullJointly(node, node.op!.joint, dy, lead).entries())
            if (d) accumulate(node.parents[k]!, d)
        } else {
          for (const [k, parent] of node.parents.entries())
            if (parent) accumulate(parent, pullThrough(node, k, dy, lead))
        }
        dy.dispose()
      }
      if (consume) release(node)
    }
    return targets.map((node, i) => cotangents.get(node) ?? zeros([...lead, ...inputs[i]!.shape], inputs[i]!))
  })
  return inFormOf(form, gradients)
}

/** The cotangent of input `k` of one operation. */
function pullThrough(node: TapeNode, k: number, dy: Tensor, lead: Shape): Tensor {
  const op = node.op!
  const { vjp: rule } = derivativeOf(op, k)!
  const shape = [...lead, ...node.shapes[inputName(op, k)]!]
  return scope(() => {
    const d = sumTo(rule(dy, node.saved, { attrs: node.attrs, shapes: node.shapes, input: k }), shape, lead.length)
    return d === dy ? dy.alias() : d
  })
}

/** The cotangents of all inputs that want one. */
function pullJointly(node: TapeNode, joint: Joint, dy: Tensor, lead: Shape): (Tensor | null)[] {
  const op = node.op!
  const inputs = node.parents.map((_, k) => node.saved[inputName(op, k)]!)
  const wanted = node.parents.map((parent) => parent !== null)
  return scope(() => {
    const ds = joint.vjp(dy, inputs, node.saved.y ?? null, wanted, node.attrs)
    return wanted.map((want, k) => {
      const d = ds[k]
      if (!want || !d) return null
      const shape = [...lead, ...node.shapes[inputName(op, k)]!]
      // a rule may hand back dy, or an input
      return requireDirection(op.name, d, 'cotangent', shape, `input ${k}`).alias()
    })
  })
}

/** The axes of directions in front of the cotangents: none, or one and the same for all. */
function commonLead(seeds: readonly Tensor[], shapes: readonly Shape[]): Shape {
  const expected = `a cotangent for each output, of shape ${shapes.map(show).join(' and ')}, or with one axis of directions in front`
  const got = seeds.map((seed) => show(seed.shape)).join(' and ')
  const rank = seeds[0] ? seeds[0].rank - shapes[0]!.length : 0
  const lead = seeds[0]?.shape.slice(0, rank) ?? []
  const fits = (seed: Tensor, i: number) => sameShape(seed.shape, [...lead, ...shapes[i]!])
  if (seeds.length !== shapes.length || rank < 0 || rank > 1 || !seeds.every(fits)) {
    throw new ShapeError({ op: 'pullback', expected, got })
  }
  return lead
}

/**
 * The value of `f` and its pullback, dy ↦ Jᵀ dy, which may be called any number of times.
 *
 * @param f   from a tensor, or a list, to a tensor, or a list; what it makes and does not return is disposed
 * @param xs  where to take the derivative: float tensors. An input that `f` does not use gets zeros
 * @throws {GradError} where an input or output is no float tensor
 */
export function vjp<X extends OneOrMany, Y extends OneOrMany>(
  f: (xs: X) => Y,
  xs: X,
): { value: Y; pullback: Pullback<X> } {
  const recording = record('vjp', f, xs)
  let disposed = false
  const pullback = (dy: OneOrMany) => {
    if (disposed) throw new GradError({ op: 'pullback', expected: 'a live pullback', got: 'one that was disposed' })
    return pull(recording, listOf(dy), false)
  }
  const dispose = () => {
    disposed = true
    recording.tape.splice(0).forEach(release)
  }
  return { value: recording.value, pullback: Object.assign(pullback, { dispose }) }
}

/**
 * The value of a scalar function and its gradient, in one pass.
 *
 * @throws {GradError} where `f` returns anything but one scalar
 */
export const valueAndGrad =
  <X extends OneOrMany>(f: (xs: X) => Tensor) =>
  (xs: X): [value: Tensor, gradient: X] =>
    scope(() => {
      const recording = record('grad', f, xs)
      try {
        if (recording.value.rank !== 0) {
          throw new GradError({
            op: 'grad',
            expected: 'a function to one scalar (shape [])',
            got: `shape ${show(recording.value.shape)}`,
            hint: 'reduce it with sum(), or use vjp or jacobian',
          })
        }
        return [recording.value, pull(recording, [ones([], recording.value)], true)]
      } finally {
        recording.tape.forEach(release)
      }
    })

/** The gradient of a scalar function: `grad(f)(x)`, in the form of `x`. Nests to any depth. */
export const grad =
  <X extends OneOrMany>(f: (xs: X) => Tensor) =>
  (xs: X): X =>
    scope(() => valueAndGrad(f)(xs)[1])
