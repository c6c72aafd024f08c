/** Nested points along a path, as many as a tolerance asks for. */
import { ShapeError } from '@antecedent/tensor'
import { cutByWinner } from './cut.ts'
import { alphaOf, type NestedSize, nestedMethod, nestedWeights } from './nestedRule.ts'
import type { Direction, Path } from './passes.ts'
import type { Integration, PathOptions, WinnerPiece } from './path.ts'
import { type Piece, type Pieces, Points } from './points.ts'
import { accumulate, emptySums, type Rule, type Sums } from './sums.ts'

/** Estimates per target and example, as shares of the largest attribution. */
interface Judgement {
  /** D: the largest difference between two rules */
  difference: number[][]
  /** C: |Σ attributions − (F(x) − F(x′))| */
  completeness: number[][]
}

/**
 * The integral by 21 points of the nested rule, or by 43 for those targets for which a tolerance asks for them.
 *
 * The difference D between two rules is the error of the coarser; for a smooth target the finer one's is about D^1.5.
 * For a maximum D itself is what is reported. Completeness can hold by chance, so it is a necessary condition only.
 *
 * @param steps         x − x′ per value
 * @param fDifferences  what the attributions should add up to: `[targets][examples]`
 */
export async function integrateNested(
  path: Path,
  steps: readonly Float64Array[],
  fDifferences: ArrayLike<number>,
  options: PathOptions,
): Promise<{ sums: Sums; integrations: Integration[] }> {
  const { tolerance = null, onProgress } = options
  const limit: NestedSize = tolerance === null ? 21 : 43
  const sizes: NestedSize[] = limit === 21 ? [10, 21] : [10, 21, 43]
  const points = new Points(path, limit, options)
  const { maxima } = path
  const hasMaxima = maxima.some(Boolean)
  try {
    const rules = sizes.map((size) => ({ size, weights: nestedWeights(size), sums: emptySums(path) }))
    const sums = emptySums(path)
    const integrations: Integration[] = []
    const backward = maxima.map(() => 0)
    /** targets that are not yet as exact as asked for: the others are pulled back no more */
    let open = maxima.map((_, t) => t)
    for (let level = 1; ; level++) {
      const [coarse, fine] = [rules[level - 1]!, rules[level]!]
      const isFirst = level === 1
      const pieces = await piecesOf(points, fine.size, open)
      const pull = async (from: number, to: number, directions: Direction[], into: readonly Rule[]) => {
        if (directions.length === 0) return
        await points.each(from, to, hasMaxima, async (pass, at) => {
          await accumulate(path, pass, at, directions, into)
          onProgress?.(at + pass.points, fine.size)
        })
        for (const { target } of directions) backward[target]! += to - from
      }
      // a later level finds other pieces: then the rules of a maximum begin anew
      const isCut = (t: number) => maxima[t]! && (!isFirst || pieces[t]!.some((list) => list.length > 1))
      const whole = open.filter((t) => !isCut(t)).map((t) => wholeDirection(t, pieces[t]!))
      await pull(isFirst ? 0 : coarse.size, fine.size, whole, rules)
      for (const { size, sums } of isFirst ? [coarse, fine] : [fine]) {
        const mixed = open.filter(isCut).map((t) => mixedDirection(t, pieces[t]!, size))
        for (const { target } of mixed) for (const of of sums) partOf(of, target, maxima.length).fill(0)
        await pull(0, size, mixed, [{ weights: new Float64Array(size).fill(1), sums }])
      }
      const judgement = judge(path, coarse.sums, fine.sums, steps, fDifferences, options)
      for (const t of open) {
        integrations[t] = report(judgement, t, pieces, path, {
          method: nestedMethod,
          points: fine.size,
          tolerance,
          evaluations: { forward: points.evaluated, backward: backward[t]! },
        })
        for (const [i, of] of sums.entries()) {
          partOf(of, t, maxima.length).set(partOf(fine.sums[i]!, t, maxima.length))
        }
      }
      open = open.filter((t) => !integrations[t]!.converged)
      if (fine.size === limit || open.length === 0) return { sums, integrations }
    }
  } finally {
    points.dispose()
  }
}

/** The part of a target in sums over all of them. */
const partOf = (sums: Float64Array, target: number, targets: number): Float64Array =>
  sums.subarray((target * sums.length) / targets, ((target + 1) * sums.length) / targets)

/** The pieces of maxima by their winners, where one of them is still open; one piece for every other target. */
async function piecesOf(points: Points, limit: NestedSize, open: readonly number[]): Promise<Pieces> {
  const { maxima, examples, ends } = points.path
  if (!open.some((t) => maxima[t])) return maxima.map(() => [[{ winner: null, from: 0, to: 1 }]])
  for (const x of ends) {
    if (examples === 1 || x.shape[0] === examples) continue
    const expected = `values with a leading axis of ${examples} examples, as the maximum has`
    throw new ShapeError({ op: 'maximumOf', expected, got: `[${x.shape.join(', ')}]` })
  }
  return cutByWinner(points, limit)
}

