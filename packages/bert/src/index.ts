/** The public list of `@antecedent/bert`; models on disk: `@antecedent/bert/node`. */
export { Bert, type BertOutput, type ForwardOptions } from './bert.ts'
export { type ActivationName, type BertConfig, configToJson, parseConfig } from './config.ts'
export type { BertEncoding, BertInput, BertSource, BertTensors } from './input.ts'
export {
  type Encoding,
  type SpecialTokenNames,
  type TokenizerOptions,
  tokenizerOptions,
  tokenizerOptionsToJson,
  Vocabulary,
  WordPieceTokenizer,
} from './tokenizer/index.ts'
export {
  type LoadReport,
  loadParameters,
  parameterShapes,
  plainName,
  readParameter,
  type WeightSource,
} from './weights.ts'
