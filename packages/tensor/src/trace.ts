/**
 * Derivatives as levels. `vjp` and `jvp` open a level, wrap their inputs in values of that level, and run the function.
 * An operation on such values is computed one level below, on what they wrap, and the level then takes its note: a
 * reverse level a node of its tape, a forward level a tangent. Rules are made of operations on the values below, so
 * that levels nest in any order, and two levels are never confused (Siskind and Pearlmutter 2005).
 */
import type { Op, Results } from './op.ts'
import type { Tensor } from './tensor.ts'

/** One derivative in progress. */
export interface Level {
  /** levels opened later are higher; an operation belongs to the highest level among its inputs */
  readonly depth: number
  /** false once the function has run: values of the level are constants from then on */
  open: boolean
  /** Wraps the result `y` of `op` on `primals`, the values below `inputs`. */
  follow(op: Op, inputs: Tensor[], primals: Tensor[], results: Results, attrs: unknown): Tensor
}

/** What makes a tensor a value of a level. */
export interface Trace {
  readonly level: Level
  readonly primal: Tensor
  /** forward levels: the derivative along the direction, maybe with an axis of directions in front; null for zero */
  readonly tangent: Tensor | null
  /** reverse levels: the place on the tape */
  readonly node: TapeNode | null
}

/** One operation on the tape, or an input of the function (no `op`). */
export interface TapeNode {
  readonly op: Op | null
  readonly attrs: unknown
  /** the node of each input; null where no derivative is wanted */
  readonly parents: readonly (TapeNode | null)[]
  /** the values that the rules read, by name; own handles */
  saved: Record<string, Tensor>
  readonly shapes: Record<string, readonly number[]>
}

let depth = 0

/** Runs `f` with a new level open. Levels close in reverse order, even when `f` throws. */
export function withLevel<L extends Level, T>(make: (depth: number) => L, f: (level: L) => T): T {
  const level = make(++depth)
  try {
    return f(level)
  } finally {
    level.open = false
    depth--
  }
}

/** The value below every level that has closed. */
export function peel(x: Tensor): Tensor {
  let value = x
  while (value.trace && !value.trace.level.open) value = value.trace.primal
  return value
}

/** The highest open level among the inputs, null when all are constants. Inputs must be peeled. */
export function highestLevel(inputs: readonly Tensor[]): Level | null {
  let highest: Level | null = null
  for (const x of inputs) if (x.trace && (!highest || x.trace.level.depth > highest.depth)) highest = x.trace.level
  return highest
}

/** Whether a derivative in progress looks on. */
export const isFollowed = (...xs: Tensor[]): boolean => highestLevel(xs.map(peel)) !== null

/** The value as a constant: no derivative, of whatever level, flows through it. PyTorch's `detach`. */
export function stopGradient(x: Tensor): Tensor {
  let value = x
  while (value.trace) value = value.trace.primal
  return value === x ? x : value.alias()
}
