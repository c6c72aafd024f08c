/** Where records come from. */
import { device } from '@antecedent/tensor'
import type { Provenance } from './record.ts'
import { version } from './version.ts'

/** The provenance of what was just computed, by a model or, without a name, by a plain function. */
export function provenanceOf(
  { name, weightsHash }: { name: string | null; weightsHash: string | null },
  dtype: string,
): Provenance {
  const { description, pipelines } = device()
  return {
    library: version,
    model: name,
    weightsHash,
    device: description,
    ...(pipelines && { pipelines: [...pipelines] }),
    dtype: dtype === 'f64' ? 'f64' : 'f32',
  }
}
