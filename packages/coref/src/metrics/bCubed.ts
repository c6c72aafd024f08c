/** B³ (Bagga and Baldwin 1998): for each mention, how much of its entity is shared. */
import type { Entity } from './alignment.ts'
import type { Fraction } from './fraction.ts'

/**
 * Recall, or precision where the entities are those of the response: Σ_K Σ_R |K ∩ R|² / |K|, over the number of
 * mentions.
 *
 * @param options.singletons  whether entities of one mention count, on either side; default true
 */
export function bCubed(entities: readonly Entity[], { singletons = true } = {}): Fraction {
  const counts = ({ size }: Entity) => singletons || size > 1
  let numerator = 0
  let denominator = 0
  for (const entity of entities) {
    if (!counts(entity)) continue
    let squares = 0
    for (const [other, shared] of entity.shared) if (counts(other)) squares += shared ** 2
    numerator += squares / entity.size
    denominator += entity.size
  }
  return { numerator, denominator }
}
