/** Every operation of the table at the size that models have: its forward and its pullback. */
import { type DType, normal, randomKey, scope, type Tensor, uniform, vjp } from '@antecedent/tensor'
import { apply, type Case, hasDerivative, type Op, ops } from '@antecedent/tensor/internal'

export interface OperationOptions {
  precision: 'f32' | 'f64'
  /** part of a name; default all */
  filter?: string
  /** least time for each figure, in milliseconds */
  time: number
}

export interface OperationRow {
  op: string
  shapes: string
  /** medians, in milliseconds; null where there is no derivative */
  forwardMs: number
  pullbackMs: number | null
  /** millions of elements that the forward reads and writes, per second */
  forwardMelements: number
}

const batch = 4096
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** The case to time: the large one, or the first with a batch in front of its inputs, but for indices and what broadcasts. */
function caseOf(op: Op, precision: DType): Case {
  if (op.large) return op.large
  // f64 lives on ref alone
  const first = op.cases.find(({ attrs }) => precision === 'f64' || !Object.values(attrs as object).includes('f64'))
  const rank = Math.max(...first!.shapes.map((shape) => shape.length))
  const shapes = first!.shapes.map((shape, i) => {
    const stays = first!.indices?.[i] !== undefined || (op.broadcasts && shape.length < rank)
    return stays ? shape : [batch, ...shape]
  })
  return { ...first!, shapes }
}

/** The inputs of a case: the same numbers in every run. */
function inputsOf({ shapes, indices, booleans, domain }: Case, dtype: DType): Tensor[] {
  return shapes.map((shape, i) => {
    const key = randomKey(i)
    const below = indices?.[i]
    if (below !== undefined) return uniform(shape, key, { high: below }).cast('i32')
    if (booleans?.includes(i)) return uniform(shape, key).less(0.5)
    return domain
      ? uniform(shape, key, { low: domain[0], high: domain[1], dtype: dtype as 'f32' })
      : normal(shape, key, { dtype: dtype as 'f32' })
  })
}

/** The median time of a call in milliseconds, once warm. */
function medianOf(f: () => void, least: number): number {
  f()
  f()
  const times: number[] = []
  for (const start = performance.now(); performance.now() - start < least || times.length < 5; ) {
    const begin = performance.now()
    f()
    times.push(performance.now() - begin)
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!
}

function measure(op: Op, { precision, time }: OperationOptions): OperationRow {
  return scope(() => {
    const example = caseOf(op, precision)
    const inputs = inputsOf(example, precision)
    const run = (xs: readonly Tensor[]) => apply(op, [...xs], example.attrs)
    // views cost nothing but for the copy that shows them
    const forward = () => scope(() => void run(inputs))
    const y = run(inputs)
    const elements = [...inputs, y].reduce((sum, x) => sum + sizeOf(x.shape), 0)
    const forwardMs = medianOf(forward, time)
    const at = inputs.flatMap((_, i) => (hasDerivative(op, i) ? [i] : []))
    let pullbackMs: number | null = null
    if (at.length > 0 && y.dtype === precision) {
      const f = (parts: readonly Tensor[]) => run(inputs.map((x, i) => parts[at.indexOf(i)] ?? x))
      const { pullback } = vjp(f, at.map((i) => inputs[i]!) as readonly Tensor[])
      const dy = normal(y.shape, randomKey(9), { dtype: precision })
      pullbackMs = medianOf(() => scope(() => void pullback(dy)), time)
      pullback.dispose()
    }
    const shapes = inputs.map((x) => x.shape.join('×')).join(', ')
    return { op: op.name, shapes, forwardMs, pullbackMs, forwardMelements: elements / forwardMs / 1000 }
  })
}

/** Times every operation whose name holds `filter`, on the current device. */
export function operations(options: OperationOptions, onRow: (row: OperationRow) => void): OperationRow[] {
  const chosen = Object.values(ops as Record<string, Op>).filter(({ name }) => name.includes(options.filter ?? ''))
  return chosen.map((op) => {
    const row = measure(op, options)
    onRow(row)
    return row
  })
}

const column = (x: number | null, digits: number) => (x === null ? '–' : x.toFixed(digits)).padStart(11)

export const operationTitles = `${'operation'.padEnd(18)}${'forward ms'.padStart(11)}${'Melem/s'.padStart(11)}${'pullback ms'.padStart(12)}  inputs`

export const operationLine = ({ op, shapes, forwardMs, forwardMelements, pullbackMs }: OperationRow): string =>
  `${op.padEnd(18)}${column(forwardMs, 4)}${column(forwardMelements, 1)} ${column(pullbackMs, 4)}  ${shapes}`
