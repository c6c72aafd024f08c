/** Indexing as a NumPy user guesses it: `x.at(0, '1:3', null, '...', [2, 0])` is `x[0, 1:3, None, ..., [2, 0]]`. */
import { DeviceError, OptionError, ShapeError, show } from '../errors.ts'
import { sameShape, sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { tensor } from './create.ts'
import { indexSelect } from './gather.ts'
import { reshape, select, slice, unsqueeze } from './movement.ts'

/**
 * What one entry of an index says of an axis:
 * an integer takes one place and drops the axis, negative ones count from the end; a string `begin:end:step` is
 * Python's slice; a list of integers or an `i32` vector picks places, negative ones counting from the end in a list;
 * a `bool` tensor picks where it is true, over as many axes as it has; `null` adds an axis of size 1; `'...'` stands
 * for all the axes that are not named.
 */
export type IndexEntry = number | string | null | readonly number[] | Tensor

/** How many axes of x an entry uses up. */
function axesUsed(entry: IndexEntry): number {
  if (entry === null || entry === '...') return 0
  return entry instanceof Tensor && entry.dtype === 'bool' ? entry.rank : 1
}

function parseSlice(text: string): (number | null)[] {
  const parts = text.split(':')
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => /^\s*(-?\d+)?\s*$/.test(part))) {
    throw new OptionError({ op: 'at', expected: "a slice such as '1:3', ':', '::-1', or '...'", got: `'${text}'` })
  }
  return parts.map((part) => (part.trim() === '' ? null : Number(part)))
}

/** The places where a mask is true, along the axes that it covers as one. */
function masked(x: Tensor, mask: Tensor, axis: number): Tensor {
  const covered = x.shape.slice(axis, axis + mask.rank)
  if (!sameShape(covered, mask.shape)) {
    throw new ShapeError({ op: 'at', expected: `a mask ${show(covered)}`, got: show(mask.shape) })
  }
  const known = mask.knownData()
  if (!known) {
    throw new DeviceError({
      op: 'at',
      expected: 'a mask that the host knows, for the shape of the result depends on it',
      got: `one computed on ${mask.device}`,
      hint: 'make it anew, tensor(await mask.data(), mask.shape), or keep the shape with where()',
    })
  }
  const places = [...known].flatMap((on, i) => (on ? [i] : []))
  const flat = reshape(x, [...x.shape.slice(0, axis), sizeOf(covered), ...x.shape.slice(axis + mask.rank)])
  return indexSelect(flat, tensor(Int32Array.from(places), null, { device: x.device }), axis)
}

/** Applies one entry at an axis; returns the result and the axis that comes next. */
function step(x: Tensor, axis: number, entry: IndexEntry): [Tensor, number] {
  if (entry === null) return [unsqueeze(x, axis), axis + 1]
  if (typeof entry === 'number') return [select(x, entry, axis), axis]
  if (typeof entry === 'string') {
    const bounds = parseSlice(entry)
    const here = (bound: number | null | undefined) => x.shape.map((_, i) => (i === axis ? (bound ?? null) : null))
    return [slice(x, here(bounds[0]), here(bounds[1]), here(bounds[2])), axis + 1]
  }
  if (entry instanceof Tensor) {
    return [entry.dtype === 'bool' ? masked(x, entry, axis) : indexSelect(x, entry, axis), axis + 1]
  }
  const n = x.shape[axis]!
  const places = Int32Array.from(entry, (i) => (i < 0 ? i + n : i))
  return [indexSelect(x, tensor(places, null, { device: x.device }), axis), axis + 1]
}

/**
 * Part of a tensor, as `x[…]` in NumPy; differentiable. Integers, slices and new axes give a view, lists and masks a
 * copy. At most one list, index vector or mask: NumPy's pairing of several is what `gather` is for.
 *
 * @example x.at(0)                // the first row
 * @example x.at('...', '::-1')    // the last axis reversed
 * @example x.at(x.greater(0))     // the positive elements
 * @throws {ShapeError} where there are more entries than axes, or an integer is out of range
 */
export function at(x: Tensor, ...entries: readonly IndexEntry[]): Tensor {
  const used = entries.reduce<number>((count, entry) => count + axesUsed(entry), 0)
  const lists = entries.filter((entry) => entry instanceof Tensor || Array.isArray(entry)).length
  const dots = entries.filter((entry) => entry === '...').length
  if (used > x.rank || lists > 1 || dots > 1) {
    throw new ShapeError({
      op: 'at',
      expected: `entries for at most ${x.rank} axes, at most one list or mask, at most one '...'`,
      got: `${used} axes, ${lists} lists, ${dots} '...'`,
    })
  }
  let [result, axis] = [x, 0]
  for (const entry of entries) {
    if (entry === '...') axis += x.rank - used
    else [result, axis] = step(result, axis, entry)
  }
  return result
}
