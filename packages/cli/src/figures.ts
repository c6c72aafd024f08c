/** The paper's three figures of a text. */
import {
  type AttentionRecord,
  type AttributionRecord,
  attend,
  layerIntegratedGradients,
  padBaseline,
  reduceToken,
  tokenMaximum,
} from '@antecedent/attribution'
import type { Bert, BertEncoding } from '@antecedent/bert'
import { isPersonalPronoun } from '@antecedent/coref'

/** WinoBias, development set, type 1: the paper's example. */
export const paperSentence = 'The physician hired the secretary because he was overwhelmed with clients.'
const paperTargets = ['physician', 'he']

/** Words that are no nouns; what is left before a pronoun is offered as its possible antecedents. */
const functionWords = new Set(
  'a an the this that these those and or but because so if when while as of in on at to for with by from was were is are be been had has have did do does not who which whom'.split(
    ' ',
  ),
)

const followsDeterminer = (words: readonly string[], i: number): boolean =>
  /^(?:the|an?|my|your|our)$/.test(words[i - 1] ?? '')

/** The tokens to explain: those of the paper, or every pronoun and the nouns (by exclusion) before it. */
export function targetsOf(input: BertEncoding): number[] {
  const wordAt = (token: string, i: number) =>
    input.specialTokensMask[i] || token.startsWith('##') ? token : input.text.slice(...input.offsets[i]!).toLowerCase()
  const words = input.tokens.map(wordAt) // of the text, since a word may be [UNK] to the vocabulary
  if (input.text === paperSentence) return paperTargets.map((word) => words.indexOf(word)).filter((i) => i >= 0)
  const last = words.findLastIndex(isPersonalPronoun)
  const isNoun = (word: string) => !isPersonalPronoun(word) && !functionWords.has(word) && /^\p{L}{3,}$/u.test(word)
  return words.flatMap((word, i) =>
    isPersonalPronoun(word) || (i < last && isNoun(word) && followsDeterminer(words, i)) ? [i] : [],
  )
}

/** What figures are drawn from. */
export interface Figures {
  readonly attributions: AttributionRecord[]
  readonly attention: AttentionRecord
}

/** Attributions of some tokens' output vectors, and the attention of all. */
export async function paperFigures(
  bert: Bert,
  input: BertEncoding,
  tokens: readonly number[],
  { nSteps, onProgress }: { nSteps?: number | undefined; onProgress?: (done: number, total: number) => void },
): Promise<Figures> {
  const attributions = await layerIntegratedGradients({
    forward: (on) => {
      const { lastHiddenState } = bert.forward(on, { outputRows: [...tokens] })
      // a fixed number of points is the paper's and Captum's rule; a maximum has jumps, for which the path is cut
      return tokens.map((_, row) =>
        nSteps ? reduceToken(lastHiddenState, { token: row, reduce: 'max' }) : tokenMaximum(lastHiddenState, row),
      )
    },
    input,
    baseline: padBaseline(input),
    targetNames: tokens.map((token) => `max of the output vector of token ${token} "${input.tokens[token]}"`),
    targetTokens: tokens,
    ...(nSteps && { nSteps }),
    ...(onProgress && { onProgress }),
  })
  return { attributions, attention: await attend(bert, input) }
}
