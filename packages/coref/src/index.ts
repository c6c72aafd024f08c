/** Coarse-to-fine coreference resolution on BERT. */

export * from './bias/index.ts'
export type { Cluster, CorefDocument, Span } from './documents/document.ts'
export type { Pieces } from './documents/pieces.ts'
export * from './metrics/index.ts'
export {
  type CorefConfig,
  corefConfigToJson,
  defaultConfig,
  type HigherOrder,
  parseCorefConfig,
} from './model/config.ts'
export { decodeLinks } from './model/decode.ts'
export { CorefModel, type PassOptions } from './model/model.ts'
export { charactersOf, type Places, wordsOf } from './model/places.ts'
export type { MentionRecord, ScoreRecord } from './model/record.ts'
export { entityMatrix, linkMatrix } from './model/refine.ts'
export type { Link, Mention, Resolution } from './model/resolution.ts'
export type { PairScores, Pass, Pruned } from './model/scoring.ts'
export { type PieceFacts, type Structure, structureOf, structureOfSpans } from './model/structure.ts'
export type { Decision, Frozen, Targets } from './model/targets.ts'
export { headShapes, initialHead } from './model/weights.ts'
