import { elementSize, showShape, type TensorInfo } from './dtype.ts'
import { quote } from './errors.ts'

/** For each axis `[start, end)`, or `null` for all of it; axes that are not given are taken whole. */
export type Ranges = readonly (readonly [start: number, end: number] | null)[]

/** Bytes `[begin, end)` of a data section. */
export interface Run {
  readonly begin: number
  readonly end: number
}

/** Which bytes a slice consists of. */
export interface SlicePlan {
  /** Shape of the slice. */
  readonly shape: number[]
  /** Bytes of the slice. */
  readonly byteLength: number
  /** The contiguous pieces, in order; laid end to end they are the slice. No two of them touch. */
  runs(): Generator<Run>
}

/**
 * Plans `tensor[start0:end0, start1:end1, …]`.
 *
 * @throws {RangeError} if there are more ranges than axes, or `0 <= start <= end <= extent` does not hold
 */
export function planSlice({ name, dtype, shape, begin }: TensorInfo, ranges: Ranges): SlicePlan {
  if (ranges.length > shape.length) {
    const problem = `expected at most ${shape.length} ranges, got ${ranges.length}`
    throw new RangeError(`slice: tensor ${quote(name)} ${showShape(shape)}: ${problem}`)
  }
  const bounds = shape.map((extent, axis) => {
    const [start, end] = ranges[axis] ?? [0, extent]
    if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end && end <= extent) {
      return { start, width: end - start }
    }
    const problem = `expected 0 <= start <= end <= ${extent} on axis ${axis}, got [${start}, ${end}]`
    throw new RangeError(`slice: tensor ${quote(name)} ${showShape(shape)}: ${problem}`)
  })
  const outShape = bounds.map(({ width }) => width)
  const strides = outShape.map(() => 0) // in bytes
  let stride = elementSize(dtype)
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  const byteLength = outShape.includes(0) ? 0 : outShape.reduce((count, width) => count * width, elementSize(dtype))
  // Behind this axis everything is wanted, so that one run spans it and all that follow.
  let last = shape.length - 1
  while (last > 0 && outShape[last] === shape[last]) last--
  const first = bounds.reduce((at, { start }, axis) => at + start * strides[axis]!, begin)
  const runLength = last < 0 ? elementSize(dtype) : outShape[last]! * strides[last]!

  function* runs(): Generator<Run> {
    if (byteLength === 0) return
    const steps = strides.map(() => 0) // taken along each axis, like the wheels of an odometer
    for (let at = first; ; ) {
      yield { begin: at, end: at + runLength }
      let axis = last - 1
      for (; axis >= 0; axis--) {
        at += strides[axis]!
        if (++steps[axis]! < outShape[axis]!) break
        at -= strides[axis]! * outShape[axis]!
        steps[axis] = 0
      }
      if (axis < 0) return
    }
  }
  return { shape: outShape, byteLength, runs }
}
