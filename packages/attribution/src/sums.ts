/** Weighted sums of gradients over the points of a path. */
import { type Direction, type Pass, type Path, pullDirections } from './passes.ts'

/** Sums over the path, per value `[targets, …shape]`. */
export type Sums = Float64Array[]

/** Sums to begin with: zeros. */
export const emptySums = ({ ends, maxima }: Path): Sums => ends.map((x) => new Float64Array(maxima.length * x.size))

/** A rule's weights of the path's nodes, and what it adds up. Nodes beyond its weights count for nothing. */
export interface Rule {
  readonly weights: Float64Array
  readonly sums: Sums
}

/** sums[target of k, e] += Σ over points p of weights[at + p] · g[k, p, e], for gradients `[directions, points, size]`. */
function addWeighted(
  sums: Float64Array,
  weights: Float64Array,
  {
    g,
    size,
    points,
    at,
    targets,
  }: {
    g: ArrayLike<number>
    size: number
    points: number
    at: number
    targets: readonly number[]
  },
): void {
  for (const [k, target] of targets.entries()) {
    for (let p = 0; p < points; p++) {
      const w = weights[at + p] ?? 0
      if (w === 0) continue
      const [from, to] = [(k * points + p) * size, target * size]
      for (let e = 0; e < size; e++) sums[to + e]! += w * g[from + e]!
    }
  }
}

/** Pulls the directions back through a pass and adds the gradients, weighted, to the sums of every rule. */
export async function accumulate(
  path: Path,
  pass: Pass,
  at: number,
  directions: readonly Direction[],
  rules: readonly Rule[],
): Promise<void> {
  await pullDirections(path, pass, at, directions, async (first, gradients) => {
    for (const [i, gradient] of gradients.entries()) {
      const g = await gradient.data()
      const size = path.ends[i]!.size
      const count = g.length / (pass.points * size)
      const targets = directions.slice(first, first + count).map(({ target }) => target)
      for (const { weights, sums } of rules)
        addWeighted(sums[i]!, weights, { g, size, points: pass.points, at, targets })
    }
  })
}
