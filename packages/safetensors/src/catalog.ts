import type { TensorInfo } from './dtype.ts'
import { FormatError, quote } from './errors.ts'

/** The names, shapes and metadata of a file or of a set of shards. */
export class Catalog {
  /** The file, as the caller named it. */
  readonly file: string | undefined
  /** `__metadata__`, or `{}` where there is none. */
  readonly metadata: Readonly<Record<string, string>>
  readonly #infos: ReadonlyMap<string, TensorInfo>

  constructor(
    file: string | undefined,
    infos: ReadonlyMap<string, TensorInfo>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.file = file
    this.#infos = infos
    this.metadata = metadata
  }

  /** Names of all tensors, in the order of the header. */
  get names(): string[] {
    return [...this.#infos.keys()]
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.#infos.has(name)
  }

  /**
   * Dtype, shape and place of a tensor, without reading it.
   *
   * @throws {FormatError} if there is none of this name; the message lists those there are, the most similar first
   */
  info(name: string): TensorInfo {
    const info = this.#infos.get(name)
    if (info) return info
    const names = this.names
    const shown = nearest(name, names, 8).map(quote).join(', ')
    const more = names.length > 8 ? `, … ${names.length} in all` : ''
    const expected = names.length === 0 ? 'a file that holds tensors' : `one of ${shown}${more}`
    throw new FormatError({ file: this.file, tensor: name, expected, got: 'a name that is not in the file' })
  }
}

/** The `count` names that share the longest beginning and end with `name`. */
function nearest(name: string, names: readonly string[], count: number): string[] {
  const similarity = (other: string): number => {
    const shorter = Math.min(name.length, other.length)
    let head = 0
    while (head < shorter && name[head] === other[head]) head++
    let tail = 0
    while (tail < shorter - head && name.at(-1 - tail) === other.at(-1 - tail)) tail++
    return head + tail
  }
  const scored = names.map((other) => ({ other, score: similarity(other) }))
  scored.sort((a, b) => b.score - a.score)
  return scored.slice(0, count).map(({ other }) => other)
}
