/**
 * The contract of an operation, and the one function that runs them all.
 *
 * An operation works on trailing axes, counted from the end; whatever axes stand in front are a batch. So a cotangent
 * or tangent with an axis of directions in front needs no rule of its own. The driver, not the rules, un-broadcasts.
 */
import { asFloat, checkDType, type DType } from './dtype.ts'
import { DeviceError, DTypeError, GradError, internal, ShapeError, show } from './errors.ts'
import type { Kernels, View } from './kernels.ts'
import { scope } from './scope.ts'
import { broadcastShapes, type Shape, sameShape, sizeOf, stridesOf } from './shape.ts'
import { allocate } from './storage.ts'
import { isDifferentiable, type Layout, Tensor } from './tensor.ts'
import { highestLevel, peel } from './trace.ts'

/** What is known of an operand before anything is computed. */
export interface Meta {
  readonly shape: Shape
  readonly dtype: DType
}

/** What a rule may look at besides the values it declared in `reads`. */
export interface RuleContext<Name extends string, Attrs> {
  readonly attrs: Attrs
  /** shapes of the inputs and of `y` */
  readonly shapes: Record<Name | 'y', Shape>
  /** position of the input that the rule is about */
  readonly input: number
}

/** The values that rules may read: inputs, result, and what its `companion` gave. */
export type ValueName<Name extends string> = Name | 'y' | 'companion'

/** Maps a direction to a direction; linear in `d`, and made of operations, so that it can be differentiated again. */
export type Rule<Name extends string, Attrs> = {
  // a method, so that rules of narrower names and attributes fit the table of all operations
  rule(d: Tensor, values: Record<ValueName<Name>, Tensor>, context: RuleContext<Name, Attrs>): Tensor
}['rule']

/** The derivative with respect to one input, in both modes. */
export interface Derivative<Name extends string, Attrs> {
  /** the values that the vjp reads; the tape keeps these and no others */
  readonly reads: readonly ValueName<Name>[]
  /** dy to the cotangent of the input, before un-broadcasting */
  vjp: Rule<Name, Attrs>
  /** the input's tangent to its share of dy; `itself`: the operation with this input replaced by its tangent */
  jvp: Rule<Name, Attrs> | 'itself'
}

/**
 * The Jacobian equals its transpose, so one rule d ↦ J d serves both modes: so it is with every elementwise operation,
 * whose Jacobian is diagonal, and with softmax and layer norm.
 */
export const symmetric = <Name extends string, Attrs>(
  reads: readonly NoInfer<ValueName<Name>>[],
  rule: Rule<Name, Attrs>,
): Derivative<Name, Attrs> => ({ reads, vjp: rule, jvp: rule })

/** Linear in this input, whatever the others: the operation is its own jvp, and states its transpose. */
export const linear = <Name extends string, Attrs>(
  reads: readonly NoInfer<ValueName<Name>>[],
  transpose: Rule<Name, Attrs>,
): Derivative<Name, Attrs> => ({ reads, vjp: transpose, jvp: 'itself' })

/** Neither symmetric nor linear: both modes stated. */
export const both = <Name extends string, Attrs>(derivative: Derivative<Name, Attrs>): Derivative<Name, Attrs> =>
  derivative

/** One example that tests and benchmarks draw from. */
export interface Case<Attrs = unknown> {
  /** one shape per input */
  readonly shapes: readonly Shape[]
  readonly attrs: Attrs
  /** float elements are drawn from here; default [-2, 2] */
  readonly domain?: readonly [number, number]
  /** for index inputs, by position: elements are integers in [0, n) */
  readonly indices?: Readonly<Record<number, number>>
  /** for boolean inputs: their positions */
  readonly booleans?: readonly number[]
}

/**
 * Both modes of a whole function, all of its inputs at once: for operations that are made of tensors' functions and not
 * of kernels, and for those whose kernels pull back to several inputs together.
 */
