/** Key and response files as the official scorer reads them: whatever the columns are, the last is coreference. */
import { FormatError } from 'safetensors-ts'
import type { Cluster, Span } from '../documents/document.ts'

/** A mention with the line of its first token. */
export interface LocatedMention {
  /** half-open span of tokens, counted from 0 in the document */
  readonly span: Span
  /** line of the file, from 1 */
  readonly line: number
}

/** A document of a key or response file. */
export interface ScorerDocument {
  /** all that follows `#begin document`, part included */
  readonly name: string
  /** the file's name for errors, where it was given */
  readonly file?: string
  /** line of its `#begin document`, from 1 */
  readonly line: number
  /** number of tokens */
  readonly tokens: number
  /** mentions of each entity as they end; entities by the first appearance of their number */
  readonly entities: readonly (readonly LocatedMention[])[]
}

/** The clusters of a document. */
export const clustersOfDocument = ({ entities }: ScorerDocument): Cluster[] =>
  entities.map((mentions) => mentions.map(({ span }) => span))

const begin = /^#\s*begin document\s*(.*?)\s*$/
const end = /^#\s*end document/

/** Mentions of a document whose lines are read one after the other. */
class OpenDocument {
  readonly name: string
  readonly line: number
  readonly file: string | undefined
  tokens = 0
  readonly entities = new Map<string, LocatedMention[]>()
  readonly open = new Map<string, { token: number; line: number }[]>()

  constructor(name: string, line: number, file: string | undefined) {
    this.name = name
    this.line = line
    this.file = file
  }

  fail(line: number, expected: string, got: string): never {
    throw new FormatError({ file: this.file, line, expected, got })
  }

  mentionsOf(entity: string): LocatedMention[] {
    const known = this.entities.get(entity)
    if (known) return known
    const mentions: LocatedMention[] = []
    this.entities.set(entity, mentions)
    return mentions
  }

  /** A token. Of its coreference column count, in this order: (n), (n and n); what else stands there is passed over. */
  token(text: string, line: number): void {
    const fields = text.split('\t')
    while (fields.length > 1 && fields.at(-1) === '') fields.pop() // an empty column is no column
    const token = this.tokens++
    let field = fields.at(-1)!
    if (field === '-' || field === '_') return
    const take = (pattern: RegExp, use: (entity: string) => void) => {
      field = field.replace(pattern, (_, entity: string) => {
        use(entity)
        return ' '
      })
    }
    take(/\(\d+\+\d+\)/g, () => {})
    take(/\((\d+)\)/g, (entity) => this.mentionsOf(entity).push({ span: [token, token + 1], line }))
    take(/\((\d+)/g, (entity) => {
      this.mentionsOf(entity)
      this.open.set(entity, [...(this.open.get(entity) ?? []), { token, line }])
    })
    take(/(\d+)\)/g, (entity) => {
      const opened = this.open.get(entity)?.pop()
      if (!opened) this.fail(line, `a mention of entity ${entity} that is open`, `the end of one, ${entity})`)
      this.mentionsOf(entity).push({ span: [opened.token, token + 1], line: opened.line })
    })
    if (fields.length > 1 && /[()]/.test(field))
      this.fail(line, '(n), (n or n) with whole numbers n in the last column', JSON.stringify(fields.at(-1)))
  }

  close(): ScorerDocument {
    for (const [entity, opened] of this.open) {
      const last = opened.at(-1)
      if (last) this.fail(last.line, `an end of the mention (${entity}`, `the end of document ${this.name}`)
    }
    const { name, file, line, tokens } = this
    return { name, ...(file !== undefined && { file }), line, tokens, entities: [...this.entities.values()] }
  }
}

/**
 * Reads a key or a response. Documents are the lines between `#begin document NAME` and `#end document`, others are
 * passed over; lines without characters do not count as tokens; fields are separated by tabs (a line without tabs is
 * one field); in the last, `(n` begins a mention of entity n, `n)` ends it, `(n)` is one of a single token; `|` between
 * them is optional, `(n+m)` is discarded, and `-`, `_` and an empty field hold nothing.
 *
 * @param options.file  name for errors
 * @throws {FormatError} with the line, where a mention does not end or does not begin, a document does not end, begins
 *   inside another or has the name of another, and where there is no document
 */
export function parseScorerFile(text: string, options: { file?: string } = {}): ScorerDocument[] {
  const { file } = options
  const documents = new Map<string, ScorerDocument>()
  let current: OpenDocument | null = null
  const lines = text.split('\n')
  for (const [i, raw] of lines.entries()) {
    const content = raw.replaceAll('\r', '')
    const line = i + 1
    const name = begin.exec(content)?.[1]
    if (name !== undefined) {
      if (current) current.fail(line, `#end document before the next`, `#begin document ${name}`)
      const other = documents.get(name)
      if (other)
        throw new FormatError({
          file,
          line,
          expected: 'a new document',
          got: `${name} again, as in line ${other.line}`,
        })
      current = new OpenDocument(name, line, file)
    } else if (end.test(content)) {
      if (current) documents.set(current.name, current.close())
      current = null
    } else if (current && content.trim() !== '') current.token(content, line)
  }
  if (current) current.fail(current.line, `#end document after ${current.name}`, 'the end of the file')
  if (documents.size === 0) throw new FormatError({ file, line: 1, expected: '#begin document NAME', got: 'none' })
  return [...documents.values()]
}
