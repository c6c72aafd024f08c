/**
 * Cutting a path where the winner of a maximum changes. The functions are smooth, so their values at the nodes of a
 * nested rule tell by interpolation where that is; the functions themselves then correct each place.
 */
import type { Interpolation } from './lagrange.ts'
import { type NestedSize, nestedInterpolation } from './nestedRule.ts'
import type { Pass } from './passes.ts'
import type { Piece, Pieces, Points } from './points.ts'

/** Values of several functions at the nodes: `[nodes][count]`. */
interface Samples {
  readonly count: number
  readonly data: Float64Array
}

/** Parts that each gap between nodes is searched in. */
const partsPerGap = 8

/** The largest of some interpolated functions, piece by piece. */
export function upperEnvelope(interpolation: Interpolation, { count, data }: Samples): Piece[] {
  const winnerAt = (u: number): number => {
    const values = new Float64Array(count)
    for (const [j, share] of interpolation.basisAt(u).entries())
      for (let i = 0; i < count; i++) values[i]! += share * data[j * count + i]!
    return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
  }
  const pieces: Piece[] = []
  /** Adds what lies between a, where `left` wins, and b, where `right` does; others may win between them. */
  const add = (a: number, left: number, b: number, right: number): void => {
    if (left === right) {
      extend(pieces, left, a, b)
      return
    }
    const u = crossing((u) => gap(interpolation, { count, data }, left, right, u), a, b)
    const winner = u > a && u < b ? winnerAt(u) : left
    if (winner !== left && winner !== right) {
      add(a, left, u, winner)
      add(u, winner, b, right)
    } else {
      extend(pieces, left, a, u)
      extend(pieces, right, u, b)
    }
  }
  const places = searchPlaces(interpolation.nodes)
  const winners = places.map(winnerAt)
  for (let k = 1; k < places.length; k++) add(places[k - 1]!, winners[k - 1]!, places[k]!, winners[k]!)
  return pieces
}

/** Adds a piece, or makes the last one longer where it has the same winner. */
function extend(pieces: Piece[], winner: number, from: number, to: number): void {
  const last = pieces.at(-1)
  if (last?.winner === winner) pieces[pieces.length - 1] = { ...last, to }
  else if (to > from) pieces.push({ winner, from, to })
}

function searchPlaces(nodes: Float64Array): number[] {
  const ends = [0, ...nodes.slice().sort(), 1]
  const within = (a: number, b: number) =>
    Array.from({ length: partsPerGap }, (_, k) => a + ((b - a) * k) / partsPerGap)
  return [...ends.slice(1).flatMap((b, i) => within(ends[i]!, b)), 1]
}

/** Function `left` minus function `right` at u, interpolated. */
const gap = ({ basisAt }: Interpolation, { count, data }: Samples, left: number, right: number, u: number): number =>
  basisAt(u).reduce((sum, share, j) => sum + share * (data[j * count + left]! - data[j * count + right]!), 0)

/** Where a function that falls from a to b is 0, by bisection. */
function crossing(f: (u: number) => number, a: number, b: number): number {
  let [low, high] = [a, b]
  for (let step = 0; step < 48; step++) {
    const middle = (low + high) / 2
    if (f(middle) > 0) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** A change of the winner, before piece `index` of a target and example. */
interface Switch {
  readonly target: number
  readonly example: number
  readonly index: number
  readonly left: number
  readonly right: number
  /** it stays between the switches before and after it */
  readonly low: number
  readonly high: number
  u: number
  /** of `left` minus `right` at u, by what is known so far */
  slope: number
  /** the place looked at before, and the true difference there */
  before?: { u: number; difference: number }
}

/** The pieces of every target and example by the winner, from the values of F at the first `limit` points. */
export async function cutByWinner(points: Points, limit: NestedSize): Promise<Pieces> {
  const { maxima, examples } = points.path
  const samples = await sample(points, limit)
  const interpolation = nestedInterpolation(limit)
  const pieces = maxima.map((isMaximum, t) =>
    Array.from({ length: examples }, (_, b): Piece[] =>
      isMaximum ? upperEnvelope(interpolation, samples[t]![b]!) : [{ winner: null, from: 0, to: 1 }],
    ),
  )
  const switches = pieces.flatMap((ofTarget, target) =>
    ofTarget.flatMap((list, example) => switchesOf(list, target, example, interpolation, samples)),
  )
  for (let step = 0; step < 2 && switches.length > 0; step++) await correct(points, switches)
  for (const [k, { target, example, index, u }] of switches.entries()) {
    const next = switches[k + 1]
    // a piece that the corrections took away
    if (next && next.target === target && next.example === example && next.u < u) next.u = u
    const list = pieces[target]![example]!
    list[index - 1] = { ...list[index - 1]!, to: u }
    list[index] = { ...list[index]!, from: u }
  }
  return pieces.map((ofTarget) => ofTarget.map((list) => list.filter(({ from, to }) => to > from)))
}

/** The functions of every maximum at the first `limit` points: `[targets][examples]`. */
async function sample(points: Points, limit: NestedSize): Promise<Samples[][]> {
  const { maxima, examples } = points.path
  const samples: Samples[][] = maxima.map(() => [])
  const read = async (pass: Pass, at: number) => {
    for (const [t, y] of pass.values.entries()) {
      if (!maxima[t]) continue
      const data = (await y.data()) as ArrayLike<number>
      const count = data.length / (pass.points * examples)
      for (let row = 0; row < pass.points * examples; row++) {
        const [p, b] = [Math.floor(row / examples), row % examples]
        samples[t]![b] ??= { count, data: new Float64Array(limit * count) }
        for (let i = 0; i < count; i++) samples[t]![b]!.data[(at + p) * count + i] = data[row * count + i]!
      }
    }
  }
  await points.each(0, limit, true, read)
  return samples
}

/** The changes of the winner of one target and example, with the slopes that the interpolation has there. */
function switchesOf(
  list: readonly Piece[],
  target: number,
  example: number,
  interpolation: Interpolation,
  samples: readonly (readonly Samples[])[],
): Switch[] {
  return list.slice(1).map(({ winner, from: u, to }, k) => {
    const { winner: left, from } = list[k]!
    const pair = (at: number) => gap(interpolation, samples[target]![example]!, left!, winner!, at)
    const h = 1e-5
    const slope = (pair(u + h) - pair(u - h)) / (2 * h)
    return { target, example, index: k + 1, left: left!, right: winner!, low: from, high: to, u, slope }
  })
}

/** One step towards the true place of every switch: Newton's with the slope known, which the secant then replaces. */
async function correct(points: Points, switches: readonly Switch[]): Promise<void> {
  const { examples } = points.path
  const places = Float64Array.from(switches, ({ u }) => u)
  await points.at(places, async (pass, at) => {
    const values = await Promise.all(pass.values.map((y) => y.data() as Promise<ArrayLike<number>>))
    for (const [p, turn] of switches.slice(at, at + pass.points).entries()) {
      const y = values[turn.target]!
      const row = (p * examples + turn.example) * (y.length / (pass.points * examples))
      step(turn, y[row + turn.left]! - y[row + turn.right]!)
    }
  })
}

function step(turn: Switch, difference: number): void {
  const { u, before, low, high } = turn
  if (before && before.u !== u) turn.slope = (difference - before.difference) / (u - before.u)
  const next = u - difference / turn.slope
  turn.before = { u, difference }
  // the left one falls below the right one: another slope is noise
  if (turn.slope < 0 && Number.isFinite(next)) turn.u = Math.min(high, Math.max(low, next))
}
