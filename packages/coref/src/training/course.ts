/** Which document each pass of a training sees, and which part of it. Follows from the seed and the pass alone. */
import { fold, type RandomKey } from '@antecedent/tensor'
import type { Pieces } from '../documents/pieces.ts'
import { someSegments } from '../documents/segment.ts'
import { keyFor, unit } from './keys.ts'
import { type Names, renamed } from './names.ts'
import type { TrainingSettings } from './settings.ts'

/** A document's pieces with some of its words as `[MASK]`, each with a probability of `share`. */
export function masked(pieces: Pieces, share: number, { mask, key }: { mask: number; key: RandomKey }): Pieces {
  if (share === 0) return pieces
  let at = 0
  const segments = pieces.segments.map((segment) =>
    segment.map((id, i) => {
      const word = pieces.subtokenMap[at++]!
      const isSpecial = i === 0 || i === segment.length - 1
      return !isSpecial && unit(fold(key, word)) < share ? mask : id
    }),
  )
  return { ...pieces, segments }
}

/** One pass. */
export interface Lesson {
  /** index of the document */
  readonly document: number
  /** the part of it that the pass sees */
  readonly pieces: Pieces
  /** for the dropout of the pass */
  readonly dropout: RandomKey
}

/** What passes need besides documents and settings. */
export interface CourseOptions {
  /** a longer document is cut to a random window of so many segments in a row, anew in each pass */
  readonly mostSegments: number
  /** the vocabulary's number of `[MASK]` */
  readonly mask: number
  /** what `renaming` exchanges names for */
  readonly names: Names
}

/** The passes of a training. */
export class Course {
  readonly #documents: readonly Pieces[]
  readonly #settings: TrainingSettings
  readonly #options: CourseOptions
  #order: { epoch: number; documents: readonly number[] } | null = null

  constructor(documents: readonly Pieces[], settings: TrainingSettings, options: CourseOptions) {
    this.#documents = documents
    this.#settings = settings
    this.#options = options
  }

  /** Updates in all. */
  get updates(): number {
    const { epochs, gradientAccumulation } = this.#settings
    return Math.floor((this.#documents.length * epochs) / gradientAccumulation)
  }

  /** Every epoch sees each document once, in an order of its own. */
  #orderOf(epoch: number): readonly number[] {
    if (this.#order?.epoch !== epoch) {
      const key = fold(keyFor(this.#settings.seed, 'order'), epoch)
      const ranked = this.#documents.map((_, i) => ({ i, rank: unit(fold(key, i)) }))
      this.#order = { epoch, documents: ranked.sort((a, b) => a.rank - b.rank).map(({ i }) => i) }
    }
    return this.#order.documents
  }

  /** Pass `n`, counted from 0. */
  lesson(n: number): Lesson {
    const { seed, genreDropout, wordMasking, renaming } = this.#settings
    const { mostSegments, mask, names } = this.#options
    const count = this.#documents.length
    const document = this.#orderOf(Math.floor(n / count))[n % count]!
    const whole = this.#documents[document]!
    const room = whole.segments.length - mostSegments
    const first = room > 0 ? Math.floor(unit(fold(keyFor(seed, 'window'), n)) * (room + 1)) : 0
    const part = room > 0 ? someSegments(whole, first, mostSegments) : whole
    const called = renamed(part, names, renaming, fold(keyFor(seed, 'names'), n))
    const shown = masked(called, wordMasking, { mask, key: fold(keyFor(seed, 'mask'), n) })
    const isHidden = unit(fold(keyFor(seed, 'genre'), n)) < genreDropout
    return {
      document,
      pieces: isHidden ? { ...shown, genre: 0 } : shown,
      dropout: fold(keyFor(seed, 'dropout'), n),
    }
  }
}