export interface Joint<Attrs = unknown> {
  /** whether the rules read y; the inputs are always kept */
  readonly readsResult: boolean
  /** dy to the cotangents of the inputs, of their shapes; null for those not `wanted` or without a derivative */
  vjp(
    dy: Tensor,
    inputs: Tensor[],
    y: Tensor | null,
    wanted: readonly boolean[],
    attrs: Attrs,
  ): readonly (Tensor | null)[]
  /** the tangents of the inputs, null for zero, to that of y */
  jvp(dxs: readonly (Tensor | null)[], inputs: Tensor[], y: Tensor, attrs: Attrs): Tensor
}

/**
 * A second operation on the same inputs that one pass computes along with the first, for the rules to read. It is made
 * only where a derivative looks on, and is an operation, so that it can be differentiated in turn.
 */
export interface Companion<Name extends string, Attrs> {
  readonly op: Op<Name, Attrs>
  /** Calls kernels to fill both results. */
  forward(kernels: Kernels, inputs: View[], y: View, companion: View, attrs: Attrs): void
}

/** What running an operation gives. */
export interface Results {
  readonly y: Tensor
  /** null where the operation has none, or no rule may read it */
  readonly companion: Tensor | null
}

/** What a joint rule returned, if it is a float tensor of this shape. */
export function requireDirection(op: string, d: unknown, kind: string, shape: Shape, of: string): Tensor {
  const expected = `a ${kind} ${show(shape)} of ${of}`
  if (!(d instanceof Tensor)) throw new GradError({ op, expected, got: d === null ? 'null' : typeof d })
  if (!isDifferentiable(d)) throw new GradError({ op, expected, got: d.dtype })
  if (!sameShape(d.shape, shape)) throw new ShapeError({ op, expected, got: show(d.shape) })
  return d
}

export interface Op<Name extends string = string, Attrs = unknown> {
  readonly name: string
  /** input names in order; `'...'` for any number, named x0, x1, … */
  readonly inputs: readonly Name[] | '...'
  /** how operands of different rank are aligned: at their end, as in NumPy */
  readonly broadcasts?: boolean
  /** The last two axes are the operation's, with one matrix a batch entry: entries that repeat are computed once. */
  readonly perMatrix?: boolean
  /** Shape of the result; throws `ShapeError`. Not asked where there is `compute`. */
  shape(inputs: Meta[], attrs: Attrs): Shape
  /** Dtype of the result; default: that of the first input. */
  dtype?(inputs: Meta[], attrs: Attrs): DType
  /** A result that shares the input's buffer; null where its strides do not allow that, and the input is copied. */
  view?(x: Layout, attrs: Attrs): Layout | null
  /** Calls kernels to fill `y`. */
  forward?(kernels: Kernels, inputs: View[], y: View, attrs: Attrs): void
  readonly companion?: Companion<Name, Attrs>
  /** Instead of kernels: a function of tensors, under no derivative. What it makes and does not return is disposed. */
  compute?(inputs: Tensor[], attrs: Attrs): Tensor
  /** The derivatives of all inputs at once, in the place of `derivatives`. */
  readonly joint?: Joint<Attrs>
  /** One entry per differentiable input; `x` for all inputs of a variadic operation. */
  readonly derivatives: { readonly [K in Name]?: Derivative<Name, Attrs> }
  /** The same function out of simpler operations, for a fused one. */
  decomposition?(inputs: Tensor[], attrs: Attrs): Tensor
  readonly cases: readonly Case<Attrs>[]
  /** a case of the size that models have, for benchmarks; default: the first case, many times in a batch */
  readonly large?: Case<Attrs>
}

/** Gives the types of inputs and attributes to an operation's parts. */
export const defineOp = <const Name extends string, Attrs = Record<never, never>>(op: Op<Name, Attrs>) => op

/** The name of input `i`. */
export const inputName = (op: Op, i: number): string => (op.inputs === '...' ? `x${i}` : op.inputs[i]!)