/** A target whose gradient is smooth all along the path: that of a maximum is if an example has one winner. */
function wholeDirection(target: number, ofExamples: Pieces[number]): Direction {
  const winners = ofExamples.map(([piece]) => piece!.winner)
  if (winners[0] === null) return { target, mixture: null }
  const mixtures = winners.map((winner) => new Map([[winner!, 1]]))
  return { target, mixture: (example) => mixtures[example]! }
}

/**
 * A maximum under a rule: at a node, the winner of each piece weighs what the rule gives the node for that piece. Sums
 * are linear, so that one gradient of the mixture does for those of all winners.
 */
function mixedDirection(target: number, ofExamples: Pieces[number], size: NestedSize): Direction {
  const mixtures = ofExamples.map((pieces) => {
    const nodes = Array.from({ length: size }, () => new Map<number, number>())
    for (const { winner, from, to } of pieces) {
      for (const [j, w] of nestedWeights(size, from, to).entries()) {
        nodes[j]!.set(winner!, (nodes[j]!.get(winner!) ?? 0) + w)
      }
    }
    return nodes
  })
  return { target, mixture: (example, node) => mixtures[example]![node]! }
}

/** The attributions of one target and example from sums, in the units that the tolerance bounds. */
function unitsOf(
  path: Path,
  sums: Sums,
  factors: readonly Float64Array[] | null,
  t: number,
  b: number,
  row: boolean,
): number[] {
  return path.ends.flatMap((x, i) => {
    const perExample = x.size / path.examples
    const perUnit = row && x.rank > 0 ? Math.min(x.shape.at(-1)!, perExample) : 1
    const units = new Array<number>(Math.ceil(perExample / perUnit)).fill(0)
    for (let e = 0; e < perExample; e++) {
      const element = b * perExample + e
      const factor = factors ? factors[i]![element]! : 1
      units[Math.floor(e / perUnit)]! += factor * sums[i]![t * x.size + element]!
    }
    return units
  })
}

const largest = (values: readonly number[]): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)

/** a / b, with 0 / 0 = 0: what is exactly 0 has no error. */
const share = (a: number, b: number): number => (a === 0 ? 0 : Math.abs(a) / b)

function judge(
  path: Path,
  coarse: Sums,
  fine: Sums,
  steps: readonly Float64Array[],
  fDifferences: ArrayLike<number>,
  { multiplyByInputs = true, toleranceUnit = 'element' }: PathOptions,
): Judgement {
  const row = toleranceUnit === 'row'
  const judged = path.maxima.map((_, t) =>
    Array.from({ length: path.examples }, (_, b) => {
      const units = (sums: Sums, multiplied: boolean) => unitsOf(path, sums, multiplied ? steps : null, t, b, row)
      const [before, after] = [units(coarse, multiplyByInputs), units(fine, multiplyByInputs)]
      const products = multiplyByInputs ? after : units(fine, true)
      const total = products.reduce((sum, value) => sum + value, 0)
      const difference = share(largest(after.map((value, i) => value - before[i]!)), largest(after))
      const completeness = share(total - fDifferences[t * path.examples + b]!, largest(products))
      return { difference, completeness }
    }),
  )
  return {
    difference: judged.map((list) => list.map(({ difference }) => difference)),
    completeness: judged.map((list) => list.map(({ completeness }) => completeness)),
  }
}

/** What is said of target t. */
function report(
  { difference, completeness }: Judgement,
  t: number,
  pieces: Pieces,
  { maxima }: Path,
  run: Pick<Integration, 'method' | 'points' | 'tolerance' | 'evaluations'>,
): Integration {
  const errorEstimate = maxima[t] ? difference[t]! : difference[t]!.map((d) => d ** 1.5)
  const { tolerance } = run
  const small = (values: number[]) => values.every((value) => value < tolerance!)
  const inAlpha = ({ winner, from, to }: Piece): WinnerPiece => {
    // the ends are exact, whatever the map rounds
    return { winner: winner!, start: from === 0 ? 0 : alphaOf(from), end: to === 1 ? 1 : alphaOf(to) }
  }
  return {
    ...run,
    errorEstimate,
    completenessShare: completeness[t]!,
    converged: tolerance === null ? null : small(errorEstimate) && small(completeness[t]!),
    winners: maxima[t] ? pieces[t]!.map((list) => list.map(inAlpha)) : null,
  }
}
