export { type Answer, answersOf } from './answers.ts'
export {
  type EvaluateOptions,
  type Evaluation,
  type EvaluationData,
  evaluate,
  type WinoBiasEvaluation,
} from './evaluate.ts'
export { evaluationTable, evaluationToJson } from './report.ts'
