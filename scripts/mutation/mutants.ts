/**
 * Wrong versions of the table of operations, one at a time. Imported before a test (`node --import`), it applies the
 * mutant that the environment names.
 */
import type { Tensor } from '@antecedent/tensor'
import { apply, type Op, ops } from '@antecedent/tensor/internal'

type Rule = (d: Tensor, values: Record<string, Tensor>, context: Context) => Tensor
interface Context {
  attrs: unknown
  shapes: Record<string, readonly number[]>
  input: number
}
interface Derivative {
  reads: readonly string[]
  vjp: Rule
  jvp: Rule | 'itself'
}

export interface Mutant {
  /** `kind operation input …`, unique */
  readonly name: string
  readonly kind: string
  /** changes the table */
  apply(): void
}

/** A rule that is zero throughout can not be negated: it becomes d itself. */
const zeroRules = ['sign', 'floor', 'round']

const negated =
  (op: Op, rule: Rule): Rule =>
  (d, ...rest) =>
    zeroRules.includes(op.name) ? d : rule(d, ...rest).neg()

/** The tangent of an operation that is its own, as a rule. */
const itself =
  (op: Op, name: string): Rule =>
  (d, values, { attrs, input }) => {
    const names = op.inputs === '...' ? Object.keys(values).filter((key) => key !== 'y') : op.inputs
    return apply(
      op,
      names.map((key, i) => ((op.inputs === '...' ? i === input : key === name) ? d : values[key]!)),
      attrs,
    )
  }

/**
 * Inputs of operations that broadcast but do not stretch this one: d has the shape of the result, x all of its axes but
 * the last, and the rule for the weight sums over rows itself. There is no sum to drop.
 */
const unstretched = ['softmaxDerivative d', 'linear x', 'linear weight']

/** Takes the first element of every axis that should be summed. */
const unsummed =
  (rule: Rule, name: string): Rule =>
  (d, values, context) => {
    const dx = rule(d, values, context)
    const target = context.shapes[name]!
    const lead = d.rank - context.shapes.y!.length
    const added = dx.rank - lead - target.length
    const kept = dx.at(...new Array<string>(lead).fill(':'), ...new Array<number>(Math.max(0, added)).fill(0), '...')
    const end = kept.shape.map((n, i) => (i >= lead && target[i - lead] === 1 && n > 1 ? 1 : null))
    return kept.slice([], end)
  }

/** Every mutant of the table. */
export function mutants(): Mutant[] {
  return Object.values(ops).flatMap((typed) => {
    const op: Op = typed
    const derivatives = op.derivatives as Record<string, Derivative>
    const list = Object.entries(derivatives).flatMap(([name, rules]) => mutantsOf(op, derivatives, name, rules))
    if (!op.broadcasts || list.length === 0) return list
    const align = () => void Object.assign(op, { broadcasts: false })
    return [...list, { kind: 'alignment of tangents dropped', name: `align ${op.name}`, apply: align }]
  })
}

function mutantsOf(op: Op, derivatives: Record<string, Derivative>, name: string, rules: Derivative): Mutant[] {
  const replace = (changes: Partial<Derivative>) => () =>
    void Object.assign(derivatives, { [name]: { ...rules, ...changes } })
  const push = rules.jvp === 'itself' ? itself({ ...op }, name) : rules.jvp
  const mutant = (kind: string, verb: string, changes: Partial<Derivative>): Mutant => ({
    kind,
    name: `${verb} ${op.name} ${name}`,
    apply: replace(changes),
  })
  const list = [
    mutant('vjp negated', 'vjp', { vjp: negated(op, rules.vjp) }),
    mutant('jvp negated', 'jvp', { jvp: negated(op, push) }),
  ]
  if (op.broadcasts && !unstretched.includes(`${op.name} ${name}`)) {
    list.push(mutant('un-broadcast dropped', 'unsummed', { vjp: unsummed(rules.vjp, name) }))
  }
  for (const [i, first] of rules.reads.entries()) {
    for (const second of rules.reads.slice(i + 1)) {
      const swapped =
        (rule: Rule): Rule =>
        (d, values, context) =>
          rule(d, { ...values, [first]: values[second]!, [second]: values[first]! }, context)
      const both = { vjp: swapped(rules.vjp), jvp: rules.jvp === 'itself' ? rules.jvp : swapped(rules.jvp) }
      list.push(mutant('saved values exchanged', `swap ${first} ${second}`, both))
    }
  }
  return list
}

const chosen = process.env.ANTECEDENT_MUTANT
if (chosen !== undefined) {
  const mutant = mutants().find(({ name }) => name === chosen)
  if (!mutant) throw new Error(`there is no mutant '${chosen}'`)
  mutant.apply()
}
