/** Scopes: everything made inside is disposed at the end, except what is returned. */
import { GradError } from './errors.ts'
import { Tensor } from './tensor.ts'

const open: Set<Tensor>[] = []

/** @internal Called for every new handle. */
export function register(handle: Tensor): void {
  open.at(-1)?.add(handle)
}

/** Anything that may hold tensors: a tensor, or arrays and plain objects of such, at any depth. */
export function* tensorsIn(value: unknown): Generator<Tensor> {
  if (value instanceof Tensor) {
    yield value
  } else if (Array.isArray(value)) {
    for (const part of value) yield* tensorsIn(part)
  } else if (value instanceof Map) {
    for (const part of value.values()) yield* tensorsIn(part)
  } else if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    for (const part of Object.values(value)) yield* tensorsIn(part)
  }
}

/** The handles that own memory behind a tensor, through all its traces. */
function* owners(x: Tensor): Generator<Tensor> {
  if (!x.trace) {
    yield x
    return
  }
  yield* owners(x.trace.primal)
  if (x.trace.tangent) yield* owners(x.trace.tangent)
}

/**
 * Runs `f` and disposes every tensor made inside, except those in its result (a tensor, or arrays, maps and plain
 * objects of such), which pass to the scope around. `f` must be synchronous. Everything is disposed when `f` throws.
 */
export function scope<T>(f: () => T): T {
  const made = new Set<Tensor>()
  open.push(made)
  let result: T | undefined
  try {
    result = f()
    if (result instanceof Promise) {
      throw new GradError({
        op: 'scope',
        expected: 'a synchronous function',
        got: 'one that returns a promise',
        hint: 'read data after the scope, not inside',
      })
    }
    return result
  } finally {
    open.pop()
    for (const tensor of tensorsIn(result)) {
      for (const owner of owners(tensor)) if (made.delete(owner)) register(owner)
    }
    for (const handle of made) handle.dispose()
  }
}

/** @internal How many scopes are open. */
export const scopeDepth = (): number => open.length

/** @internal Takes a tensor out of the scopes above `depth`, into the one there, if any. Returns it. */
export function moveToScope(x: Tensor, depth: number): Tensor {
  for (const owner of owners(x)) {
    for (const made of open.slice(depth)) if (made.delete(owner)) open[depth - 1]?.add(owner)
  }
  return x
}

/** Takes a tensor out of all scopes: it lives until it is disposed or garbage-collected. Returns it. */
export const keep = (x: Tensor): Tensor => moveToScope(x, 0)

/** Disposes every tensor in a value: a tensor, or arrays, maps and plain objects of such. */
export function dispose(value: unknown): void {
  for (const x of tensorsIn(value)) x.dispose()
}
