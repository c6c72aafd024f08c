/**
 * CoNLL-2012: a word a line, columns between tabs or spaces, of which 0 is the document, 1 its part, 3 the word, 9 the
 * speaker and the last the mentions. LitBank's files are of this form, with `_` for what is unknown and an empty last
 * column where no mention begins or ends.
 */
import { FormatError } from 'safetensors-ts'
import { BracketReader, bracketsOf } from './brackets.ts'
import { type CorefDocument, documentKey } from './document.ts'
import { column, linesOf, type ReadOptions, spansBetween } from './lines.ts'

/** Columns: 0 document, 3 word, 9 speaker. */
const [wordColumn, speakerColumn] = [3, 9]
const leastColumns = 5

const begin = /^#begin document \((.*)\);?\s*(?:part\s+(\d+))?\s*$/

const isNothing = (field: string): boolean => field === '' || field === '-' || field === '_'

/** The columns of a line. Tabs separate where there is one, so that columns may be empty; else white space. */
const columnsOf = (line: string): string[] => (line.includes('\t') ? line.split('\t') : line.trim().split(/\s+/))

/** A document in the making. */
class Draft {
  readonly id: string
  /** of its beginning */
  readonly line: number
  readonly words: string[] = []
  readonly #part: number
  readonly #speakers: (string | null)[] = []
  readonly #ends: number[] = []
  readonly #brackets: BracketReader

  constructor(id: string, part: number, at: { file: string; line: number }) {
    this.id = id
    this.line = at.line
    this.#part = part
    this.#brackets = new BracketReader(at.file)
  }

  add(columns: readonly string[], line: number): void {
    const speaker = columns.length > speakerColumn + 2 ? columns[speakerColumn]! : '-'
    const mentions = columns.at(-1)!.trim()
    if (!isNothing(mentions)) this.#brackets.read(mentions, this.words.length, line)
    this.words.push(columns[wordColumn]!)
    this.#speakers.push(isNothing(speaker) ? null : speaker)
  }

