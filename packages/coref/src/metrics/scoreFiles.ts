/** Key and response files scored against each other. */
import { FormatError } from 'safetensors-ts'
import { type Alignment, align } from './alignment.ts'
import {
  addScoreCounts,
  type Convention,
  countsOfAlignment,
  mostRepeated,
  noCounts,
  type Scores,
  scoresOf,
} from './score.ts'
import { clustersOfDocument, parseScorerFile, type ScorerDocument } from './scorerFile.ts'

/** A file's text and its name for errors. */
export interface NamedText {
  readonly text: string
  readonly file?: string
}

/** Scores of a response, and what was peculiar about it. */
export interface FileScores {
  readonly scores: Scores
  /** names of the key's documents, in their order */
  readonly documents: string[]
  /** those that the response has not: scored as empty */
  readonly missing: string[]
  /** documents of the response that the key has not: not scored */
  readonly unknown: string[]
  /** sentences about repeated mentions and different numbers of tokens */
  readonly warnings: string[]
}

/** The lines of the mentions that an alignment found repeated, each line once. */
function linesOf(document: ScorerDocument, repeated: Alignment['repeated']): number[] {
  const lines = repeated.map(({ cluster, span }) => {
    const copies = document.entities[cluster]!.filter((mention) => mention.span.join() === span.join())
    return copies.at(-1)!.line
  })
  return [...new Set(lines)]
}

/** `part 0` and `part 000` are one part: LitBank writes the former, OntoNotes the latter. */
const lookupName = (name: string): string => name.replace(/\bpart\s+0*(?=\d)/, 'part ')

/** The documents of some files, by name. @throws {FormatError} where two files have one of the same name */
function documentsOf(files: readonly NamedText[]): Map<string, ScorerDocument> {
  const documents = new Map<string, ScorerDocument>()
  for (const { text, ...options } of files) {
    for (const document of parseScorerFile(text, options)) {
      const { name, file, line } = document
      const other = documents.get(lookupName(name))
      const place = [other?.file, `line ${other?.line}`].filter(Boolean).join(', ')
      if (other) throw new FormatError({ file, line, expected: 'a new document', got: `${name} again, as in ${place}` })
      documents.set(lookupName(name), document)
    }
  }
  return documents
}

/**
 * Scores a response as the official scorer does: the documents of the key, looked up by name in the response.
 * Each side may lie in several files.
 *
 * @throws {FormatError} for what `parseScorerFile` refuses, and where the response repeats more than ten mentions of
 *   the key
 */
export function scoreFiles(
  key: NamedText | readonly NamedText[],
  response: NamedText | readonly NamedText[],
  { convention = 'official' }: { convention?: Convention } = {},
): FileScores {
  const keys = documentsOf([key].flat())
  const responses = documentsOf([response].flat())
  const warnings: string[] = []
  let counts = noCounts
  let repeated = 0
  for (const [name, document] of keys) {
    const answer = responses.get(name)
    const alignment = align(clustersOfDocument(document), answer ? clustersOfDocument(answer) : [])
    counts = addScoreCounts(counts, countsOfAlignment(alignment, convention))
    const keyLines = linesOf(document, alignment.repeatedInKey)
    if (keyLines.length > 0) warnings.push(`${document.name}: the key repeats mentions (line ${keyLines.join(', ')})`)
    if (!answer) continue
    if (answer.tokens !== document.tokens)
      warnings.push(`${document.name}: the key has ${document.tokens} tokens, the response ${answer.tokens}`)
    const lines = linesOf(answer, alignment.repeated)
    if (lines.length > 0)
      warnings.push(`${document.name}: repeated mentions of the response do not count (line ${lines.join(', ')})`)
    repeated += alignment.repeated.length
    if (repeated > mostRepeated) {
      const expected = `at most ${mostRepeated} repeated mentions`
      throw new FormatError({ file: answer.file, line: lines.at(-1), expected, got: `${repeated}` })
    }
  }
  const outside = (own: typeof keys, other: typeof keys) =>
    [...own].filter(([name]) => !other.has(name)).map(([, document]) => document.name)
  return {
    scores: scoresOf(counts),
    documents: [...keys.values()].map(({ name }) => name),
    missing: outside(keys, responses),
    unknown: outside(responses, keys),
    warnings,
  }
}
