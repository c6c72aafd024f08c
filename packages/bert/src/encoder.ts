/**
 * The forward pass of BERT (Devlin et al. 2019), every intermediate value at a site.
 *
 * Shapes: … any leading axes, L tokens, H hidden, A heads, d = H/A, I intermediate. A site may be replaced by a value
 * with further axes in front (points of a path, say); the rest of the pass follows.
 *
 * | site | shape |
 * |---|---|
 * | `embeddings.word`, `embeddings.position`, `embeddings.tokenType` | […, L, H], the terms of the sum |
 * | `embeddings` | […, L, H], after LayerNorm |
 * | `layer.I.attention.query`, `key`, `value` | […, A, L, d] |
 * | `layer.I.attention.scores` | […, A, L, L], scaled, mask added |
 * | `layer.I.attention.probabilities` | […, A, L, L], rows = queries |
 * | `layer.I.attention.context` | […, L, H], heads concatenated |
 * | `layer.I.attention.output` | […, L, H], after LayerNorm |
 * | `layer.I.mlp` | […, L, I], after the activation |
 * | `layer.I.output` | […, L, H], after LayerNorm |
 * | `encoder` | […, L, H], the last layer's output |
 * | `pooler` | […, H] |
 *
 * Scores and probabilities of a layer are made only where a tap names one of them: else attention is one operation. The
 * two ways agree to rounding.
 *
 * With `outputRows` the last layer's query, scores, context, mlp and outputs have those rows in the place of L.
 */
import {
  add,
  attention as attentionOf,
  cast,
  type Dropout,
  dropoutOf,
  embedding,
  expand,
  fold,
  gelu,
  geluTanh,
  indexSelect,
  inSite,
  isTapped,
  layerNorm,
  linear,
  matmul,
  mul,
  noDropout,
  type RandomKey,
  relu,
  reshape,
  scope,
  select,
  site,
  softmax,
  sub,
  swapAxes,
  type Tensor,
  tanh,
  zeros,
} from '@antecedent/tensor'
import type { ActivationName, BertConfig } from './config.ts'
import type { BertTensors } from './input.ts'

/** The parameters under a dotted prefix, as in the weights' file. */
export class Parameters {
  readonly #all: Readonly<Record<string, Tensor>>
  readonly #prefix: string

  constructor(all: Readonly<Record<string, Tensor>>, prefix = '') {
    this.#all = all
    this.#prefix = prefix
  }

