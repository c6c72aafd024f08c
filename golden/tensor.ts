/** Area `tensor`: every operation on its own, with its derivatives in both modes and of second order. */
import { jvp, Tensor, vjp } from '@antecedent/tensor'
import type { Compute, Context } from './context.ts'
import type { Precision } from './format.ts'
import { type Attrs, type Call, tensorCalls } from './tensorCalls.ts'

type Named = Record<string, Tensor>

const notFinite = ['Infinity', '-Infinity', 'NaN']

/** Attributes with the words for infinities as numbers, and floats in the precision of the run. */
export function decode(attrs: Record<string, unknown>, precision: Precision): Attrs {
  const value = (x: unknown) => (notFinite.includes(String(x)) ? Number(x) : x === 'f64' ? precision : x)
  const decoded = Object.fromEntries(Object.entries(attrs).map(([name, x]) => [name, value(x)]))
  return { dtype: precision, ...decoded } as unknown as Attrs
}

/** What follows `kind.` among the keys of a record, in their order. */
const named = (record: object, kind: string): string[] =>
  Object.keys(record).flatMap((key) => (key.startsWith(`${kind}.`) ? [key.slice(kind.length + 1)] : []))

const keyed = (kind: string, names: readonly string[], values: readonly Tensor[]): Named =>
  Object.fromEntries(names.map((name, i) => [`${kind}.${name}`, values[i]!]))

/** The outputs, and the derivatives that the case asks for: Jᵀ u, J v, and the derivative of Jᵀ u along v. */
function derive(call: Call, { golden, inputs, probes, precision }: Context): Named {
  const attrs = decode(golden.attrs, precision)
  const run = (given: Named): Named => {
    const made = call(given, attrs)
    return made instanceof Tensor ? { y: made } : made
  }
  const outputs = run(inputs)
  const wanted = named(golden.outputs, 'grad')
  if (wanted.length === 0) return outputs
  const floats = named(probes, 'cotangent')
  const xs = wanted.map((name) => inputs[name]!)
  const f = (parts: readonly Tensor[]): readonly Tensor[] => {
    const made = run({ ...inputs, ...Object.fromEntries(wanted.map((name, i) => [name, parts[i]!])) })
    return floats.map((name) => made[name]!)
  }
  const cotangents = floats.map((name) => probes[`cotangent.${name}`]!)
  const tangents = wanted.map((name) => probes[`tangent.${name}`]!)
  const pull = (parts: readonly Tensor[]): readonly Tensor[] => {
    const { pullback } = vjp(f, parts)
    const gradients = pullback(cotangents)
    pullback.dispose()
    return gradients
  }
  return {
    ...outputs,
    ...keyed('grad', wanted, pull(xs)),
    ...keyed('jvp', floats, jvp(f, xs, tangents).tangent),
    ...keyed('hvp', wanted, jvp(pull, xs, tangents).tangent),
  }
}

export const tensorOps: Record<string, Compute> = Object.fromEntries(
  Object.entries(tensorCalls).map(([name, call]) => [name, async (context) => derive(call, context)]),
)
