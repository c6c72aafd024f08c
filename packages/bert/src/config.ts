/** `config.json`: Hugging Face's names at the file, camelCase inside. */
import { FormatError } from 'safetensors-ts'

export const activationNames = ['gelu', 'gelu_new', 'relu'] as const
export type ActivationName = (typeof activationNames)[number]

/** The sizes of an encoder. */
export interface BertConfig {
  vocabSize: number
  hiddenSize: number
  numLayers: number
  numHeads: number
  intermediateSize: number
  maxPositions: number
  typeVocabSize: number
  /** `gelu` is the exact one, `gelu_new` its tanh approximation */
  activation: ActivationName
  layerNormEps: number
  /** share of values that training drops of the embeddings and of each sublayer's output */
  hiddenDropoutRate: number
  /** share of attention probabilities that training drops */
  attentionDropoutRate: number
  padTokenId: number
}

/**
 * Reads the parsed `config.json` of a BERT model.
 *
 * @param json  the parsed file
 * @param file  its name, for errors
 * @throws {FormatError} where a size is missing or senseless, or the model is of a kind that this encoder is not
 */
export function parseConfig(json: unknown, file = 'config.json'): BertConfig {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new FormatError({ file, expected: 'a JSON object', got: Array.isArray(json) ? 'a list' : String(json) })
  }
  const fields = json as Record<string, unknown>
  const number = (key: string, fallback: number | undefined, expected: string, fits: (n: number) => boolean) => {
    const value = fields[key] ?? fallback
    if (typeof value === 'number' && fits(value)) return value
    throw new FormatError({ file, key, expected, got: JSON.stringify(value) ?? 'nothing' })
  }
  const whole = (key: string, fallback?: number, least = 1): number =>
    number(key, fallback, `a whole number of at least ${least}`, (n) => Number.isSafeInteger(n) && n >= least)
  const oneOf = <T extends string>(key: string, known: readonly T[], fallback: T): T => {
    const value = fields[key] ?? fallback
    const found = known.find((name) => name === value)
    if (found !== undefined) return found
    throw new FormatError({ file, key, expected: `one of ${known.join(', ')}`, got: JSON.stringify(value) })
  }
  const rate = (key: string) => number(key, 0.1, 'a number in [0, 1)', (n) => n >= 0 && n < 1)
  oneOf('model_type', ['bert'], 'bert')
  oneOf('position_embedding_type', ['absolute'], 'absolute')
  const config: BertConfig = {
    vocabSize: whole('vocab_size'),
    hiddenSize: whole('hidden_size'),
    numLayers: whole('num_hidden_layers'),
    numHeads: whole('num_attention_heads'),
    intermediateSize: whole('intermediate_size'),
    maxPositions: whole('max_position_embeddings'),
    typeVocabSize: whole('type_vocab_size', 2),
    activation: oneOf('hidden_act', activationNames, 'gelu'),
    layerNormEps: number('layer_norm_eps', 1e-12, 'a number of at least 0', (n) => n >= 0),
    hiddenDropoutRate: rate('hidden_dropout_prob'),
    attentionDropoutRate: rate('attention_probs_dropout_prob'),
    padTokenId: whole('pad_token_id', 0, 0),
  }
  if (config.hiddenSize % config.numHeads !== 0) {
    throw new FormatError({
      file,
      key: 'num_attention_heads',
      expected: `a divisor of hidden_size ${config.hiddenSize}`,
      got: String(config.numHeads),
    })
  }
  return config
}

/** The sizes under Hugging Face's names, as `parseConfig` reads them. */
export const configToJson = (config: BertConfig): Record<string, unknown> => ({
  model_type: 'bert',
  vocab_size: config.vocabSize,
  hidden_size: config.hiddenSize,
  num_hidden_layers: config.numLayers,
  num_attention_heads: config.numHeads,
  intermediate_size: config.intermediateSize,
  max_position_embeddings: config.maxPositions,
  type_vocab_size: config.typeVocabSize,
  hidden_act: config.activation,
  layer_norm_eps: config.layerNormEps,
  hidden_dropout_prob: config.hiddenDropoutRate,
  attention_probs_dropout_prob: config.attentionDropoutRate,
  pad_token_id: config.padTokenId,
})
