/** LEA (Moosavi and Strube 2016): links of entities, weighted by size. */
import type { Entity } from './alignment.ts'
import { type Fraction, pairsOf } from './fraction.ts'

/**
 * Recall, or precision where the entities are those of the response: Σ |K| · (links of K found) / link(K), over Σ |K|,
 * with link(K) = |K| (|K| − 1) / 2. An entity of one mention has one link, to itself; it is found where the other side
 * has the mention as an entity of one, too.
 *
 * @param options.singletons  whether entities of one mention count; default true
 */
export function lea(entities: readonly Entity[], { singletons = true } = {}): Fraction {
  let numerator = 0
  let denominator = 0
  for (const { size, shared } of entities) {
    if (size === 1) {
      if (!singletons) continue
      const [other] = shared.keys()
      numerator += other?.size === 1 ? 1 : 0
    } else {
      let links = 0
      for (const together of shared.values()) links += pairsOf(together)
      numerator += (size * links) / pairsOf(size)
    }
    denominator += size
  }
  return { numerator, denominator }
}
