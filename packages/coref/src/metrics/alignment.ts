/** Which mentions the key and the response share. Two mentions are the same where their spans are equal. */
import type { Cluster, Span } from '../documents/document.ts'

/** An entity of one side, seen from the other. */
export interface Entity {
  /** number of its mentions */
  readonly size: number
  /** how many of them the other side has, in whatever entity */
  readonly found: number
  /** the entities of the other side that have mentions of it, with their number */
  readonly shared: ReadonlyMap<Entity, number>
}

/** A document's entities on both sides. Entities without mentions are left out. */
export interface Alignment {
  readonly key: readonly Entity[]
  readonly response: readonly Entity[]
  /** number of different mentions that both sides have */
  readonly common: number
  /** mentions that were taken out of the response, since an earlier entity or place of it had the same one */
  readonly repeated: readonly { readonly cluster: number; readonly span: Span }[]
  /** mentions that the key has more than once */
  readonly repeatedInKey: readonly { readonly cluster: number; readonly span: Span }[]
}

/** An entity whose counts are being taken. */
class Counted implements Entity {
  size = 0
  found = 0
  readonly shared = new Map<Entity, number>()

  share(other: Entity): void {
    this.shared.set(other, (this.shared.get(other) ?? 0) + 1)
  }
}

const nameOf = ([start, end]: Span): string => `${start}-${end}`

/**
 * Aligns the entities of a document by the official scorer's rules: of a mention that the key has, the response keeps
 * the first copy, in the order of its entities; copies of other mentions stay. A mention that the key repeats is found
 * in each of its entities, and belongs to the first of them where the response is judged.
 *
 * @param key       clusters of spans
 * @param response  the same, in the unit of the key
 */
export function align(key: readonly Cluster[], response: readonly Cluster[]): Alignment {
  const owners = new Map<string, Counted[]>()
  const repeatedInKey: { cluster: number; span: Span }[] = []
  const keyEntities = key.map((mentions, cluster) => {
    const entity = new Counted()
    for (const span of mentions) {
      entity.size++
      const own = owners.get(nameOf(span))
      if (!own) owners.set(nameOf(span), [entity])
      else {
        repeatedInKey.push({ cluster, span })
        if (!own.includes(entity)) own.push(entity)
      }
    }
    return entity
  })
  const taken = new Set<string>()
  const repeated: { cluster: number; span: Span }[] = []
  const responseEntities = response.map((mentions, cluster) => {
    const entity = new Counted()
    for (const span of mentions) {
      const own = owners.get(nameOf(span))
      if (own && taken.has(nameOf(span))) {
        repeated.push({ cluster, span })
        continue
      }
      entity.size++
      if (!own) continue
      taken.add(nameOf(span))
      entity.found++
      entity.share(own[0]!)
      for (const owner of own) {
        owner.found++
        owner.share(entity)
      }
    }
    return entity
  })
  const filled = (entities: Counted[]) => entities.filter(({ size }) => size > 0)
  return {
    key: filled(keyEntities),
    response: filled(responseEntities),
    common: taken.size,
    repeated,
    repeatedInKey,
  }
}
