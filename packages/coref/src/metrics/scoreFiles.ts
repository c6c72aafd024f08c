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

/** Where the mentions that an alignment found repeated stand: the copies, by their lines. */
function linesOf(document: ScorerDocument, repeated: Alignment['repeated']): number[] {
  return repeated.map(({ cluster, span }) => {
    const copies = document.entities[cluster]!.filter((mention) => mention.span.join() === span.join())
    return copies.at(-1)!.line
  })
}

/**
 * Scores a response as the official scorer does: the documents of the key, looked up by name in the response.
 *
 * @throws {FormatError} for what `parseScorerFile` refuses, and where the response repeats more than ten mentions of
 *   the key
 */
export function scoreFiles(
  key: NamedText,
  response: NamedText,
  { convention = 'official' }: { convention?: Convention } = {},
): FileScores {
  const keys = parseScorerFile(key.text, key)
  const responses = new Map(parseScorerFile(response.text, response).map((document) => [document.name, document]))
  const warnings: string[] = []
  let counts = noCounts
  let repeated = 0
  for (const document of keys) {
    const answer = responses.get(document.name)
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
    repeated += lines.length
    if (repeated > mostRepeated) {
      const expected = `at most ${mostRepeated} repeated mentions`
      throw new FormatError({ file: response.file, line: lines.at(-1), expected, got: `${repeated}` })
    }
  }
  const names = new Set(keys.map(({ name }) => name))
  return {
    scores: scoresOf(counts),
    documents: [...names],
    missing: [...names].filter((name) => !responses.has(name)),
    unknown: [...responses.keys()].filter((name) => !names.has(name)),
    warnings,
  }
}
