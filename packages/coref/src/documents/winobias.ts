/** WinoBias' text files: `387 [The physician] hired the secretary because [he] was …`, the brackets one cluster. */
import { FormatError } from 'safetensors-ts'
import type { CorefDocument, Span } from './document.ts'
import { linesOf, type ReadOptions } from './lines.ts'
import { readText, wordsAt } from './text.ts'

/** The text without its brackets, and the mentions in it. */
function unbracketed(line: string, at: { file: string; line: number }): { text: string; mentions: Span[] } {
  const mentions: Span[] = []
  const open: number[] = []
  let text = ''
  for (const part of line.split(/(\[\s*|\s*\])/)) {
    if (part.startsWith('[')) open.push(text.length)
    else if (part.endsWith(']')) {
      const start = open.pop()
      if (start === undefined || start === text.length) {
        throw new FormatError({ ...at, expected: 'a mention in brackets', got: start === undefined ? ']' : '[]' })
      }
      mentions.push([start, text.length])
    } else text += part
  }
  if (open.length > 0) throw new FormatError({ ...at, expected: ']', got: 'the end of the line' })
  return { text, mentions }
}

/**
 * Reads a text file of WinoBias: a document a line, with the line's number as id, genre `nw` as in the files in CoNLL
 * form, text and offsets. Spaces within brackets are dropped. Words end where a bracket stands.
 *
 * @throws {FormatError} with file and line where a line has no number or its brackets do not match
 */
export function readWinoBias(content: string, { file = 'document' }: ReadOptions = {}): CorefDocument[] {
  return linesOf(content).flatMap((line, i) => {
    if (line.trim() === '') return []
    const at = { file, line: i + 1 }
    const found = /^(\d+)\s+(.*\S)\s*$/.exec(line)
    if (!found) throw new FormatError({ ...at, expected: 'a number and a sentence', got: JSON.stringify(line) })
    const { text, mentions } = unbracketed(found[2]!, at)
    const document = { ...readText(text, { id: found[1]!, breaks: mentions.flat() }), genre: 'nw' }
    const words = mentions.map((span) => {
      const inside = wordsAt(document, span)
      if (!inside) throw new FormatError({ ...at, expected: 'words in brackets', got: 'none' })
      return inside
    })
    // one sentence a line, whatever stops stand in it
    const sentences: Span[] = document.words.length > 0 ? [[0, document.words.length]] : []
    return [{ ...document, sentences, clusters: words.length > 0 ? [words] : [] }]
  })
}

/**
 * Writes documents with text as a text file of WinoBias.
 *
 * @throws {FormatError} where an id is no number, or a document has no text or more than one cluster
 */
export function writeWinoBias(documents: readonly CorefDocument[], { file = 'document' }: ReadOptions = {}): string {
  return documents.map((document, i) => `${lineOf(document, { file, line: i + 1 })}\n`).join('')
}

function lineOf(document: CorefDocument, at: { file: string; line: number }): string {
  const { id, text, offsets, clusters } = document
  if (!/^\d+$/.test(id)) throw new FormatError({ ...at, expected: 'a number as id', got: JSON.stringify(id) })
  if (text === undefined || !offsets || clusters.length > 1) {
    const got = clusters.length > 1 ? `${clusters.length} clusters` : 'no text'
    throw new FormatError({ ...at, expected: 'a document with text and at most one cluster', got })
  }
  const mentions = (clusters[0] ?? []).map(([start, end]): Span => [offsets[start]![0], offsets[end - 1]![1]])
  const opened = mentions.map(([start, end]) => ({ at: start, order: -end, text: '[' }))
  const closed = mentions.map(([start, end]) => ({ at: end, order: Number.NEGATIVE_INFINITY, text: ']', start }))
  const marks = [...opened, ...closed].sort((a, b) => a.at - b.at || a.order - b.order)
  let line = ''
  let done = 0
  for (const mark of marks) {
    line += text.slice(done, mark.at) + mark.text
    done = mark.at
  }
  return `${id} ${line}${text.slice(done)}`
}
