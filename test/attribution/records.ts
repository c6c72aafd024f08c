/** Made-up records of the paper's sentence, of the shape and size that a real run has. No model was asked. */
import type { AttentionRecord, AttributionRecord, Provenance } from '@antecedent/attribution'

export const sentence = 'The physician hired the secretary because he was overwhelmed with clients.'
export const sentenceTokens =
  '[CLS] The physician hired the secretary because he was overwhelmed with clients . [SEP]'.split(' ')

const provenance: Provenance = {
  library: '0.1.0',
  model: 'antecedent-small',
  weightsHash: '5f1c0c6f0f0b1d7f9d4a5f8b6d7c3e2a1908f7e6d5c4b3a291807f6e5d4c3b2a',
  device: 'ref',
  dtype: 'f32',
}

/** Numbers in [0, 1) from a seed (a linear congruential generator: the same everywhere). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export function attribution(target: number, changes: Partial<AttributionRecord> = {}): AttributionRecord {
  const tokens = changes.tokens ?? sentenceTokens
  const random = randomNumbers(target + 1)
  const special = (token: string) => token === '[CLS]' || token === '[SEP]'
  const scores = tokens.map((token, i) => {
    const near = Math.exp(-Math.abs(i - target) / 2.5)
    return Math.fround(special(token) ? 0 : 0.09 * near + 0.05 * (random() - 0.42))
  })
  const norm = Math.hypot(...scores)
  const normalizedScores = scores.map((score) => score / norm)
  const sum = scores.reduce((a, b) => a + b, 0)
  const completenessError = -1.8e-5
  const fBaseline = Math.fround(0.8134)
  return {
    schema: 1,
    method: 'layerIntegratedGradients',
    target: `max of the last hidden state at token ${target} "${tokens[target]}"`,
    targetToken: target,
    text: sentence,
    tokens,
    offsets: null,
    scores,
    normalizedScores,
    attributionScore: normalizedScores.reduce((a, b) => a + b, 0),
    fx: fBaseline + sum - completenessError,
    fBaseline,
    completenessError,
    exact: false,
    sumsTo: 'F(x) − F(baseline), up to the quadrature',
    evaluations: { forward: 52, backward: 50 },
    settings: { site: 'embeddings', nSteps: 50, method: 'gausslegendre', baseline: 'pad', multiplyByInputs: true },
    warnings: [],
    provenance,
    ...changes,
  }
}

/** Heads that look at themselves, at their neighbours, at [CLS], at [SEP], and nowhere in particular. */
export function attention(tokens = sentenceTokens, layers = 6, heads = 12): AttentionRecord {
  const random = randomNumbers(7)
  const sep = tokens.length - 1
  const logit = (layer: number, head: number, query: number, key: number) => {
    const habit = (head * 5 + layer) % 6
    const aims = [key === query, key === query - 1, key === query + 1, key === 0, key === sep, false]
    const drift = key === sep ? 0.5 * layer : 0
    return (aims[habit] ? 3.2 : 0) + (key === query ? 0.8 : 0) + drift + 1.6 * random()
  }
  const row = (layer: number, head: number, query: number) => {
    const exponentials = tokens.map((_, key) => Math.exp(logit(layer, head, query, key)))
    const total = exponentials.reduce((a, b) => a + b, 0)
    return exponentials.map((e) => Math.fround(e / total))
  }
  const range = (n: number) => Array.from({ length: n }, (_, i) => i)
  const attentions = range(layers).map((l) => range(heads).map((h) => tokens.map((_, i) => row(l, h, i))))
  const norms = attentions.map((layer) =>
    tokens.map((_, i) => tokens.map((_, j) => Math.fround(Math.hypot(...layer.map((head) => head[i]![j]!))))),
  )
  return { schema: 1, text: sentence, tokens, attentions, norms, provenance }
}
