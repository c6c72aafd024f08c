/** Vocabularies for the tokenizer's tests. */
import { readFileSync } from 'node:fs'
import { Vocabulary } from '@antecedent/bert'
import { shared } from '../support/shared.ts'

const read = new Map<string, Vocabulary>()

/** One of the two vocabularies in `shared/`, read once. */
export function sharedVocabulary(name: 'bert-base-cased' | 'bert-base-uncased'): Vocabulary {
  const file = `${name}-vocab.txt`
  const vocabulary =
    read.get(file) ?? Vocabulary.fromText(readFileSync(shared('data', 'wordpiece', file), 'utf8'), { file })
  read.set(file, vocabulary)
  return vocabulary
}

export const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

/** A vocabulary of the special tokens (ids 0 to 4) and the given pieces (ids from 5). */
export const tinyVocabulary = (...pieces: string[]): Vocabulary => new Vocabulary([...specials, ...pieces])
