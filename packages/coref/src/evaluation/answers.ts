/** A model's answers to many documents. */
import { winoBiasMargins } from '../bias/margins.ts'
import type { Cluster, CorefDocument } from '../documents/document.ts'
import type { CorefModel } from '../model/model.ts'
import { resolutionOf } from '../model/resolution.ts'

/** A document with what the model makes of it. */
export interface Answer {
  readonly document: CorefDocument
  /** predicted, as spans of words; none where the model failed */
  readonly clusters: readonly Cluster[]
  /** of the questions of WinoBias, where they were asked for */
  readonly margins?: readonly (number | null)[]
  /** why there is no answer */
  readonly error?: Error
}

/**
 * Resolves documents one after the other. A document that fails has an answer with its error and without clusters, so
 * that it counts as one that nothing was found in.
 *
 * @param options.margins     also ask WinoBias's questions; default false
 * @param options.onProgress  called after each document
 */
export async function answersOf(
  model: CorefModel,
  documents: readonly CorefDocument[],
  options: { margins?: boolean; onProgress?: (done: number, total: number) => void } = {},
): Promise<Answer[]> {
  const { margins = false, onProgress } = options
  const answers: Answer[] = []
  for (const document of documents) {
    answers.push(await answerOf(model, document, margins).catch((error) => failure(document, error)))
    onProgress?.(answers.length, documents.length)
  }
  return answers
}

/** The answer of a model that failed. A fault of ours is no failure of a document. */
function failure(document: CorefDocument, error: unknown): Answer {
  if (error instanceof Error && !error.message.startsWith('internal:')) return { document, clusters: [], error }
  throw error
}

async function answerOf(model: CorefModel, document: CorefDocument, margins: boolean): Promise<Answer> {
  const { pieces } = model.read(document)
  const record = await model.score(pieces, { document, entities: false })
  const clusters = resolutionOf(record, document).clusters.map((mentions) => mentions.map(({ words }) => words))
  if (!margins) return { document, clusters }
  return { document, clusters, margins: await winoBiasMargins(model, pieces, document, record.spans.pieces) }
}
