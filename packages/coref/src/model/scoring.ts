/**
 * Two halves of a pass over a document. `chooseStructure` makes the discrete choices, on numbers: candidates, kept
 * spans, antecedents. `scorePairs` computes the scores of a structure, which derivatives follow: losses, targets and
 * records all read them.
 */
import { add, dispose, noDropout, scope, site, type Tensor, where } from '@antecedent/tensor'
import type { Pieces } from '../documents/pieces.ts'
import { bilinearSides, type CoarseParts, coarsePairs, coarseRows, priorScores } from './coarse.ts'
import { finePairs, pairFeatures } from './fine.ts'
import type { Context } from './layers.ts'
import { candidateScores, type MentionScores, mentionScores } from './mentions.ts'
import { mergedScores } from './merging.ts'
import { bestAntecedents, keepSpans, spanCount } from './prune.ts'
import type { Reading } from './reading.ts'
import { gated, refinedVectors, validPairs, withDummy } from './refine.ts'
import { candidateSpans, headLogits, type Spans, spanVectors } from './spans.ts'
import { matcherFor, type Structure, structureOf } from './structure.ts'

/** The candidates of a document and what pruning made of them. */
export interface Pruned {
  readonly candidates: Spans
  /** numbers by candidate; `width` null without a width prior */
  readonly mentionScores: {
    readonly span: ArrayLike<number>
    readonly width: ArrayLike<number> | null
    readonly total: ArrayLike<number>
  }
  /** indices of kept candidates */
  readonly kept: Int32Array
  readonly structure: Structure
}

/** What pruning finds in a document without candidates. */
export function nothingIn({ config }: Context, pieces: Pieces): Pruned {
  const none = { span: [], width: config.useWidthPrior ? [] : null, total: [] }
  const candidates = { starts: new Int32Array(0), ends: new Int32Array(0) }
  return {
    candidates,
    mentionScores: none,
    kept: new Int32Array(0),
    structure: structureOf(config, pieces, candidates, new Int32Array(0)),
  }
}

/** Elements of coarse scores that are computed and read together. */
const coarseElements = 2 ** 20

/**
 * The discrete choices of a document, without dropout: candidates, kept spans, antecedents. A document of fewer than
 * three pieces keeps no spans.
 *
 * @param tokens    `[T, H]`; a value of a derivative in progress may be given, and is read as a constant
 * @param keepGold  keep gold mentions before all other candidates, as training may
 */
export function* chooseStructure(
  base: Context,
  tokens: Tensor,
  pieces: Pieces,
  { keepGold = false } = {},
): Reading<Pruned> {
  const context = { ...base, drops: noDropout }
  const { config } = context
  const candidates = candidateSpans(pieces.sentenceMap, config.maxSpanWidth)
  if (candidates.starts.length === 0) return nothingIn(context, pieces)
  const scored = scope(() => candidateScores(context, tokens, headLogits(context, tokens), candidates))
  const total = yield scored.total
  const numbers = { span: yield scored.span, width: scored.width && (yield scored.width), total }
  for (const x of [scored.total, scored.span, scored.width]) x?.dispose()
  const order = keepGold ? goldFirst(candidates, total, pieces) : total
  const kept = keepSpans(candidates, order, spanCount(config, pieces.sentenceMap.length))
  const spans = { starts: kept.map((i) => candidates.starts[i]!), ends: kept.map((i) => candidates.ends[i]!) }
  const k = kept.length
  if (k === 0) return { candidates, mentionScores: numbers, kept, structure: nothingIn(context, pieces).structure }
  const width = Math.min(k, config.maxTopAntecedents)
  const antecedents = new Int32Array(k * width)
  const coarse = scope(() => {
    const vectors = spanVectors(context, tokens, headLogits(context, tokens), spans)
    const mentions = mentionScores(context, vectors, spans).total
    return { ...bilinearSides(context, vectors), priors: priorScores(context), mentions }
  })
  const match = matcherFor(config, pieces, spans)
  const rows = Math.max(1, Math.floor(coarseElements / k))
  for (let begin = 0; begin < k; begin += rows) {
    const end = Math.min(k, begin + rows)
    const scores = scope(() => coarseRows({ ...coarse, match }, begin, end))
    antecedents.set(bestAntecedents(yield scores, begin, k, width), begin * width)
    scores.dispose()
  }
  dispose(coarse)
  return { candidates, mentionScores: numbers, kept, structure: structureOf(config, pieces, spans, antecedents) }
}

/** Scores with those of gold mentions above all others. */
function goldFirst({ starts, ends }: Spans, scores: ArrayLike<number>, { clusters }: Pieces): Float64Array {
  const gold = new Set(clusters.flat().map(([start, end]) => `${start} ${end}`))
  return Float64Array.from(starts, (start, i) =>
    gold.has(`${start} ${ends[i]!}`) ? Number.POSITIVE_INFINITY : scores[i]!,
  )
}