  endSentence(): void {
    if (this.words.length > (this.#ends.at(-1) ?? 0)) this.#ends.push(this.words.length)
  }

  finish(genre: string | null): CorefDocument {
    this.endSentence()
    return {
      id: this.id,
      part: this.#part,
      genre,
      words: this.words,
      sentences: spansBetween(this.#ends),
      speakers: this.#speakers,
      ...this.#brackets.finish(),
    }
  }
}

/**
 * Reads the documents of a CoNLL-2012 file. Clusters are ordered by their first mention and named as in the file; those
 * that share a mention stay apart. The genre is the first two characters of the id, as in the references.
 *
 * @param options.genre  of all documents, instead
 * @throws {FormatError} with file and line where a line has too few columns, stands outside of a document, or its
 *   mentions do not close
 */
export function readConll(text: string, options: ReadOptions & { genre?: string | null } = {}): CorefDocument[] {
  const { file = 'document', genre } = options
  const documents: CorefDocument[] = []
  let draft: Draft | null = null
  for (const [i, line] of linesOf(text).entries()) {
    const number = i + 1
    if (line.startsWith('#begin document')) {
      const found = begin.exec(line)
      if (draft || !found) {
        const expected = draft ? `#end document of ${draft.id}` : '#begin document (ID); part N'
        throw new FormatError({ file, line: number, expected, got: JSON.stringify(line) })
      }
      draft = new Draft(found[1]!, Number(found[2] ?? 0), { file, line: number })
    } else if (line.startsWith('#end document')) {
      if (!draft) throw new FormatError({ file, line: number, expected: '#begin document', got: JSON.stringify(line) })
      documents.push(draft.finish(genre === undefined ? draft.id.slice(0, 2) : genre))
      draft = null
    } else if (line.startsWith('#')) {
      // a comment
    } else if (line.trim() === '') draft?.endSentence()
    else {
      if (!draft) throw new FormatError({ file, line: number, expected: '#begin document', got: 'a word before it' })
      const columns = columnsOf(line)
      if (columns.length < leastColumns || columns[wordColumn] === '') {
        const expected = `at least ${leastColumns} columns, the word in column ${wordColumn} (from 0)`
        const got = columns.length < leastColumns ? `${columns.length}` : 'an empty word'
        throw new FormatError({ file, line: number, expected, got })
      }
      draft.add(columns, number)
    }
  }
  if (draft) throw new FormatError({ file, line: draft.line, expected: '#end document', got: 'the end of the file' })
  return documents
}

/** Reads a file of LitBank: as CoNLL, without genre. */
export const readLitbank = (text: string, options: ReadOptions = {}): CorefDocument[] =>
  readConll(text, { ...options, genre: null })

interface Layout {
  /** for what is unknown */
  readonly none: string
  /** columns 4 to 8, and those between speaker and mentions */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** where no mention begins or ends */
  readonly noMention: string
  readonly part: (part: number) => string
}

const ontonotes: Layout = {
  none: '-',
  before: ['-', '-', '-', '-', '-'],
  after: ['*', '*', '*', '*'],
  noMention: '-',
  part: (part) => String(part).padStart(3, '0'),
}
const litbank: Layout = {
  none: '_',
  before: ['_', '_', '_', '_', '_'],
  after: ['_', '_'],
  noMention: '',
  part: String,
}

function write(documents: readonly CorefDocument[], layout: Layout, file: string): string {
  const lines: string[] = []
  for (const document of documents) {
    const { id, part, words, sentences, speakers } = document
    lines.push(`#begin document (${column(id, 'an id', file)}); part ${layout.part(part)}`)
    const brackets = bracketsOf(document, file)
    for (const [start, end] of sentences) {
      for (let w = start; w < end; w++) {
        const speaker = speakers[w] ?? null
        const who = speaker === null ? layout.none : column(speaker, 'a speaker', file)
        const word = column(words[w]!, 'a word', file)
        const mentions = brackets[w]!.join('|') || layout.noMention
        lines.push([id, part, w - start, word, ...layout.before, who, ...layout.after, mentions].join('\t'))
      }
      lines.push('')
    }
    lines.push('#end document')
  }
  return lines.map((line) => `${line}\n`).join('')
}

/**
 * Writes documents as CoNLL-2012, 15 columns between tabs, as the files of WinoBias. Text and offsets are not kept, and
 * genres only as far as ids begin with them.
 *
 * @throws {FormatError} where a word, speaker or id is empty or holds white space, or mentions of one entity cross
 */
export const writeConll = (documents: readonly CorefDocument[], { file = 'document' }: ReadOptions = {}): string =>
  write(documents, ontonotes, file)

/** Writes documents as the files of LitBank: 13 columns. @throws {FormatError} as `writeConll` */
export const writeLitbank = (documents: readonly CorefDocument[], { file = 'document' }: ReadOptions = {}): string =>
  write(documents, litbank, file)

/**
 * A CoNLL file with other mentions: the last column follows `documents`, and every other byte stays.
 *
 * @param documents  by id and part; one for each in the file, with as many words
 * @throws {FormatError} where one is missing or has another number of words
 */
export function withMentions(
  text: string,
  documents: readonly CorefDocument[],
  { file = 'document' }: ReadOptions = {},
): string {
  const byKey = new Map(documents.map((document) => [documentKey(document), document]))
  let brackets: string[][] = []
  let word = 0
  const lines = text.split('\n').map((line, i) => {
    const found = begin.exec(line.replace(/\r$/, ''))
    if (found) {
      const key = documentKey({ id: found[1]!, part: Number(found[2] ?? 0) })
      const document = byKey.get(key)
      if (!document) throw new FormatError({ file, line: i + 1, expected: `mentions of ${key}`, got: 'none' })
      brackets = bracketsOf(document, file)
      word = 0
    }
    if (line.startsWith('#end document') && word !== brackets.length) {
      throw new FormatError({ file, line: i + 1, expected: `${brackets.length} words`, got: String(word) })
    }
    if (line.startsWith('#') || line.trim() === '') return line
    if (word >= brackets.length) {
      throw new FormatError({ file, line: i + 1, expected: `${brackets.length} words`, got: 'one more' })
    }
    const mentions = brackets[word++]!.join('|')
    const last = line.includes('\t') ? /[^\t\r]*(\r?)$/ : /\S+(\s*)$/
    return line.replace(last, (whole, end: string) => {
      const none = isNothing(whole.trim()) ? whole.slice(0, whole.length - end.length) : '-'
      return `${mentions || none}${end}`
    })
  })
  return lines.join('\n')
}