/** Whether the result has a derivative with respect to input `i`, so long as that is a float tensor. */
export const hasDerivative = (op: Op, i: number): boolean => op.joint !== undefined || derivativeOf(op, i) !== undefined

/** The rule for input `i` alone, undefined where there is none. */
export const derivativeOf = (op: Op, i: number): Derivative<string, unknown> | undefined =>
  op.derivatives[op.inputs === '...' ? 'x' : op.inputs[i]!]

/** Runs an operation on tensors, below and then through the highest derivative level among them. */
export const apply = <Name extends string, Attrs>(op: Op<Name, Attrs>, operands: Tensor[], attrs: Attrs): Tensor =>
  run(op, operands, attrs, false).y

/** The same, with the companion where a level above wants it: levels follow the two as two operations. */
function run<Name extends string, Attrs>(
  op: Op<Name, Attrs>,
  operands: Tensor[],
  attrs: Attrs,
  both: boolean,
): Results {
  const inputs = operands.map(peel)
  const level = highestLevel(inputs)
  if (!level) return both ? evaluateBoth(op, inputs, attrs) : { y: evaluate(op, inputs, attrs), companion: null }
  const primals = inputs.map((x) => (x.trace?.level === level ? x.trace.primal : x))
  const below = run(op, primals, attrs, op.companion !== undefined)
  const y = level.follow(op, inputs, primals, below, attrs)
  if (both) {
    const alone = { y: below.companion!, companion: null }
    return { y, companion: level.follow(op.companion!.op, inputs, primals, alone, attrs) }
  }
  below.companion?.dispose() // a tape that reads it has a handle of its own
  return { y, companion: null }
}

/** Runs an operation on values: no derivative looks on. */
function evaluate<Name extends string, Attrs>(op: Op<Name, Attrs>, inputs: Tensor[], attrs: Attrs): Tensor {
  if (op.compute) return computed(op.name, () => op.compute!(inputs, attrs))
  const [first] = inputs
  if (!first) throw internal(`${op.name} without inputs`)
  if (op.view) {
    const { storage, layout } = first.concrete()
    const viewed = op.view(layout, attrs)
    if (viewed) return Tensor.own(storage.retain(), viewed)
    const dense = contiguous(first)
    const y = evaluate(op, [dense], attrs)
    dense.dispose()
    return y
  }
  if (!op.forward) throw internal(`${op.name} has neither view nor forward`)
  const repeats = op.perMatrix ? repeatedAxes(inputs) : []
  if (repeats.length > 0) return evaluateOnce(op, inputs, attrs, repeats)
  const y = roomFor(op, inputs, attrs)
  const views = inputs.map((x) => x.view())
  op.forward(y.backend.kernels, views, y.view(), attrs)
  return y
}

/** Batch axes, counted from the end, along which some operand is stretched and none changes. */
function repeatedAxes(inputs: readonly Tensor[]): number[] {
  const layouts = inputs.map((x) => x.concrete().layout)
  const axes = Math.max(...layouts.map(({ shape }) => shape.length))
  const found: number[] = []
  for (let axis = 3; axis <= axes; axis++) {
    const reach = layouts.filter(({ shape }) => shape.length >= axis && shape.at(-axis) !== 1)
    if (reach.length > 0 && reach.every(isStretched(axis))) found.push(axis)
  }
  return found
}

const isStretched =
  (axis: number) =>
  ({ shape, strides }: Layout): boolean =>
    shape.at(-axis)! > 1 && strides.at(-axis) === 0

/** Runs an operation with one entry of the axes that repeat, and stretches the result along them. */
function evaluateOnce<Name extends string, Attrs>(
  op: Op<Name, Attrs>,
  inputs: Tensor[],
  attrs: Attrs,
  axes: readonly number[],
): Tensor {
  const narrow = inputs.map((x) => {
    const { storage, layout } = x.concrete()
    const shape = layout.shape.map((n, i) => (axes.includes(layout.shape.length - i) ? 1 : n))
    return Tensor.own(storage.retain(), { ...layout, shape })
  })
  const once = evaluate(op, narrow, attrs)
  const { shape, strides, offset } = stretch(once.view(), op.shape(inputs, attrs))
  const y = Tensor.own(once.concrete().storage.retain(), { shape, strides, offset })
  for (const x of [...narrow, once]) x.dispose()
  return y
}

