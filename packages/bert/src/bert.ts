/** The encoder as its users see it. */
import { OptionError, type RandomKey, type Tensor, tap, tensor } from '@antecedent/tensor'
import type { BertConfig } from './config.ts'
import { additiveMask, embed, encode, encoderDropout, Parameters, pool } from './encoder.ts'
import { type BertEncoding, type BertInput, type BertSource, toTensors } from './input.ts'
import type { WordPieceTokenizer } from './tokenizer/index.ts'

export interface ForwardOptions {
  /**
   * positions of the tokens whose output is wanted: the last layer computes no others, and `lastHiddenState` has these
   * rows, in this order, in the place of L. The same numbers for less work; default all
   */
  outputRows?: readonly number[]
  /** also return the embeddings' output and every layer's; default false */
  hiddenStates?: boolean
  /** also return the attention probabilities of every layer; default false */
  attentions?: boolean
  /** training: drops values at the settings' rates, by this key; default: nothing is dropped */
  dropout?: RandomKey
}

export interface BertOutput {
  /** `[…, L, H]`, or `[…, outputRows, H]` */
  lastHiddenState: Tensor
  /** `[…, H]`; null where the model has no pooler, or `outputRows` lacks token 0, which it reads */
  pooler: Tensor | null
  /** the embeddings' output, then each layer's: `[…, L, H]` each */
  hiddenStates?: Tensor[]
  /** per layer `[…, heads, queries, keys]` */
  attentions?: Tensor[]
}

/** A BERT encoder. Load one with `Bert.fromPretrained` of `@antecedent/bert/node`. */
export class Bert {
  readonly config: BertConfig
  /** by name in the weights' file */
  readonly parameters: Readonly<Record<string, Tensor>>
  readonly source: BertSource
  readonly #tokenizer: WordPieceTokenizer | null
  #overrides: Readonly<Record<string, Tensor>> = {}

  constructor(parts: {
    config: BertConfig
    parameters: Readonly<Record<string, Tensor>>
    tokenizer?: WordPieceTokenizer | null
    source?: BertSource
  }) {
    this.config = parts.config
    this.parameters = parts.parameters
    this.#tokenizer = parts.tokenizer ?? null
    this.source = parts.source ?? { name: 'unnamed', weightsHash: null }
  }

  /** The tokenizer of the model. @throws {OptionError} where it was loaded without a vocabulary */
  get tokenizer(): WordPieceTokenizer {
    if (this.#tokenizer) return this.#tokenizer
    throw new OptionError({
      op: 'Bert.tokenize',
      expected: 'a model with a vocabulary',
      got: `${this.source.name} without`,
    })
  }

  /** Whether the model was loaded with a vocabulary. */
  get hasTokenizer(): boolean {
    return this.#tokenizer !== null
  }

  /** `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]`, with offsets in UTF-16 code units. */
  tokenize(text: string, pair?: string): BertEncoding {
    const { tokenizer } = this
    const encoding = tokenizer.encode(text, pair === undefined ? {} : { pair })
    return { ...encoding, padId: tokenizer.specialTokens.pad, maskId: tokenizer.specialTokens.mask, model: this.source }
  }

  /**
   * Runs the encoder.
   *
   * @param input  an encoding (no batch axis: `lastHiddenState` is [L, H]), a list of encodings ([B, L, H]), or tensors
   * @throws {ShapeError} for more tokens than positions, ids outside the vocabulary, or shapes that disagree
   */
  forward(input: BertInput, options: ForwardOptions = {}): BertOutput {
    const { hiddenStates = false, attentions = false } = options
    if (!hiddenStates && !attentions) return this.#run(input, options)
    const layers = Array.from({ length: this.config.numLayers }, (_, i) => `layer.${i}`)
    const states = hiddenStates ? ['embeddings', ...layers.map((name) => `${name}.output`)] : []
    const maps = attentions ? layers.map((name) => `${name}.attention.probabilities`) : []
    const { result, recorded } = tap({ record: [...states, ...maps] }, () => this.#run(input, options))
    const values = (names: string[]) => names.map((name) => recorded[name]!)
    return {
      ...result,
      ...(hiddenStates && { hiddenStates: values(states) }),
      ...(attentions && { attentions: values(maps) }),
    }
  }

  /** Runs `f` with some parameters replaced, by name: for derivatives with respect to weights. */
  using<T>(overrides: Readonly<Record<string, Tensor>>, f: () => T): T {
    const outer = this.#overrides
    for (const name of Object.keys(overrides)) {
      if (!(name in this.parameters)) {
        const known = Object.keys(this.parameters)
        throw new OptionError({ op: 'Bert.using', expected: `a parameter (${known.join(', ')})`, got: name }, known)
      }
    }
    this.#overrides = { ...outer, ...overrides }
    try {
      return f()
    } finally {
      this.#overrides = outer
    }
  }

  #run(input: BertInput, { outputRows, dropout }: ForwardOptions): BertOutput {
    const parameters = new Parameters({ ...this.parameters, ...this.#overrides })
    const tensors = toTensors(input, this.config)
    const drops = encoderDropout(this.config, dropout)
    const embeddings = embed(parameters.at('embeddings'), this.config, tensors, drops)
    const mask = tensors.attentionMask ? additiveMask(tensors.attentionMask, embeddings) : null
    const rows = outputRows ? tensor([...outputRows], null, { dtype: 'i32', device: embeddings.device }) : null
    const lastHiddenState = encode(parameters.at('encoder'), this.config, embeddings, { mask, rows, drops })
    const first = outputRows ? outputRows.indexOf(0) : 0
    const pooled = parameters.has('pooler.dense.weight') && first >= 0
    const pooler = pooled ? pool(parameters.at('pooler'), lastHiddenState, first) : null
    return { lastHiddenState, pooler }
  }

  /** Frees the parameters. */
  dispose(): void {
    for (const parameter of Object.values(this.parameters)) parameter.dispose()
  }
}
