/** Several tensors as one. */
import { promote } from '../dtype.ts'
import { ShapeError, show } from '../errors.ts'
import { apply } from '../op.ts'
import { axisFromEnd, sameShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { moveAxis, movementOps, unsqueeze } from './movement.ts'

/** Tensors one after the other along an axis; they agree on all other axes and meet at one dtype. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors
  if (!first) throw new ShapeError({ op: 'concat', expected: 'at least one tensor', got: 'none' })
  const at = axisFromEnd('concat', axis, first.rank)
  const others = (x: Tensor) => x.shape.filter((_, i) => i - x.rank !== at)
  if (tensors.some((x) => x.rank !== first.rank || !sameShape(others(x), others(first)))) {
    throw new ShapeError({
      op: 'concat',
      expected: `shapes that agree on all axes but ${axis}`,
      got: tensors.map((x) => show(x.shape)).join(' and '),
    })
  }
  const dtype = tensors.reduce((type, x) => promote(type, x.dtype), first.dtype)
  const parts = tensors.map((x) => moveAxis(cast(x, dtype), at, -1))
  return moveAxis(apply(movementOps.concat, parts, { sizes: parts.map((x) => x.shape.at(-1)!) }), -1, at)
}

/** Tensors of one shape side by side on a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.some((x) => !sameShape(x.shape, tensors[0]!.shape))) {
    throw new ShapeError({
      op: 'stack',
      expected: 'equal shapes',
      got: tensors.map((x) => show(x.shape)).join(' and '),
    })
  }
  return concat(
    tensors.map((x) => unsqueeze(x, axis)),
    axis,
  )
}
