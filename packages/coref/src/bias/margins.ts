/** How much stronger a pronoun is tied to one mention than to another, whatever the model links it to. */

import { dispose } from '@antecedent/tensor'
import type { CorefDocument, Span } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import type { CorefModel } from '../model/model.ts'
import { structureOfSpans } from '../model/structure.ts'
import { winoBiasQuestions } from './winoBias.ts'

const specialSpeaker = 1

/** The pieces of a span of words, `[CLS]` and `[SEP]` left out; null where there are none. */
function piecesOfWords({ subtokenMap, speakerIds }: Pieces, [start, end]: Span): Span | null {
  const inside = (word: number, t: number) => word >= start && word < end && speakerIds[t] !== specialSpeaker
  const first = subtokenMap.findIndex(inside)
  return first < 0 ? null : [first, subtokenMap.findLastIndex(inside) + 1]
}

/**
 * For each question of a WinoBias sentence, s(pronoun, occupation) − s(pronoun, distractor), s being the final score of
 * the pair. Besides the spans that the model keeps, these three are scored whether it keeps them or not, and every
 * earlier span is an antecedent.
 *
 * @param kept  the spans of pieces that pruning kept, as in `score(pieces).spans.pieces`
 * @returns     null for a question without distractor or of words without pieces
 */
export async function winoBiasMargins(
  model: CorefModel,
  pieces: Pieces,
  document: CorefDocument,
  kept: readonly Span[],
): Promise<(number | null)[]> {
  const questions = winoBiasQuestions(document).map(({ pronoun, occupation, distractor }) => {
    const spans = [pronoun, occupation, distractor].map((span) => span && piecesOfWords(pieces, span))
    return spans.every((span) => span !== null) ? (spans as [Span, Span, Span]) : null
  })
  const asked = questions.flatMap((spans) => spans ?? [])
  if (asked.length === 0) return questions.map(() => null)
  const structure = structureOfSpans(model.config, pieces, [...kept, ...asked])
  const tokens = model.encode(pieces)
  const scores = await model.scores(tokens, structure)
  const final = await scores.final.data()
  dispose([tokens, scores])
  const rankOf = (span: Span) =>
    structure.starts.findIndex((start, i) => start === span[0] && structure.ends[i] === span[1])
  const score = (a: Span, b: Span) => {
    const [earlier, later] = [rankOf(a), rankOf(b)].sort((i, j) => i - j) as [number, number]
    return final[later * (1 + structure.width) + 1 + earlier]! // column j is the antecedent of rank j
  }
  return questions.map((spans) => spans && score(spans[0], spans[1]) - score(spans[0], spans[2]))
}