/** One scoring pass. */
export interface Pass {
  /** the span vectors that it used, `[…, k, g]` */
  readonly vectors: Tensor
  /** `[…, k, c]`; where there is no antecedent it means nothing */
  readonly fine: Tensor
  /** fine + coarse, `[…, k, c]`; −∞ where there is no antecedent */
  readonly total: Tensor
  /** what took the place of the spans, and how much of it, `[…, k, g]`; null after the last pass */
  readonly refined: Tensor | null
  readonly gate: Tensor | null
}

/** All scores of a structure, as tensors; k kept spans, c antecedents each. Axes in front are points of a path. */
export interface PairScores {
  /** `[…, k]` */
  readonly mentions: MentionScores
  /** `[…, k, c]`; where there is no antecedent they mean nothing */
  readonly coarse: CoarseParts & { readonly total: Tensor }
  /** none where the coarse scores are the final ones */
  readonly passes: readonly Pass[]
  /** cluster merging: scores of the antecedents' clusters, `[…, k, c]`; else null */
  readonly clusters: Tensor | null
  /** before cluster merging, `[…, k, c]`; −∞ where there is no antecedent */
  readonly pairs: Tensor
  /** final scores with the dummy's 0 in column 0, `[…, k, 1 + c]` */
  readonly final: Tensor
  /** the structure with the choices that scoring made */
  readonly structure: Structure
  /** what was made on the way, and is disposed with the rest */
  readonly scratch: readonly Tensor[]
}

/**
 * The scores of a structure. Where the structure holds its choices nothing is read, and everything is a differentiable
 * function of the tokens and the parameters; else choices are made by the scores, and are in the result's structure.
 *
 * Sites: `features.width`, `spans` [k, g], `mention.scores` [k], `antecedent.coarse` [k, c], `features.speaker`,
 * `features.genre`, `features.segment`, `features.distance`, `features.strings` [k, c, e], `antecedent.fine` [k, c] (in every pass),
 * `refinement.D` [k, g] between passes D and D + 1, `antecedent.clusters` [k, c], `antecedent.scores` [k, 1 + c].
 *
 * @param tokens  `[…, T, H]`
 */
export function* scorePairs(context: Context, tokens: Tensor, given: Structure): Reading<PairScores> {
  const { config } = context
  const spans = { starts: given.starts, ends: given.ends }
  const first = scope(() => {
    const made = spanVectors(context, tokens, headLogits(context, tokens), spans)
    const vectors = site('spans', made)
    // where a tap put others in their place, they need not begin with the vectors of pieces
    const hidden = vectors === made ? tokens.shape.at(-1)! : null
    const scores = mentionScores(context, vectors, spans)
    const mentions = { ...scores, total: site('mention.scores', scores.total) }
    const coarse = coarsePairs(context, vectors, mentions.total, given)
    return { vectors, hidden, mentions, coarse: { ...coarse, total: site('antecedent.coarse', coarse.total) } }
  })
  const { mentions, coarse } = first
  const masked = (scores: Tensor) => where(validPairs(given, scores), scores, Number.NEGATIVE_INFINITY)
  const passes: Pass[] = []
  const choices: Int32Array[] = []
  const scratch: Tensor[] = [first.vectors]
  let pairs: Tensor | null = null
  let clusters: Tensor | null = null
  if (config.fineGrained) {
    const features = scope(() => pairFeatures(context, given))
    if (features) scratch.push(features)
    let vectors = first.vectors
    const merging = config.higherOrder === 'cluster_merging'
    for (let depth = 1; depth <= (merging ? 1 : config.depth); depth++) {
      const { fine, total } = scope(() => {
        const fine = site(
          'antecedent.fine',
          finePairs(context, vectors, given, features, { hidden: depth === 1 ? first.hidden : null }),
        )
        return { fine, total: masked(add(fine, coarse.total)) }
      })
      pairs = total
      if (depth === config.depth || merging) {
        passes.push({ vectors, fine, total, refined: null, gate: null })
        break
      }
      const frozen = given.choices && (given.choices[depth - 1] ?? null)
      const { refined: raw, choice } = yield* refinedVectors(context, vectors, total, given, frozen)
      const refined = site(`refinement.${depth}`, raw)
      if (choice) choices.push(choice)
      const next = scope(() => gated(context, vectors, refined))
      passes.push({ vectors, fine, total, refined, gate: next.gate })
      vectors = next.vectors
      scratch.push(raw)
    }
    if (merging) {
      const merged = yield* mergedScores(context, vectors, pairs!, given, given.choices)
      clusters = site('antecedent.clusters', merged.scores)
      choices.push(...merged.choices)
      scratch.push(...merged.scratch)
    }
  }
  const scored = pairs ?? scope(() => masked(coarse.total))
  const final = scope(() => site('antecedent.scores', withDummy(clusters ? add(scored, clusters) : scored)))
  const structure = { ...given, choices: given.choices ?? choices }
  return { mentions, coarse, passes, clusters, pairs: scored, final, structure, scratch }
}
