/** Attention of a text, and its L2 norm over the heads. */
import type { Bert, BertEncoding } from '@antecedent/bert'
import { norm, scope, type Tensor } from '@antecedent/tensor'
import { provenanceOf } from './provenance.ts'
import type { AttentionRecord } from './record.ts'

/** N = √Σₕ A², over the heads of one layer: `[…, heads, L, L]` to `[…, L, L]`; in [0, √heads], not a probability. */
export const headNorm = (attention: Tensor): Tensor => norm(attention, -3)

/** Runs the model on one text and reads the attention probabilities of all layers. */
export async function attend(bert: Bert, input: BertEncoding): Promise<AttentionRecord> {
  const { maps, norms } = scope(() => {
    const maps = bert.forward(input, { attentions: true }).attentions!
    return { maps, norms: maps.map(headNorm) }
  })
  try {
    return {
      schema: 1,
      text: input.text,
      tokens: input.tokens,
      attentions: (await Promise.all(maps.map((x) => x.nested()))) as number[][][][],
      norms: (await Promise.all(norms.map((x) => x.nested()))) as number[][][],
      provenance: provenanceOf(input.model, maps[0]?.dtype ?? 'f32'),
    }
  } finally {
    for (const x of [...maps, ...norms]) x.dispose()
  }
}
