/** Which format a text is in, and one reader for all. */
import { unknownName } from '@antecedent/tensor'
import { readConll, readLitbank } from './conll.ts'
import { readConllu } from './conllu.ts'
import type { CorefDocument } from './document.ts'
import { readGap } from './gap.ts'
import { documentOfSegmented, readJsonlines } from './jsonlines.ts'
import type { ReadOptions } from './lines.ts'
import { readText } from './text.ts'
import { readWinoBias } from './winobias.ts'

/** The formats by name. */
export const documentFormats = ['conll', 'litbank', 'conllu', 'jsonlines', 'winobias', 'gap', 'text'] as const
export type DocumentFormat = (typeof documentFormats)[number]

/** Endings of files that hold documents, for choosing among those of a folder. */
const endings = /(?:\.conll|_conll|\.conllu|\.jsonl|\.jsonlines|\.tsv|\.txt|\.txt\.(?:dev|test))$/

/** Whether a file of a folder is one of documents, by its ending; hidden files are none. */
export const isDocumentFile = (name: string): boolean => !name.startsWith('.') && endings.test(name)

/** The format of a text by its beginning, and by the ending of its file's name; raw text where nothing tells. */
export function formatOf(text: string, { file = '' }: ReadOptions = {}): DocumentFormat {
  const first = text.slice(0, text.search(/\S/) + 4096).trimStart()
  if (first.startsWith('#begin document')) {
    const word = first.split('\n').find((line) => line !== '' && !line.startsWith('#'))
    return word?.split('\t')[9] === '_' ? 'litbank' : 'conll'
  }
  if (/^# (?:newdoc|sent_id|global\.)/.test(first) || file.endsWith('.conllu')) return 'conllu'
  if (first.startsWith('ID\tText\tPronoun\t')) return 'gap'
  if (/\.(?:jsonl|jsonlines)$/.test(file) || /^\{\s*"/.test(first)) return 'jsonlines'
  if (/(?:\.conll|_conll)$/.test(file)) return 'conll' // an empty file, or one that is told what it lacks
  if (/\.txt\.(?:dev|test)$/.test(file) || /^\d+ [^\n]*\[[^\n]*\][^\n]*\n\d+ [^\n]*\[/.test(first)) return 'winobias'
  return 'text'
}

/**
 * The documents of a text in any format.
 *
 * @param options.format  default: what `formatOf` finds
 * @param options.file    name of the file, for errors; also the id of a raw text
 * @throws {FormatError} with file and line where the text breaks its format
 * @throws {OptionError} for an unknown format
 */
export function readDocuments(text: string, options: ReadOptions & { format?: DocumentFormat } = {}): CorefDocument[] {
  const { file = 'document', format = formatOf(text, options) } = options
  switch (format) {
    case 'conll':
      return readConll(text, { file })
    case 'litbank':
      return readLitbank(text, { file })
    case 'conllu':
      return readConllu(text, { file })
    case 'jsonlines':
      return readJsonlines(text, { file }).map(documentOfSegmented)
    case 'winobias':
      return readWinoBias(text, { file })
    case 'gap':
      return readGap(text, { file }).map(({ document }) => document)
    case 'text':
      return [readText(text, { id: file })]
    default:
      throw unknownName('readDocuments', 'a format', format, documentFormats)
  }
}
