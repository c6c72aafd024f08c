/** Why a pronoun was linked as it was: what the model weighed, and what each token did for the outcome. */
import { type AttributionRecord, layerIntegratedGradients, padBaseline } from '@antecedent/attribution'
import {
  type Choice,
  type CorefDocument,
  type CorefModel,
  choicesOf,
  type Decision,
  type Decoding,
  type Mention,
  mentionOf,
  pronounsOf,
  resolutionOf,
  type ScoreRecord,
} from '@antecedent/coref'
import type { Resolved } from './resolve.ts'

/** A possible antecedent as a mention; null: none. */
export interface WeighedMention extends Omit<Choice, 'antecedent'> {
  readonly antecedent: Mention | null
}

/** The decision on a pronoun. */
export interface PronounDecision {
  /** index of the word, and the word */
  readonly word: number
  readonly text: string
  /** what the model links to first, then the best first; none where pruning did not keep the pronoun */
  readonly choices: readonly WeighedMention[]
  /** of all earlier mentions of the entity that the pronoun joins together; null where it joins none */
  readonly entityProbability: number | null
  /** of the first choice's log-probability and of its margin over the second; null where there is no second */
  readonly attributions: { readonly logProbability: AttributionRecord; readonly margin: AttributionRecord } | null
}

/** A resolved document with the decisions on its first pronouns. */
export interface ExplainedDocument extends Resolved {
  readonly decisions: readonly PronounDecision[]
  /** how the model comes from scores to links */
  readonly decoding: Decoding
  /** the word of each token of the attributions; null for special tokens */
  readonly wordIds: readonly (number | null)[]
}

export interface DecisionOptions {
  /** pronouns to explain at most */
  readonly most: number
  /** points of a fixed rule; default: as many as the tolerance takes */
  readonly nSteps?: number | undefined
  /** estimated error of a score, as a share of the largest, at which the points suffice; default 0.05 */
  readonly tolerance?: number | undefined
  readonly onProgress?: (done: number, total: number) => void
}

/** A mention as people call it, cut where it is long. */
export function nameOf(mention: Mention | null): string {
  if (!mention) return 'no antecedent'
  const text = (mention.text ?? '').replace(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 38).trimEnd()} …` : text
}

/** What the two attributions of a decision explain, for people. */
function targetNames(pronoun: string, [best, second]: readonly WeighedMention[]): [string, string] {
  const own = best!.antecedent ? `refers to "${nameOf(best!.antecedent)}"` : 'has no antecedent'
  const [first, other] = [best!, second!].map(({ antecedent }) => (antecedent ? `"${nameOf(antecedent)}"` : 'none'))
  return [`log-probability that "${pronoun}" ${own}`, `margin of ${first} over ${other} for "${pronoun}"`]
}

/** The decisions that the attributions of a pronoun's span explain. */
function explained(span: number, [best, second]: readonly Choice[]): [Decision, Decision] {
  const { antecedent } = best!
  return [
    antecedent === null ? { kind: 'logProbabilityOfDummy', span } : { kind: 'logProbability', span, antecedent },
    { kind: 'margin', span, antecedent, other: second!.antecedent },
  ]
}

/** The probability of all mentions of the entity that a span joins; null where it joins none. */
function entityProbabilityOf({ links, clusters, antecedents, distribution }: ScoreRecord, rank: number): number | null {
  const entity = clusters.find((ranks) => links[rank]! >= 0 && ranks.includes(rank))
  if (!entity) return null
  const own = antecedents[rank]!.map((j, c) => (entity.includes(j) ? distribution[rank]![1 + c]! : 0))
  return own.reduce((sum, p) => sum + p, 0)
}

/** What a decision came to: what the pronoun is linked to, with its entity's probability where that is another. */
export function outcomeOf({ choices: [best], entityProbability }: PronounDecision): string {
  if (!best) return 'is not among the spans that the model kept'
  const together = entityProbability ?? best.probability
  const entity = together - best.probability < 0.0005 ? '' : ` (all of the entity: ${(100 * together).toFixed(1)} %)`
  return `→ ${nameOf(best.antecedent)}${entity}`
}

/** Resolves a document and attributes the decisions on its pronouns to its tokens, by Layer Integrated Gradients. */
export async function explainLinks(
  model: CorefModel,
  document: CorefDocument,
  { most, nSteps, tolerance = 0.05, onProgress }: DecisionOptions,
): Promise<ExplainedDocument> {
  const { pieces } = model.read(document)
  const record = await model.score(pieces, { document, entities: false })
  const pronouns = pronounsOf(record, document)
    .slice(0, most)
    .map(({ word, rank }) => {
      const weighed = rank === null ? [] : choicesOf(record, rank)
      const choices = weighed.map(({ antecedent, ...rest }) => ({
        ...rest,
        antecedent: antecedent === null ? null : mentionOf(record, antecedent, document),
      }))
      const text = document.words[word]!
      const decisions = weighed.length < 2 ? null : explained(rank!, weighed)
      const names = decisions && targetNames(text, choices)
      const entityProbability = rank === null ? null : entityProbabilityOf(record, rank)
      return { word, text, choices, entityProbability, decisions, names }
    })
  const asked = pronouns.filter(({ decisions }) => decisions !== null)
  const { input, forward } = model.targets(
    { pieces, structure: record.structure },
    asked.flatMap(({ decisions }) => decisions!),
    document,
  )
  const records =
    asked.length === 0
      ? []
      : await layerIntegratedGradients({
          forward,
          input,
          baseline: padBaseline(input),
          targetNames: asked.flatMap(({ names }) => names!),
          targetTokens: asked.flatMap(({ word }) => new Array<number>(2).fill(input.wordIds.indexOf(word))),
          ...(nSteps ? { nSteps } : { tolerance }),
          ...(onProgress && { onProgress }),
        })
  const decisions = pronouns.map(({ names: _, decisions, ...weighed }): PronounDecision => {
    if (!decisions) return { ...weighed, attributions: null }
    const [logProbability, margin] = records.splice(0, 2)
    return { ...weighed, attributions: { logProbability: logProbability!, margin: margin! } }
  })
  const { decoding } = model.config
  return { document, resolution: resolutionOf(record, document), decisions, decoding, wordIds: input.wordIds }
}

/** The records of an explained document, in the order of its text. */
export const recordsOf = ({ decisions }: ExplainedDocument): AttributionRecord[] =>
  decisions.flatMap(({ attributions }) => (attributions ? [attributions.logProbability, attributions.margin] : []))
