/** The discrete structure of a document: everything that a derivative holds fixed. */
import { OptionError } from '@antecedent/tensor'
import type { Span } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import type { CorefConfig } from './config.ts'
import type { Spans } from './spans.ts'
import { type Matcher, stringMatcher } from './stringMatch.ts'

/** The spans and pairs that are scored, and what is known of them besides vectors. Ranks count kept spans from 0. */
export interface Structure extends Spans {
  /** c, antecedents of each span at most */
  readonly width: number
  /** ranks of antecedents `[k, c]`, best coarse score first; −1 where there is no further one */
  readonly antecedents: Int32Array
  /** how many kept spans an antecedent lies before its span `[k, c]`; −1 where there is none */
  readonly offsets: Int32Array
  /** whether first pieces have the same speaker `[k, c]`; 0 where there is no antecedent */
  readonly sameSpeaker: Uint8Array
  /** segments between the first pieces `[k, c]`, cut to what the model knows; −1 where there is no antecedent */
  readonly segmentDistance: Int32Array
  /** rows of `stringMatches` `[k, c]`; 0 where there is no antecedent; null where the settings do not ask for them */
  readonly stringMatch: Uint8Array | null
  /** index of the genre in the model's list */
  readonly genre: number
  /**
   * what refinements and merging chose, in the order in which they did; null: they choose by the scores as they are.
   * Filled in by scoring, and then fixed
   */
  readonly choices: readonly Int32Array[] | null
}

/** What a structure reads of a document. */
export type PieceFacts = Pick<Pieces, 'segments' | 'overlap' | 'subtokenMap' | 'speakerIds' | 'segmentMap' | 'genre'>

/** What two of the spans have in common as strings; null where the settings do not ask. */
export const matcherFor = (config: CorefConfig, facts: PieceFacts, spans: Spans): Matcher | null =>
  config.useStringMatch ? stringMatcher(facts, spans) : null

/**
 * A structure of given spans and antecedents.
 *
 * @param spans        k half-open spans of pieces, by start, then end
 * @param antecedents  `[k, c]` ranks, −1 for none
 * @param offsets      distances in kept spans, where they are not those of the ranks
 */
export function structureOf(
  config: CorefConfig,
  facts: PieceFacts,
  spans: Spans,
  antecedents: Int32Array,
  offsets?: Int32Array,
): Structure {
  const k = spans.starts.length
  const width = k === 0 ? 0 : antecedents.length / k
  const pairs = <A extends Int32Array | Uint8Array>(list: A, none: number, value: (i: number, j: number) => number) => {
    for (const [at, j] of antecedents.entries()) list[at] = j < 0 ? none : value(Math.floor(at / width), j)
    return list
  }
  const first = (list: readonly number[], rank: number) => list[spans.starts[rank]!]!
  const { speakerIds, segmentMap, genre } = facts
  const farthest = config.maxTrainingSegments - 1
  const match = matcherFor(config, facts, spans)
  return {
    starts: spans.starts,
    ends: spans.ends,
    width,
    antecedents,
    offsets: offsets ?? pairs(new Int32Array(antecedents.length), -1, (i, j) => i - j),
    sameSpeaker: pairs(new Uint8Array(antecedents.length), 0, (i, j) =>
      Number(first(speakerIds, i) === first(speakerIds, j)),
    ),
    segmentDistance: pairs(new Int32Array(antecedents.length), -1, (i, j) =>
      Math.min(Math.max(first(segmentMap, i) - first(segmentMap, j), 0), farthest),
    ),
    stringMatch: match && pairs(new Uint8Array(antecedents.length), 0, match),
    genre,
    choices: null,
  }
}

/**
 * The structure of some spans, chosen by hand and not by scores: each may have every earlier one as antecedent.
 *
 * @param spans    half-open spans of pieces, in any order; equal ones count once
 * @param offsets  distance in kept spans between a span and an antecedent, by their places among the sorted spans;
 *   default the difference of the places
 * @throws {OptionError} where a span is empty or reaches beyond the document
 */
export function structureOfSpans(
  config: CorefConfig,
  facts: PieceFacts,
  spans: readonly Span[],
  offsets: (i: number, j: number) => number = (i, j) => i - j,
): Structure {
  const pieces = facts.speakerIds.length
  for (const [start, end] of spans) {
    if (start >= 0 && start < end && end <= pieces && Number.isInteger(start) && Number.isInteger(end)) continue
    const expected = `spans [start, end) within ${pieces} pieces`
    throw new OptionError({ op: 'structureOfSpans', expected, got: `[${start}, ${end})` })
  }
  const sorted = [...spans]
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .filter((span, i, all) => i === 0 || span[0] !== all[i - 1]![0] || span[1] !== all[i - 1]![1])
  const k = sorted.length
  const width = Math.max(1, k - 1)
  const antecedents = new Int32Array(k * width).fill(-1)
  const distances = new Int32Array(k * width).fill(-1)
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < i; j++) {
      antecedents[i * width + j] = j
      distances[i * width + j] = offsets(i, j)
    }
  }
  const lists = {
    starts: Int32Array.from(sorted, ([start]) => start),
    ends: Int32Array.from(sorted, ([, end]) => end),
  }
  return structureOf(config, facts, lists, antecedents, distances)
}

/**
 * The part of a structure that the scores of one span depend on: the span, its antecedents and, for each refinement,
 * theirs in turn. Nothing is left out where a refinement looks at all spans at once.
 *
 * @returns the part, and the span's rank in it
 */
export function neighbourhood(config: CorefConfig, whole: Structure, rank: number): { part: Structure; rank: number } {
  const local = config.higherOrder === 'attended_antecedent' || config.higherOrder === 'max_antecedent'
  const refined = config.fineGrained && (config.depth > 1 || config.higherOrder === 'cluster_merging')
  if (refined && !local) return { part: whole, rank }
  const { width } = whole
  const antecedentsOf = (i: number) => whole.antecedents.subarray(i * width, (i + 1) * width).filter((j) => j >= 0)
  let asked = new Set([rank]) // whose antecedents are needed
  for (let pass = 1; pass < config.depth; pass++) asked = new Set([...asked].flatMap((i) => [i, ...antecedentsOf(i)]))
  const needed = [...new Set([...asked].flatMap((i) => [i, ...antecedentsOf(i)]))].sort((a, b) => a - b)
  const place = new Map(needed.map((i, at) => [i, at]))
  const columns = <A extends Int32Array | Uint8Array>(list: A, none: number): A => {
    const rows = needed.flatMap((i) =>
      asked.has(i) ? [...list.subarray(i * width, (i + 1) * width)] : new Array<number>(width).fill(none),
    )
    return (list instanceof Int32Array ? Int32Array.from(rows) : Uint8Array.from(rows)) as A
  }
  const part = {
    ...whole,
    starts: Int32Array.from(needed, (i) => whole.starts[i]!),
    ends: Int32Array.from(needed, (i) => whole.ends[i]!),
    antecedents: columns(whole.antecedents, -1).map((j) => (j < 0 ? -1 : place.get(j)!)),
    offsets: columns(whole.offsets, -1),
    sameSpeaker: columns(whole.sameSpeaker, 0),
    segmentDistance: columns(whole.segmentDistance, -1),
    stringMatch: whole.stringMatch && columns(whole.stringMatch, 0),
    choices: whole.choices?.map((columns) => Int32Array.from(needed, (i) => columns[i]!)) ?? null,
  }
  return { part, rank: place.get(rank)! }
}
