/** Winogender schemas (Rudinger et al. 2018): sentences with an occupation, a participant and a pronoun. */
import { FormatError } from 'safetensors-ts'

/** A sentence of `all_sentences.tsv`. */
export interface WinogenderSentence {
  /** `OCCUPATION.PARTICIPANT.ANSWER.GENDER.txt` */
  readonly id: string
  readonly occupation: string
  /** another person, or `someone` */
  readonly participant: string
  /** which of the two the pronoun means */
  readonly answer: 'occupation' | 'participant'
  readonly gender: 'male' | 'female' | 'neutral'
  readonly text: string
}

const identity = /^([^.]+)\.([^.]+)\.([01])\.(male|female|neutral)\.txt$/

/**
 * Reads `all_sentences.tsv`: a header, then an id and a sentence on each line.
 *
 * @param options.file  name for errors
 * @throws {FormatError} with the line that has another form
 */
export function parseWinogender(text: string, options: { file?: string } = {}): WinogenderSentence[] {
  const { file } = options
  const [header, ...lines] = text.split(/\r?\n/)
  if (header?.trim() !== 'sentid\tsentence')
    throw new FormatError({ file, line: 1, expected: 'the header sentid, sentence', got: JSON.stringify(header) })
  return lines.flatMap((content, i) => {
    if (content.trim() === '') return []
    const [id = '', sentence = '', ...rest] = content.split('\t')
    const found = identity.exec(id)
    if (!found || sentence.trim() === '' || rest.length > 0) {
      const expected = 'OCCUPATION.PARTICIPANT.ANSWER.GENDER.txt, a tab and a sentence'
      throw new FormatError({ file, line: i + 2, expected, got: JSON.stringify(content) })
    }
    const [, occupation, participant, answer, gender] = found
    return [
      {
        id,
        occupation: occupation!,
        participant: participant!,
        answer: answer === '0' ? 'occupation' : 'participant',
        gender: gender as WinogenderSentence['gender'],
        text: sentence.trim(),
      },
    ]
  })
}
