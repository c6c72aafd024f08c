/** The points of the nested rules along a path, and what they are cut into. */
import { alphaOf, type NestedSize, nestedInterpolation, nestedSizes } from './nestedRule.ts'
import { evenly, type Pass, type PassLimits, type Path, passAt, pointsPerPass } from './passes.ts'

/** A part of the range of u, and the coordinate that is largest there; null where the target is no maximum. */
export interface Piece {
  readonly winner: number | null
  readonly from: number
  readonly to: number
}

/** Pieces of the path per target and example. */
export type Pieces = readonly (readonly (readonly Piece[])[])[]

/** The path's points in order, in passes; those that a later stage needs again are kept where memory allows. */
export class Points {
  /** points at which F ran */
  evaluated = 0
  private readonly kept = new Map<number, Pass>()
  readonly path: Path
  private readonly perPass: number
  private readonly keeps: boolean

  constructor(path: Path, limit: NestedSize, limits: PassLimits) {
    this.path = path
    this.perPass = pointsPerPass(path, limits)
    this.keeps = this.perPass >= limit
  }

  /**
   * Calls `use` with passes over the nodes [from, to). With `keep` the same nodes come again without running F. Where
   * there are maxima a pass has nodes of one rule alone, as their rules are pulled back one by one.
   */
  async each(from: number, to: number, keep: boolean, use: (pass: Pass, at: number) => Promise<void>): Promise<void> {
    const { nodes } = nestedInterpolation(43)
    const inner = this.path.maxima.some(Boolean) ? nestedSizes.filter((n) => n > from && n < to) : []
    for (const [k, end] of [...inner, to].entries()) {
      const begin = inner[k - 1] ?? from
      const size = evenly(end - begin, this.perPass)
      for (let at = begin; at < end; at += size) {
        const pass = this.kept.get(at) ?? this.run(nodes.subarray(at, Math.min(end, at + size)))
        this.kept.set(at, pass)
        await use(pass, at)
        if (!keep || !this.keeps) this.drop(at)
      }
    }
  }

  /** Calls `use` with passes over points of one's own, which are places in u. */
  async at(u: Float64Array, use: (pass: Pass, at: number) => Promise<void>): Promise<void> {
    for (let at = 0; at < u.length; at += this.perPass) {
      const pass = this.run(u.subarray(at, at + this.perPass))
      try {
        await use(pass, at)
      } finally {
        pass.dispose()
      }
    }
  }

  dispose(): void {
    for (const at of [...this.kept.keys()]) this.drop(at)
  }

  private run(u: Float64Array): Pass {
    this.evaluated += u.length
    return passAt(this.path, u.map(alphaOf))
  }

  private drop(at: number): void {
    this.kept.get(at)?.dispose()
    this.kept.delete(at)
  }
}
