/** MUC (Vilain et al. 1995): links. */
import type { Entity } from './alignment.ts'
import type { Fraction } from './fraction.ts'

/**
 * Recall, or precision where the entities are those of the response: Σ (|K| − parts of K) / Σ (|K| − 1). The parts of K
 * are its intersections with entities of the other side, and each mention that the other side has not.
 */
export function muc(entities: readonly Entity[]): Fraction {
  let numerator = 0
  let denominator = 0
  for (const { size, found, shared } of entities) {
    const parts = shared.size + (size - found)
    numerator += size - parts
    denominator += size - 1
  }
  return { numerator, denominator }
}