  at(name: string): Parameters {
    return new Parameters(this.#all, `${this.#prefix}${name}.`)
  }

  has(name: string): boolean {
    return `${this.#prefix}${name}` in this.#all
  }

  get(name: string): Tensor {
    return this.#all[`${this.#prefix}${name}`]!
  }

  /** The affine layer of this name. */
  dense(name: string, x: Tensor): Tensor {
    return linear(x, this.get(`${name}.weight`), this.get(`${name}.bias`))
  }

  /** The layer norm under this prefix, of x or of x + residual. */
  layerNorm(x: Tensor, eps: number, residual?: Tensor): Tensor {
    return layerNorm(x, this.get('LayerNorm.weight'), this.get('LayerNorm.bias'), {
      eps,
      ...(residual && { residual }),
    })
  }
}

const activations: Record<ActivationName, (x: Tensor) => Tensor> = { gelu, gelu_new: geluTanh, relu }

/** Added to the scores of hidden keys: Google's constant, small enough that their probability is exactly 0. */
const hidden = -10000

/** 0 where a key is real, −10000 where it is hidden: `[…, 1, 1, L]`, for scores `[…, A, L, L]`. */
export function additiveMask(attentionMask: Tensor, like: Tensor): Tensor {
  const mask = cast(attentionMask, like.dtype)
  const length = mask.shape.at(-1)!
  return reshape(mul(sub(1, mask), hidden), [...mask.shape.slice(0, -1), 1, 1, length])
}

/** What training drops at random: hidden values, and attention probabilities. */
export interface EncoderDropout {
  readonly hidden: Dropout
  readonly attention: Dropout
}

/** The dropout of one pass by the settings' rates; without a key nothing is dropped. */
export const encoderDropout = (config: BertConfig, key?: RandomKey): EncoderDropout => ({
  hidden: key ? dropoutOf(config.hiddenDropoutRate, fold(key, 0)) : noDropout,
  attention: key ? dropoutOf(config.attentionDropoutRate, fold(key, 1)) : noDropout,
})

/** E = dropout(LayerNorm(W_word[ids] + W_position[positions] + W_type[types])). */
export function embed(
  p: Parameters,
  config: BertConfig,
  input: BertTensors & { positionIds: Tensor },
  { hidden: drops }: EncoderDropout,
): Tensor {
  const { inputIds, inputsEmbeds, positionIds } = input
  const words = inputsEmbeds ?? embedding(p.get('word_embeddings.weight'), inputIds!, { name: 'inputIds' })
  const lead = words.shape.slice(0, -1)
  const types = input.tokenTypeIds ?? zeros(lead, { dtype: 'i32', device: words.device })
  const sum = inSite('embeddings', () => {
    const word = site('word', words)
    const position = site(
      'position',
      expand(embedding(p.get('position_embeddings.weight'), positionIds, { name: 'positionIds' }), words.shape),
    )
    const tokenType = site(
      'tokenType',
      embedding(p.get('token_type_embeddings.weight'), types, { name: 'tokenTypeIds' }),
    )
    return add(add(word, position), tokenType)
  })
  return site('embeddings', drops.next()(p.layerNorm(sum, config.layerNormEps)))
}

/** Heads side by side: `[…, A, L, d]` as `[…, L, A d]`. */
function sideBySide(x: Tensor): Tensor {
  const heads = swapAxes(x, -2, -3) // […, L, A, d]
  const [count, width] = heads.shape.slice(-2) as [number, number]
  return reshape(heads, [...heads.shape.slice(0, -2), count * width])
}

/**
 * dropout(softmax(q kᵀ / √d + mask)) v of heads […, A, L, d], side by side; the scores at sites where a tap wants them.
 * The site of the probabilities is before dropout.
 */
function contextOf(query: Tensor, key: Tensor, value: Tensor, { mask, drops }: Pass): Tensor {
  if (drops.attention === noDropout && !isTapped('scores', 'probabilities')) {
    return attentionOf(sideBySide(query), sideBySide(key), sideBySide(value), { heads: query.shape.at(-3)!, mask })
  }
  const raw = mul(matmul(query, key, { transposeB: true }), 1 / Math.sqrt(query.shape.at(-1)!))
  const scores = site('scores', mask ? add(raw, mask) : raw)
  return sideBySide(matmul(drops.attention.next()(site('probabilities', softmax(scores))), value))
}

/** Attention of every head, then the output projection, residual and LayerNorm. */
function attention(p: Parameters, config: BertConfig, x: Tensor, pass: Pass): Tensor {
  const { rows, drops } = pass
  const { numHeads, hiddenSize, layerNormEps } = config
  const headDim = hiddenSize / numHeads
  const read = rows ? indexSelect(x, rows, -2) : x // what asks; all tokens answer
  const project = (name: 'query' | 'key' | 'value') => {
    const y = p.at('self').dense(name, name === 'query' ? read : x)
    return site(name, swapAxes(reshape(y, [...y.shape.slice(0, -1), numHeads, headDim]), -2, -3)) // […, A, L, d]
  }
  const context = site('context', contextOf(project('query'), project('key'), project('value'), pass))
  const output = p.at('output')
  const projected = drops.hidden.next()(output.dense('dense', context))
  return site('output', output.layerNorm(projected, layerNormEps, read))
}

function layer(p: Parameters, config: BertConfig, x: Tensor, pass: Pass): Tensor {
  const attended = inSite('attention', () => attention(p.at('attention'), config, x, pass))
  const mlp = site('mlp', activations[config.activation](p.at('intermediate').dense('dense', attended)))
  const output = p.at('output')
  const projected = pass.drops.hidden.next()(output.dense('dense', mlp))
  return site('output', output.layerNorm(projected, config.layerNormEps, attended))
}

/** What all layers of a pass share. */
interface Pass {
  /** of `additiveMask` */
  readonly mask: Tensor | null
  /** those of the last layer that are read, i32; all where null */
  readonly rows: Tensor | null
  readonly drops: EncoderDropout
}

/**
 * All layers; what a layer makes is freed at its end, unless a derivative or a tap holds it. Of the last layer, only the
 * rows that are read: queries, attention output and feed-forward of the others would be for nothing, while keys and
 * values need every token.
 */
export function encode(p: Parameters, config: BertConfig, embeddings: Tensor, pass: Pass): Tensor {
  let x = embeddings
  for (let i = 0; i < config.numLayers; i++) {
    const input = x
    const own = i === config.numLayers - 1 ? pass : { ...pass, rows: null }
    x = inSite(`layer.${i}`, () => scope(() => layer(p.at(`layer.${i}`), config, input, own)))
  }
  return site('encoder', x)
}

/** tanh(W x₀ + b), x₀ the first token's vector, in row `first` of x. */
export const pool = (p: Parameters, x: Tensor, first: number): Tensor =>
  site('pooler', tanh(p.dense('dense', select(x, first, -2))))
