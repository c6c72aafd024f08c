/** Attention of a text, and its L2 norm over the heads. */
import type { Bert, BertEncoding } from '@antecedent/bert'
import { device, norm, scope, type Tensor } from '@antecedent/tensor'
import type { AttentionRecord } from './record.ts'
import { version } from './version.ts'

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
      attentions: maps.map((x) => x.toArray() as number[][][]),
      norms: norms.map((x) => x.toArray() as number[][]),
      provenance: {
        library: version,
        model: input.model.name,
        weightsHash: input.model.weightsHash,
        device: device().description,
        dtype: maps[0]?.dtype === 'f64' ? 'f64' : 'f32',
      },
    }
  } finally {
    for (const x of [...maps, ...norms]) x.dispose()
  }
}
