/** BLANC (Recasens and Hovy 2011, as extended to system mentions by Luo et al. 2014): links and their absence. */
import type { Alignment, Entity } from './alignment.ts'
import { type Counts, pairsOf, type Values, valuesOf } from './fraction.ts'

/** Pairs of mentions inside an entity, and pairs across entities. */
export interface LinkCounts {
  readonly coreference: Counts
  readonly nonCoreference: Counts
}

const sum = <T>(list: Iterable<T>, term: (item: T) => number): number => {
  let total = 0
  for (const item of list) total += term(item)
  return total
}

/** Links of both kinds that key and response have, and that both have. */
export function blancLinks({ key, response, common }: Alignment): LinkCounts {
  const inside = (entities: readonly Entity[]) => sum(entities, ({ size }) => pairsOf(size))
  const across = (entities: readonly Entity[]) => pairsOf(sum(entities, ({ size }) => size)) - inside(entities)
  const together = sum(response, ({ shared }) => sum(shared.values(), pairsOf))
  // pairs of common mentions, less those that are together in the key, in the response, or (subtracted twice) in both
  const owned = new Map<Entity, number>() // common mentions by the entity of the key that they belong to
  for (const { shared } of response) for (const [k, n] of shared) owned.set(k, (owned.get(k) ?? 0) + n)
  const apart = pairsOf(common) - sum(owned.values(), pairsOf) - sum(response, ({ found }) => pairsOf(found)) + together
  const counts = (numerator: number, of: (entities: readonly Entity[]) => number): Counts => ({
    recall: { numerator, denominator: of(key) },
    precision: { numerator, denominator: of(response) },
  })
  return { coreference: counts(together, inside), nonCoreference: counts(apart, across) }
}

/**
 * The means of both kinds of links: of recall, of precision, and of F₁ (not F₁ of the means). Where the key has links of
 * one kind alone, that kind's values.
 */
export function blancValues({ coreference, nonCoreference }: LinkCounts): Values {
  const c = valuesOf(coreference)
  const n = valuesOf(nonCoreference)
  if (coreference.recall.denominator === 0 && nonCoreference.recall.denominator === 0)
    return { recall: 0, precision: 0, f1: 0 }
  if (coreference.recall.denominator === 0) return n
  if (nonCoreference.recall.denominator === 0) return c
  return {
    recall: (c.recall + n.recall) / 2,
    precision: (c.precision + n.precision) / 2,
    f1: (c.f1 + n.f1) / 2,
  }
}
