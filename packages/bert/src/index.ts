export {
  type Encoding,
  type SpecialTokenNames,
  type TokenizerOptions,
  tokenizerOptions,
  Vocabulary,
  VocabularyError,
  WordPieceTokenizer,
} from './tokenizer/index.ts'
