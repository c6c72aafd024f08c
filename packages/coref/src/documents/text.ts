/** Raw text as a document: sentences by `Intl.Segmenter`, words by rules near to those of the corpora. */
import { bySpan, type CorefDocument, type Span } from './document.ts'

/** After these a full stop ends no sentence, and belongs to the word. */
const abbreviations = 'Mr|Mrs|Ms|Mx|Dr|Prof|St|Rev|Hon|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Rep|Jr|Sr|vs|etc|No|Co|Inc|Ltd|Corp'

const word = new RegExp(
  [
    `\\b(?:${abbreviations})\\.`,
    '(?:\\p{L}\\.){2,}', // U.S., e.g.
    '\\b\\p{Lu}\\.(?=\\s+\\p{Lu})', // an initial
    '\\p{Script=Han}',
    '\\d+(?:[.,:]\\d+)*',
    "[\\p{L}\\p{M}\\p{N}]+(?:[-'’_][\\p{L}\\p{M}\\p{N}]+)*", // twenty-one, o'clock
    '(.)\\1+', // ..., --
    "['’](?:s|re|ve|ll|d|m)\\b",
    '\\S',
  ].join('|'),
  'giu',
)

/** `did|n't`, `nurse|'s`, `they|'ll`, as in the Penn Treebank. */
const clitic = /^(.+?)(n['’]t|['’](?:s|re|ve|ll|d|m))$/iu

/**
 * The words of a text as half-open spans of UTF-16 code units: runs of letters and digits, hyphens inside them kept;
 * `n't` and `'s` and their like apart; numbers, abbreviations and runs of one sign whole; every other sign by itself.
 */
export function wordSpans(text: string): Span[] {
  const spans: Span[] = []
  for (const { 0: found, index } of text.matchAll(word)) {
    if (found.trim() === '') continue
    const [, stem, rest] = clitic.exec(found) ?? []
    const cut = stem !== undefined && rest !== undefined ? [stem, rest] : [found]
    let start = index
    for (const part of cut) {
      spans.push([start, start + part.length])
      start += part.length
    }
  }
  return spans
}

const endsInAbbreviation = new RegExp(`(?:^|[^\\p{L}])(?:${abbreviations}|\\p{Lu})\\.\\s*$`, 'u')

/**
 * The sentences of a text as half-open spans of UTF-16 code units, white space included. A blank line ends one, a line
 * break does not, and neither do the full stop of a title or an initial, nor a stop before a small letter.
 */
export function sentenceSpans(text: string, { locale = 'en' }: { locale?: string } = {}): Span[] {
  const segmenter = new Intl.Segmenter(locale, { granularity: 'sentence' })
  const spans: Span[] = []
  let paragraph = 0
  for (const part of text.split(/(\n[^\S\n]*\n\s*)/)) {
    let open: number | null = null
    // a single line break is a space, of the same length
    for (const { segment, index } of segmenter.segment(part.replace(/\r\n/g, '  ').replace(/[\r\n]/g, ' '))) {
      // `"Go!" she said.`: what goes on in lower case is no new sentence
      if (open === null && index > 0 && /^\p{Ll}/u.test(segment)) open = spans.pop()![0]
      const start: number = open ?? paragraph + index
      const end = paragraph + index + segment.length
      open = endsInAbbreviation.test(segment) && end < paragraph + part.length ? start : null
      if (open === null) spans.push([start, end])
    }
    paragraph += part.length
  }
  return spans
}

/**
 * A raw text as a document without speakers, genre and clusters.
 *
 * @param options.id        default `text`
 * @param options.locale    of the sentences; default `en`
 * @param options.breaks    places where a word must end, beside those of the rules; UTF-16 code units
 */
export function readText(
  text: string,
  options: { id?: string; locale?: string; breaks?: readonly number[] } = {},
): CorefDocument {
  const { id = 'text', locale = 'en', breaks = [] } = options
  const offsets = breaks.length === 0 ? wordSpans(text) : wordsWithin(text, breaks)
  const sentences: Span[] = []
  let from = 0
  for (const [, end] of sentenceSpans(text, { locale })) {
    let to = from
    while (to < offsets.length && offsets[to]![0] < end) to++
    if (to > from) sentences.push([from, to])
    from = to
  }
  return {
    id,
    part: 0,
    genre: null,
    words: offsets.map(([start, end]) => text.slice(start, end)),
    sentences,
    speakers: offsets.map(() => null),
    clusters: [],
    text,
    offsets,
  }
}

/** The words between breaks. */
function wordsWithin(text: string, breaks: readonly number[]): Span[] {
  const cuts = [...new Set([0, ...breaks, text.length])].sort((a, b) => a - b)
  return cuts
    .slice(1)
    .flatMap((end, i) => wordSpans(text.slice(cuts[i], end)).map(([a, b]): Span => [cuts[i]! + a, cuts[i]! + b]))
    .sort(bySpan)
}

/** The words that a span of the text touches; null where it touches none. */
export function wordsAt({ offsets = [] }: Pick<CorefDocument, 'offsets'>, [start, end]: Span): Span | null {
  const first = offsets.findIndex((word) => word[1] > start)
  const last = offsets.findLastIndex((word) => word[0] < end)
  return first >= 0 && first <= last ? [first, last + 1] : null
}
