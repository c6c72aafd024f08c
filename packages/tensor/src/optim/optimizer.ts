/** What optimisers share: state as plain data, and a rule for one parameter. */
import { DTypeError, OptionError, ShapeError, show } from '../errors.ts'
import { requireFloat } from '../op.ts'
import { zeros } from '../ops/create.ts'
import { scope } from '../scope.ts'
import { sameShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'

/** Plain data: it can be written to a file and read again, and training goes on with the same bits. */
export interface OptimizerState {
  /** updates done so far */
  readonly step: number
  /** running values by name, one tensor for each parameter */
  readonly slots: Readonly<Record<string, readonly Tensor[]>>
}

export interface Updated {
  params: Tensor[]
  state: OptimizerState
}

export interface Optimizer {
  /** The state before the first step: zeros in the shapes of the parameters. */
  init(params: readonly Tensor[]): OptimizerState
  /**
   * One step: new parameters and new state. The old ones are left to the caller, who may `dispose` them.
   *
   * @param gradients  one for each parameter, of its shape
   * @param lr         in place of the optimiser's own, as a schedule gives it
   * @param scale      what gradients are multiplied by first, as clipping gives it; default 1
   * @throws {ShapeError} where gradients or state do not fit the parameters; nothing has changed then
   * @throws {DTypeError} where they differ from them in dtype, or a parameter is no float
   * @throws {OptionError} where `lr` or `scale` is negative, infinite or NaN
   */
  update(
    params: readonly Tensor[],
    gradients: readonly Tensor[],
    state: OptimizerState,
    lr?: number,
    scale?: number,
  ): Updated
}

/** One parameter: its value, gradient and running values, to its new value and running values. */
export type UpdateRule<Slot extends string> = (
  w: Tensor,
  g: Tensor,
  slots: Record<Slot, Tensor>,
  /** `step` counts from 1 */
  context: { step: number; lr: number; scale: number },
) => { w: Tensor } & Record<Slot, Tensor>

function requireFit(op: string, params: readonly Tensor[], others: readonly Tensor[], what: string): void {
  const fits = others.length === params.length && params.every((w, i) => sameShape(w.shape, others[i]!.shape))
  if (!fits) {
    const shapes = (list: readonly Tensor[]) => list.map((x) => show(x.shape)).join(' and ') || 'none'
    throw new ShapeError({ op, expected: `${what} of shape ${shapes(params)}`, got: shapes(others) })
  }
  for (const [i, w] of params.entries()) {
    // two dtypes would meet at the wider one, which the parameter would then have
    const { dtype } = others[i]!
    if (dtype === w.dtype) continue
    throw new DTypeError({ op, expected: `${what} in ${w.dtype} for parameter ${i}`, got: dtype, hint: 'cast one' })
  }
}

/** An optimiser by the names of its running values and its rule. */
export function optimizer<Slot extends string>(
  op: string,
  lrByDefault: number,
  slotNames: readonly Slot[],
  rule: UpdateRule<Slot>,
): Optimizer {
  return {
    init: (params) => ({
      step: 0,
      slots: Object.fromEntries(slotNames.map((name) => [name, params.map((w) => zeros(w.shape, w))])),
    }),
    update: (params, gradients, state, lr = lrByDefault, scale = 1) =>
      scope(() => {
        checkOptions(op, { lr, scale }, { lr: atLeastZero, scale: atLeastZero })
        for (const w of params) requireFloat(op, w)
        requireFit(op, params, gradients, 'gradients')
        for (const name of slotNames) requireFit(op, params, state.slots[name] ?? [], `state '${name}'`)
        const step = state.step + 1
        const updated = params.map((w, i) => {
          const own = Object.fromEntries(slotNames.map((name) => [name, state.slots[name]![i]!]))
          return rule(w, gradients[i]!, own as Record<Slot, Tensor>, { step, lr, scale })
        })
        const slots = Object.fromEntries(slotNames.map((name) => [name, updated.map((part) => part[name])]))
        return { params: updated.map(({ w }) => w), state: { step, slots } }
      }),
  }
}

/** Bounds for `checkOptions`. */
export const atLeastZero = [0, Number.POSITIVE_INFINITY] as const

/** Throws unless each option is a number within its bounds (the upper one excluded). */
export function checkOptions(op: string, options: object, bounds: Record<string, readonly [number, number]>): void {
  for (const [name, [low, high]] of Object.entries(bounds)) {
    const value = (options as Record<string, unknown>)[name]
    if (typeof value === 'number' && value >= low && value < high) continue
    throw new OptionError({ op, expected: `${name} in [${low}, ${high})`, got: String(value) })
  }
}
