/** Errors are data and one sentence: `op: expected …, got … (what to do)`. */

/** The parts of the sentence; each is a field of the error. */
export interface ErrorParts {
  /** the function that was called */
  op: string
  /** what the function takes */
  expected: string
  /** what it was given */
  got: string
  /** what the caller may do about it */
  hint?: string
}

/** The parent of every error that this library throws on purpose. */
export class AntecedentError extends Error {
  override readonly name: string = 'AntecedentError'
  readonly op: string
  readonly expected: string
  readonly got: string
  readonly hint: string | undefined

  constructor(parts: ErrorParts, options?: ErrorOptions) {
    super(`${parts.op}: expected ${parts.expected}, got ${parts.got}${parts.hint ? ` (${parts.hint})` : ''}`, options)
    this.op = parts.op
    this.expected = parts.expected
    this.got = parts.got
    this.hint = parts.hint
  }
}

/** Shapes, axes or indices that do not fit. */
export class ShapeError extends AntecedentError {
  override readonly name = 'ShapeError'
}

/** An element type that the operation does not take. */
export class DTypeError extends AntecedentError {
  override readonly name = 'DTypeError'
}

/** A device that is missing, mixed, or cannot do what was asked. */
export class DeviceError extends AntecedentError {
  override readonly name = 'DeviceError'
}

/** A derivative that does not exist, or was checked and found wrong. */
export class GradError extends AntecedentError {
  override readonly name = 'GradError'
}

/** A tensor used after its disposal, or memory that ran out. The library stays usable. */
export class MemoryError extends AntecedentError {
  override readonly name = 'MemoryError'
}

/** An option, name or argument outside what is known; `known` lists the valid names where there is a list. */
export class OptionError extends AntecedentError {
  override readonly name = 'OptionError'
  readonly known: readonly string[]

  constructor(parts: ErrorParts, known: readonly string[] = []) {
    super(parts)
    this.known = known
  }
}

/** The error for a name outside a closed list. */
export function unknownName(
  op: string,
  what: string,
  got: string,
  known: readonly string[],
  hint?: string,
): OptionError {
  return new OptionError(
    { op, expected: `${what} (${known.join(', ')})`, got: `"${got}"`, ...(hint && { hint }) },
    known,
  )
}

/** A broken invariant of ours, never the caller's fault. */
export function internal(message: string): Error {
  return new Error(`internal: ${message}`)
}

/** `[2, 3]`, for error texts. */
export const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`
