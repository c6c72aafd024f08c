/** Models, documents and trainings on disk. */
export { documentFiles, readDocumentFile, readTextFile } from './files.ts'
export type { TrainEvent } from './metrics.ts'
export { CorefModel, isCorefModel } from './model.ts'
export { type TrainOptions, type TrainSummary, train } from './train.ts'
export { type PlanDocuments, readPlanDocuments, readTrainingPlan, type TrainingPlan } from './trainingPlan.ts'
export { type TrainingRecord, trainingRecord } from './trainingRecord.ts'
