/** What a model weighed before it linked a mention. */
import { isPersonalPronoun } from '../bias/words.ts'
import type { CorefDocument } from '../documents/document.ts'
import type { ScoreRecord } from './record.ts'
import type { StringMatch } from './stringMatch.ts'

/** A possible antecedent of a span, or that there is none. */
export interface Choice {
  /** rank among the kept spans; null: no antecedent */
  readonly antecedent: number | null
  /** final score; 0 for no antecedent */
  readonly score: number
  readonly probability: number
  /** what it has in common with the span as a string; null for none, and where the settings do not ask for it */
  readonly stringMatch: StringMatch | null
}

/**
 * What the span of a rank could be linked to: first what the model links it to, then the highest score first. Where
 * entities decide, the first need not have the highest score, nor even one above that of no antecedent, 0: the mentions
 * of its entity have most together. A span without earlier ones has one choice, no antecedent.
 */
export function choicesOf(
  record: Pick<ScoreRecord, 'antecedents' | 'scores' | 'distribution' | 'links'> & {
    readonly features: Pick<ScoreRecord['features'], 'stringMatch'>
  },
  rank: number,
): Choice[] {
  const [scores, distribution] = [record.scores[rank]!, record.distribution[rank]!]
  const matches = record.features.stringMatch?.[rank]
  const choices = [null, ...record.antecedents[rank]!].map(
    (antecedent, i): Choice => ({
      antecedent,
      score: scores[i]!,
      probability: distribution[i]!,
      stringMatch: matches?.[i - 1] ?? null,
    }),
  )
  const link = record.links[rank]!
  const taken = ({ antecedent }: Choice) => Number((antecedent ?? -1) === link)
  return choices.sort((a, b) => taken(b) - taken(a) || b.score - a.score)
}

/** A pronoun of a document. */
export interface Pronoun {
  /** index of the word */
  readonly word: number
  /** rank of its span among those that pruning kept; null where it kept none that is this word alone */
  readonly rank: number | null
}

/** The personal pronouns of a document, and the kept spans that they are. */
export function pronounsOf({ spans }: Pick<ScoreRecord, 'spans'>, { words }: CorefDocument): Pronoun[] {
  const width = (rank: number) => spans.pieces[rank]![1] - spans.pieces[rank]![0]
  return words.flatMap((text, word): Pronoun[] => {
    if (!isPersonalPronoun(text)) return []
    // a span that reaches into [CLS] or [SEP] has the same words: the shortest is the pronoun itself
    const [rank = null] = spans.words
      .flatMap(([start, end], i) => (start === word && end === word + 1 ? [i] : []))
      .sort((a, b) => width(a) - width(b))
    return [{ word, rank }]
  })
}
