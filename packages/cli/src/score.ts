/** `antecedent score KEY RESPONSE`: coreference metrics of files. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Convention, type NamedText, scoreFiles, scoresToJson, scoreTable } from '@antecedent/coref'
import { FormatError } from 'safetensors-ts'
import { printJson } from './output.ts'

/** What `score` takes of a folder. */
const scorerFile = /(?:conll|\.key|\.response)$/

/** A file, or the key and response files of a folder in the order of their names. */
function readScorerFiles(path: string): NamedText[] {
  if (!existsSync(path)) throw new FormatError({ file: path, expected: 'a file or a folder', got: 'nothing there' })
  const read = (file: string): NamedText => ({ text: readFileSync(file, 'utf8'), file })
  if (!statSync(path).isDirectory()) return [read(path)]
  const names = readdirSync(path).filter((name) => scorerFile.test(name) && statSync(join(path, name)).isFile())
  if (names.length > 0) return names.sort().map((name) => read(join(path, name)))
  throw new FormatError({ file: path, expected: 'files *conll, *.key or *.response', got: 'none of them' })
}

/** The first names of a list, and how many more there are. */
const some = (names: readonly string[], most = 5): string =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '')

export function score(
  key: string,
  response: string,
  { convention, json, quiet }: { convention: Convention; json?: boolean; quiet?: boolean },
): void {
  const { scores, documents, missing, unknown, warnings } = scoreFiles(
    readScorerFiles(key),
    readScorerFiles(response),
    { convention },
  )
  const notices = [
    ...warnings,
    ...(missing.length > 0 ? [`not in the response, scored as empty: ${some(missing)}`] : []),
    ...(unknown.length > 0 ? [`not in the key, not scored: ${some(unknown)}`] : []),
  ]
  if (!quiet) for (const text of notices) process.stderr.write(`${text}\n`)
  if (json) printJson({ documents: documents.length, convention, ...scoresToJson(scores), missing, unknown, warnings })
  else
    process.stdout.write(
      `${scoreTable(scores)}${documents.length} ${documents.length === 1 ? 'document' : 'documents'}\n`,
    )
}
