/**
 * CoNLL-U as OntoGUM has it: `# newdoc id`, `# meta::genre`, `# speaker` of a sentence, mentions in `Entity=` of the
 * last column as brackets of entity numbers, `SpaceAfter=No`.
 */
import { FormatError } from 'safetensors-ts'
import { BracketReader, bracketsOf } from './brackets.ts'
import type { CorefDocument, Span } from './document.ts'
import { column, linesOf, type ReadOptions, spansBetween } from './lines.ts'

const columnCount = 10
const [idColumn, formColumn, miscColumn] = [0, 1, 9]

/** A document in the making. Its text is its words, with a space after each that is not told to have none. */
class Draft {
  genre: string | null = null
  speaker: string | null = null
  readonly #id: string
  readonly #file: string
  readonly #words: string[] = []
  readonly #speakers: (string | null)[] = []
  readonly #ends: number[] = []
  readonly #offsets: Span[] = []
  readonly #brackets: BracketReader
  #text = ''
  /** words of the present sentence */
  #inSentence = 0
  /** a token of several words: the number of its last, and whether a space follows */
  #compound: { last: number; space: boolean } | null = null

  constructor(id: string, file: string) {
    this.#id = id
    this.#file = file
    this.#brackets = new BracketReader(file)
  }

  add(columns: readonly string[], line: number): void {
    const id = columns[idColumn]!
    const misc = columns[miscColumn]!.split('|')
    const space = !misc.includes('SpaceAfter=No')
    if (/^\d+\.\d+$/.test(id)) return // an empty node
    const range = /^(\d+)-(\d+)$/.exec(id)
    if (range) {
      this.#compound = { last: Number(range[2]), space }
      return
    }
    if (id !== String(this.#inSentence + 1)) {
      const expected = `word ${this.#inSentence + 1} of the sentence`
      throw new FormatError({ file: this.#file, line, expected, got: JSON.stringify(id) })
    }
    this.#inSentence++
    const entity = misc.find((field) => field.startsWith('Entity='))
    if (entity) this.#brackets.read(entity.slice('Entity='.length), this.#words.length, line)
    const form = columns[formColumn]!
    this.#words.push(form)
    this.#speakers.push(this.speaker)
    this.#offsets.push([this.#text.length, this.#text.length + form.length])
    this.#text += form
    const { last, space: after } = this.#compound ?? { last: this.#inSentence, space }
    if (this.#inSentence < last) return
    this.#compound = null
    if (after) this.#text += ' '
  }

  endSentence(): void {
    if (this.#inSentence > 0) this.#ends.push(this.#words.length)
    this.#inSentence = 0
    this.#compound = null
    this.speaker = null
  }

  finish(): CorefDocument {
    this.endSentence()
    return {
      id: this.#id,
      part: 0,
      genre: this.genre,
      words: this.#words,
      sentences: spansBetween(this.#ends),
      speakers: this.#speakers,
      ...this.#brackets.finish(),
      text: this.#text.trimEnd(),
      offsets: this.#offsets,
    }
  }
}

/** The value of a comment `# KEY = VALUE`. */
const comment = (line: string, key: string): string | null =>
  line.startsWith(`# ${key} = `) ? line.slice(key.length + 5).trim() : null

/**
 * Reads the documents of a CoNLL-U file with entities in the way of OntoGUM. Words are syntactic words: of `1-2 don't`
 * the two that follow. Clusters are ordered by their first mention and named as in the file.
 *
 * @throws {FormatError} with file and line where a line has not ten columns, words are not counted from 1, mentions do
 *   not close, or entities are written in another way than by their number alone
 */
export function readConllu(text: string, { file = 'document' }: ReadOptions = {}): CorefDocument[] {
  const documents: CorefDocument[] = []
  let draft: Draft | null = null
  for (const [i, line] of linesOf(text).entries()) {
    const number = i + 1
    if (line.startsWith('#')) {
      const id = comment(line, 'newdoc id')
      if (id !== null) {
        if (draft) documents.push(draft.finish())
        draft = new Draft(id, file)
      }
      const form = comment(line, 'global.Entity')
      if (form !== null && form !== 'GRP') {
        throw new FormatError({ file, line: number, expected: 'global.Entity = GRP', got: form })
      }
      if (!draft) continue
      draft.genre = comment(line, 'meta::genre') ?? draft.genre
      draft.speaker = comment(line, 'speaker') ?? draft.speaker
    } else if (line.trim() === '') draft?.endSentence()
    else {
      if (!draft) throw new FormatError({ file, line: number, expected: '# newdoc id = ID', got: 'a word before it' })
      const columns = line.split('\t')
      if (columns.length !== columnCount || columns[formColumn] === '') {
        const got = columns.length === columnCount ? 'an empty word' : String(columns.length)
        throw new FormatError({ file, line: number, expected: `${columnCount} columns between tabs`, got })
      }
      draft.add(columns, number)
    }
  }
  if (draft) documents.push(draft.finish())
  return documents
}

/**
 * Writes documents as CoNLL-U with the comments and columns that `readConllu` reads; other columns are `_`. A document
 * with another text than its words with a space or nothing between is written without its spaces.
 *
 * @throws {FormatError} where a word holds white space, speakers change within a sentence, or mentions of one entity
 *   cross
 */
export function writeConllu(documents: readonly CorefDocument[], { file = 'document' }: ReadOptions = {}): string {
  return documents.map((document) => writeOne(document, file)).join('')
}

function writeOne(document: CorefDocument, file: string): string {
  const { id, genre, words, sentences, speakers, offsets } = document
  const lines = [`# newdoc id = ${id}`, '# global.Entity = GRP']
  if (genre !== null) lines.push(`# meta::genre = ${genre}`)
  const brackets = bracketsOf(document, file)
  const joined = (w: number) => offsets?.[w + 1] !== undefined && offsets[w + 1]![0] === offsets[w]![1]
  for (const [s, [start, end]] of sentences.entries()) {
    const speaker = speakers[start] ?? null
    if (speakers.slice(start, end).some((other) => other !== speaker)) {
      throw new FormatError({ file, expected: 'one speaker a sentence', got: `several in sentence ${s} of ${id}` })
    }
    lines.push(`# sent_id = ${id}-${s + 1}`)
    if (speaker !== null) lines.push(`# speaker = ${speaker}`)
    const spaced = words.slice(start, end).map((word, i) => (joined(start + i) ? word : `${word} `))
    lines.push(`# text = ${spaced.join('').trimEnd()}`)
    for (let w = start; w < end; w++) {
      const entity = brackets[w]!.length > 0 ? [`Entity=${brackets[w]!.join('')}`] : []
      const misc = [...entity, ...(joined(w) ? ['SpaceAfter=No'] : [])].join('|') || '_'
      const empty = new Array<string>(columnCount - 3).fill('_')
      lines.push([w - start + 1, column(words[w]!, 'a word', file), ...empty, misc].join('\t'))
    }
    lines.push('')
  }
  return lines.map((line) => `${line}\n`).join('')
}