/** Runs an operation and its companion on values, in one pass. */
function evaluateBoth<Name extends string, Attrs>(op: Op<Name, Attrs>, inputs: Tensor[], attrs: Attrs): Results {
  const y = roomFor(op, inputs, attrs)
  const companion = roomFor(op.companion!.op, inputs, attrs)
  const views = inputs.map((x) => x.view())
  op.companion!.forward(y.backend.kernels, views, y.view(), companion.view(), attrs)
  return { y, companion }
}

/** Room for the result of an operation on values, which must be on one device. */
function roomFor<Name extends string, Attrs>(op: Op<Name, Attrs>, inputs: Tensor[], attrs: Attrs): Tensor {
  const { backend, dtype } = inputs[0]!
  for (const x of inputs) {
    if (x.backend !== backend) {
      throw new DeviceError({
        op: op.name,
        expected: 'operands on one device',
        got: inputs.map((operand) => operand.device).join(' and '),
        hint: 'move one with x.to(device)',
      })
    }
  }
  return empty(backend, op.dtype?.(inputs, attrs) ?? dtype, op.shape(inputs, attrs))
}

/** Runs a user's function below all derivatives. */
function computed(name: string, f: () => Tensor): Tensor {
  return scope(() => {
    const y = f()
    if (!(y instanceof Tensor)) throw new DTypeError({ op: name, expected: 'one tensor as result', got: typeof y })
    const value = peel(y)
    if (value.trace) {
      throw new GradError({
        op: name,
        expected: 'a function of its arguments alone',
        got: 'one that also uses a value of a derivative in progress',
        hint: 'pass that value as an argument, or stopGradient it',
      })
    }
    return value.alias() // it may be an input, or live elsewhere
  })
}

/** A dense tensor full of garbage. */
export function empty(backend: Tensor['backend'], dtype: DType, shape: Shape): Tensor {
  checkDType('tensor', dtype)
  if (!backend.dtypes.includes(dtype)) {
    throw new DeviceError({
      op: 'tensor',
      expected: `a dtype that ${backend.name} has (${backend.dtypes.join(', ')})`,
      got: dtype,
      hint: 'f64 lives on ref alone',
    })
  }
  return Tensor.own(allocate(backend, dtype, sizeOf(shape)), { shape, strides: stridesOf(shape), offset: 0 })
}

/** A dense copy of a value that no derivative looks on. */
function contiguous(x: Tensor): Tensor {
  const y = empty(x.backend, x.dtype, x.shape)
  x.backend.kernels.copy(x.view(), y.view())
  return y
}

/** Shape rule of an elementwise operation. */
export const broadcastRule =
  (name: string) =>
  (inputs: Meta[]): Shape =>
    broadcastShapes(name, ...inputs.map((x) => x.shape))

/** A view with an axis of stride 0 wherever `shape` stretches it. */
export function stretch(x: View, shape: Shape): View {
  const missing = shape.length - x.shape.length
  const strides = shape.map((n, i) =>
    i < missing || (x.shape[i - missing] === 1 && n !== 1) ? 0 : x.strides[i - missing]!,
  )
  return { buffer: x.buffer, shape, strides, offset: x.offset }
}

/** Throws unless a tensor has a float dtype. */
export function requireFloat(op: string, x: Meta): void {
  if (asFloat(x.dtype) !== x.dtype) {
    throw new DTypeError({
      op,
      expected: 'a float tensor (f32, f64)',
      got: x.dtype,
      hint: "convert it with cast('f32')",
    })
  }
}
