/** Weighted sums of gradients over the points of a path. */
import { type Direction, type Pass, type Path, pullDirections } from './passes.ts'

/** Sums over the path, per value `[targets, …shape]`. */
export type Sums = Float64Array[]

/** */
export const emptySums = ({ ends, maxima }: Path): Sums => ends.map((x) => new Float64Array(maxima.length * x.size))

/** Weights of one rule: `[directions][examples][nodes]`; one example stands for all where they share their weights. */
export interface RuleWeights {
  readonly examples: number
  readonly nodes: number
  readonly data: Float64Array
}

/** Gradients of one value at some points. */
export interface GradientBlock {
  /** `[directions, points, size]` */
  readonly g: ArrayLike<number>
  /** elements of the value */
  readonly size: number
  readonly points: number
  /** place of the first point among the nodes of the rule */
  readonly at: number
  /** index of the first direction */
  readonly first: number
  readonly directions: readonly Direction[]
}

/** sums[target, e] += Σ over directions k and points p of w[k, example of e, at + p] · g[k, p, e]. */
export function addWeighted(sums: Float64Array, { examples, nodes, data }: RuleWeights, block: GradientBlock): void {
  const { g, size, points, at, first, directions } = block
  const perExample = size / examples
  for (let row = 0; row * size < g.length; row++) {
    const k = first + Math.floor(row / points)
    const to = directions[k]!.target * size
    const node = at + (row % points)
    for (let b = 0; b < examples; b++) {
      const w = data[(k * examples + b) * nodes + node]!
      if (w === 0) continue
      for (let e = b * perExample; e < (b + 1) * perExample; e++) sums[to + e]! += w * g[row * size + e]!
    }
  }
}

/** Pulls the directions back through a pass and adds the gradients, weighted, to the sums of every rule. */
export async function accumulate(
  path: Path,
  pass: Pass,
  at: number,
  directions: readonly Direction[],
  rules: readonly { weights: RuleWeights; sums: Sums }[],
): Promise<void> {
  await pullDirections(path, pass, directions, async (first, gradients) => {
    for (const [i, gradient] of gradients.entries()) {
      const g = await gradient.data()
      const block = { g, size: path.ends[i]!.size, points: pass.points, at, first, directions }
      for (const { weights, sums } of rules) addWeighted(sums[i]!, weights, block)
    }
  })
}
