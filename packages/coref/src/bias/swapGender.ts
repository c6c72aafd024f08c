/** A text with its gendered pronouns exchanged: what would the model have said of the other gender? */
import type { CorefDocument, Span } from '../documents/document.ts'
import { genderOf } from './words.ts'

/** What each pronoun becomes; for `her` and `his`, which stand for two each: before a noun, and elsewhere. */
const counterparts: Readonly<Record<string, string | readonly [beforeNoun: string, elsewhere: string]>> = {
  he: 'she',
  him: 'her',
  his: ['her', 'hers'],
  himself: 'herself',
  she: 'he',
  her: ['his', 'him'],
  hers: 'his',
  herself: 'himself',
}

/** Words of closed classes, and adverbs, that stand behind a complete noun phrase and do not begin the rest of one. */
const afterPhrase: ReadonlySet<string> = new Set(
  [
    'about above across after against along among around as at before behind below beneath beside between beyond by',
    'despite during except for from in inside into like near of off on onto out outside over past since than through',
    'throughout to toward towards under until unless up upon via with within without down away home',
    'and or but nor so yet because if though although while when whenever where whereas wherever whether once that who',
    'whom whose which what how why',
    'a an the this these those some any no every each all both either neither another',
    'i me we us you he him his she her it they them their',
    'am is are was were be been being do does did have has had will would shall should can could may might must',
    "not n't 's 'd 'll 're 've never always often again too also either already yesterday today tomorrow tonight now then",
    'there here please just only even ever still later soon instead anyway afterwards earlier well',
  ].flatMap((words) => words.split(' ')),
)

/** Whether a noun may follow a possessive at a place: the sentence has a further word, and one that can begin a phrase. */
const isBeforeNoun = (next: string | undefined): boolean =>
  next !== undefined && /^\p{L}/u.test(next) && !afterPhrase.has(next.toLowerCase())

/** `word` written as `model` is: in capitals, with a capital, or small. */
function inCaseOf(model: string, word: string): string {
  if (model.length > 1 && model === model.toUpperCase()) return word.toUpperCase()
  return /^\p{Lu}/u.test(model) ? word[0]!.toUpperCase() + word.slice(1) : word
}

/**
 * The document with he for she, him for her, and so on, in words and text; all else is as it was, gold clusters too.
 * Names and nouns keep their gender. Whether `her` and `his` stand before a noun is told from the next word, by lists
 * of words that can not begin one: a participle or a verb there (`I saw her dancing`) is taken for a noun.
 */
export function swapGender(document: CorefDocument): CorefDocument {
  const ends = new Set(document.sentences.map(([, end]) => end))
  const words = document.words.map((word, w) => {
    const found = genderOf(word) && counterparts[word.toLowerCase()]
    if (!found) return word
    if (typeof found === 'string') return inCaseOf(word, found)
    const next = ends.has(w + 1) ? undefined : document.words[w + 1]
    return inCaseOf(word, found[isBeforeNoun(next) ? 0 : 1])
  })
  const { text, offsets } = document
  if (text === undefined || !offsets) return { ...document, words }
  let [swapped, done] = ['', 0]
  const moved = offsets.map(([start, end], w): Span => {
    swapped += text.slice(done, start)
    const from = swapped.length
    swapped += words[w] === document.words[w] ? text.slice(start, end) : words[w]
    done = end
    return [from, swapped.length]
  })
  return { ...document, words, text: swapped + text.slice(done), offsets: moved }
}
