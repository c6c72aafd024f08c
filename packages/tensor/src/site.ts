/**
 * Sites: how a model is opened. A model names its intermediate values while it runs; a tap records or replaces them.
 * Recording, patching, attribution at any layer and attention extraction all use this one mechanism.
 */
import { GradError, OptionError, unknownName } from './errors.ts'
import { moveToScope, scopeDepth } from './scope.ts'
import type { Tensor } from './tensor.ts'

/** A value for a site: a tensor, or a function of the value that the model computed. */
export type Replacement = Tensor | ((value: Tensor) => Tensor)

export interface TapOptions {
  /** names of the sites to record; `*` stands for one part of a name, as in `layer.*.output` */
  record?: readonly string[]
  /** what to put in the place of a site's value; recorded values are those after replacement */
  replace?: Readonly<Record<string, Replacement>>
}

interface Tap {
  readonly matchers: readonly { pattern: string; matches: (name: string) => boolean }[]
  readonly replace: Readonly<Record<string, Replacement>>
  readonly recorded: Record<string, Tensor>
  /** how many scopes were open when the tap began: recorded values live as long as the last of them */
  readonly scopeDepth: number
  /** every name that the run passed */
  readonly visited: Set<string>
  readonly recording: Recording
}

/** What becomes of a value to be recorded: `refused` is an error, `skipped` does nothing. */
type Recording = 'kept' | 'refused' | 'skipped'

/** @internal The open taps, and the prefix of names. */
export interface Sites {
  readonly taps: readonly Tap[]
  readonly prefix: string
}

let taps: Tap[] = []
let prefix = ''

/**
 * Names a value of a model. Outside a tap it returns its argument and costs nothing; inside, the value may be recorded
 * and replaced.
 *
 * @param name  the site's name below the prefixes of `inSite`
 */
export function site(name: string, value: Tensor): Tensor {
  if (taps.length === 0) return value
  const full = prefix + name
  let current = value
  // the innermost tap comes first, as its function runs closest to the model
  for (const tap of [...taps].reverse()) {
    tap.visited.add(full)
    const replacement = tap.replace[full]
    if (replacement !== undefined) current = typeof replacement === 'function' ? replacement(current) : replacement
    if (tap.matchers.some(({ matches }) => matches(full))) record(tap, full, current)
  }
  return current
}

/**
 * Whether an open tap records or replaces one of these sites, which counts as passing them: where none does, a model may
 * take a way that never makes their values.
 *
 * @param names  the sites' names below the prefixes of `inSite`
 */
export function isTapped(...names: readonly string[]): boolean {
  const full = names.map((name) => prefix + name)
  for (const tap of taps) for (const name of full) tap.visited.add(name)
  return taps.some(({ matchers, replace }) =>
    full.some((name) => replace[name] !== undefined || matchers.some(({ matches }) => matches(name))),
  )
}

function record({ recording, recorded, scopeDepth }: Tap, name: string, value: Tensor): void {
  if (recording === 'kept') recorded[name] = moveToScope(value, scopeDepth)
  if (recording !== 'refused') return
  throw new GradError({
    op: 'site',
    expected: `'${name}' to be recorded where the derivative in progress sees it`,
    got: 'one within a function that runs as one operation',
    hint: 'record it without checkpoint or customOp, or under no derivative',
  })
}

/** @internal The sites of now, for a function that runs again later. */
export const openSites = (): Sites => ({ taps: [...taps], prefix })

/**
 * @internal Runs `f` under the taps and prefix of another time. Values are replaced as then; whether the taps of then
 * record, `recording` says. Taps that `f` itself opens are as ever.
 */
export function underSites<T>(then: Sites, recording: Recording, f: () => T): T {
  const outer = { taps, prefix }
  taps = then.taps.map((tap) => (tap.recording === 'kept' ? { ...tap, recording } : tap))
  prefix = then.prefix
  try {
    return f()
  } finally {
    taps = outer.taps
    prefix = outer.prefix
  }
}

/** Runs `f` with `name.` in front of the names of its sites. */
export function inSite<T>(name: string, f: () => T): T {
  const outer = prefix
  prefix = `${prefix}${name}.`
  try {
    return f()
  } finally {
    prefix = outer
  }
}

function matcher(pattern: string): (name: string) => boolean {
  if (!pattern.includes('*')) return (name) => name === pattern
  const parts = pattern.split('.')
  return (name) => {
    const given = name.split('.')
    return given.length === parts.length && parts.every((part, i) => part === '*' || part === given[i])
  }
}

/**
 * Runs `f` with some sites recorded or replaced. A site passed more than once keeps its last value. Everything is
 * restored when `f` throws; `f` must be synchronous.
 *
 * @returns the result of `f`, and the recorded values by full name
 * @throws {OptionError} where a named site was not passed; its `known` lists those that were
 */
export function tap<T>(options: TapOptions, f: () => T): { result: T; recorded: Record<string, Tensor> } {
  const own: Tap = {
    matchers: (options.record ?? []).map((pattern) => ({ pattern, matches: matcher(pattern) })),
    replace: options.replace ?? {},
    recorded: {},
    scopeDepth: scopeDepth(),
    visited: new Set(),
    recording: 'kept',
  }
  const outer = prefix
  prefix = ''
  taps.push(own)
  try {
    const result = f()
    if (result instanceof Promise) {
      throw new OptionError({ op: 'tap', expected: 'a synchronous function', got: 'one that returns a promise' })
    }
    checkVisited(own)
    return { result, recorded: own.recorded }
  } finally {
    taps.pop()
    prefix = outer
  }
}

/** Every requested site must have been passed: a wrong name would otherwise change nothing, silently. */
function checkVisited({ matchers, replace, visited }: Tap): void {
  const known = [...visited]
  const unseen = [
    ...matchers.filter(({ matches }) => !known.some(matches)).map(({ pattern }) => pattern),
    ...Object.keys(replace).filter((name) => !visited.has(name)),
  ]
  if (unseen[0] !== undefined) throw unknownName('tap', 'a site that the run passes', unseen[0], known)
}
