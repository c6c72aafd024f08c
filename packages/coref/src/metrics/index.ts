export { type Alignment, align, type Entity } from './alignment.ts'
export { maximumAssignment } from './assignment.ts'
export type { LinkCounts } from './blanc.ts'
export { type Counts, type Fraction, f1Of, quotient, truncatedPercent, type Values, valuesOf } from './fraction.ts'
export { type MetricJson, type ScoresJson, scoresToJson, scoreTable } from './report.ts'
export {
  bootstrap,
  bootstrapMean,
  type ConllDifference,
  compareConll,
  type Estimate,
  type ResamplingOptions,
  randomisationTest,
} from './resampling.ts'
export {
  addScoreCounts,
  type Convention,
  conventions,
  countsOf,
  type MetricScore,
  metricNames,
  noCounts,
  type ScoreCounts,
  type Scores,
  scoreClusters,
  scoresOf,
} from './score.ts'
export { type FileScores, type NamedText, scoreFiles } from './scoreFiles.ts'
export { clustersOfDocument, type LocatedMention, parseScorerFile, type ScorerDocument } from './scorerFile.ts'
