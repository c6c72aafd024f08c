/** Coarse-to-fine coreference resolution on BERT. */

export * from './bias/index.ts'
export { readConll, readLitbank, withMentions, writeConll, writeLitbank } from './documents/conll.ts'
export { readConllu, writeConllu } from './documents/conllu.ts'
export {
  type Cluster,
  type CorefDocument,
  documentKey,
  mergeClusters,
  type Span,
  withoutSingletons,
} from './documents/document.ts'
export { type DocumentFormat, documentFormats, formatOf, isDocumentFile, readDocuments } from './documents/formats.ts'
export { type GapExample, readGap, writeGap } from './documents/gap.ts'
export {
  documentOfSegmented,
  piecesOfSegmented,
  readJsonlines,
  type SegmentedDocument,
  segmentedDocument,
  writeJsonlines,
} from './documents/jsonlines.ts'
export type { ReadOptions } from './documents/lines.ts'
export type { Pieces } from './documents/pieces.ts'
export { type SegmentOptions, segmentDocument, someSegments } from './documents/segment.ts'
export { readText, sentenceSpans, wordSpans, wordsAt } from './documents/text.ts'
export { readWinoBias, writeWinoBias } from './documents/winobias.ts'
export * from './evaluation/index.ts'
export * from './metrics/index.ts'
export { type Choice, choicesOf, type Pronoun, pronounsOf } from './model/choices.ts'
export {
  type CorefConfig,
  corefConfigToJson,
  type Decoding,
  defaultConfig,
  type HigherOrder,
  ontonotesGenres,
  parseCorefConfig,
} from './model/config.ts'
export { decodeLinks } from './model/decode.ts'
export { CorefModel, type LossOptions, type PassOptions, type Readable } from './model/model.ts'
export { charactersOf, type Places, wordsOf } from './model/places.ts'
export type { MentionRecord, ScoreRecord } from './model/record.ts'
export { entityMatrix, linkMatrix } from './model/refine.ts'
export { type Link, type Mention, mentionOf, type Resolution, resolutionOf } from './model/resolution.ts'
export type { PairScores, Pass, Pruned } from './model/scoring.ts'
export { type StringMatch, stringMatches } from './model/stringMatch.ts'
export { type PieceFacts, type Structure, structureOf, structureOfSpans } from './model/structure.ts'
export type { Decision, Frozen, Targets } from './model/targets.ts'
export { headShapes, initialHead, withIdentity, withValuesOf } from './model/weights.ts'
export { Course, type CourseOptions, type Lesson } from './training/course.ts'
export { type CurvePoints, trainingCurve } from './training/curve.ts'
export {
  type DevelopmentScores,
  type DocumentSets,
  developmentScores,
  withOffset,
} from './training/development.ts'
export { type ParameterGroup, type Part, parameterGroups } from './training/groups.ts'
export { meanOfModels } from './training/mean.ts'
export { type Names, namesOf, renamed } from './training/names.ts'
export {
  defaultTraining,
  parseTraining,
  type TrainingSettings,
  trainingNames,
  trainingToJson,
} from './training/settings.ts'
export {
  DivergenceError,
  disposeState,
  type Example,
  Trainer,
  type TrainingState,
  type UpdateReport,
} from './training/trainer.ts'
