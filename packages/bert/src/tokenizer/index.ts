export type { Encoding } from './encoding.ts'
export { type SpecialTokenNames, type TokenizerOptions, tokenizerOptions, tokenizerOptionsToJson } from './options.ts'
export { WordPieceTokenizer } from './tokenizer.ts'
export { Vocabulary } from './vocabulary.ts'
