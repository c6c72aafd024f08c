/** CEAF (Luo 2005): entities aligned one to one. */
import type { Entity } from './alignment.ts'
import { maximumAssignment } from './assignment.ts'
import type { Counts } from './fraction.ts'

const mentionsOf = (entities: readonly Entity[]): number => entities.reduce((sum, { size }) => sum + size, 0)

/** The largest sum of similarities that a one-to-one alignment has. Entities that share no mention add nothing. */
function bestSimilarity(
  key: readonly Entity[],
  response: readonly Entity[],
  similarity: (shared: number, sizes: number) => number,
): number {
  const columns = response.filter(({ shared }) => shared.size > 0)
  const weights = key
    .filter(({ shared }) => shared.size > 0)
    .map(({ size, shared }) =>
      Float64Array.from(columns, (other) => similarity(shared.get(other) ?? 0, size + other.size)),
    )
  let sum = 0
  for (const [i, j] of maximumAssignment(weights).entries()) if (j >= 0) sum += weights[i]![j]!
  return sum
}

/** CEAFm: φ₃ = |K ∩ R|, over the number of mentions. */
export function ceafm(key: readonly Entity[], response: readonly Entity[]): Counts {
  const numerator = bestSimilarity(key, response, (shared) => shared)
  return {
    recall: { numerator, denominator: mentionsOf(key) },
    precision: { numerator, denominator: mentionsOf(response) },
  }
}

/**
 * CEAFe: φ₄ = 2 |K ∩ R| / (|K| + |R|), over the number of entities.
 *
 * @param options.responseSingletons  whether entities of one mention count in the response; default true
 */
export function ceafe(key: readonly Entity[], response: readonly Entity[], { responseSingletons = true } = {}): Counts {
  const counted = responseSingletons ? response : response.filter(({ size }) => size > 1)
  const numerator = bestSimilarity(key, counted, (shared, sizes) => (2 * shared) / sizes)
  return {
    recall: { numerator, denominator: key.length },
    precision: { numerator, denominator: counted.length },
  }
}
