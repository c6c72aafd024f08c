/** Which sentences of WinoBias a file holds, and which belong together. */
import type { CorefDocument } from '../documents/document.ts'

/** One of WinoBias's files, by its name. */
export interface WinoBiasSet {
  readonly split: 'dev' | 'test'
  readonly type: 1 | 2
  readonly version: 'pro' | 'anti'
  /** sentences of the two forms have other numbers, and are not paired */
  readonly form: 'text' | 'conll'
}

const asText = /^(?<version>pro|anti)_stereotyped_type(?<type>[12])\.txt\.(?<split>dev|test)$/
const asConll = /^(?<split>dev|test)_type(?<type>[12])_(?<version>pro|anti)_stereotype\.v4_auto_conll$/

/** What a file of WinoBias's name holds, in either form; null for other names. Folders in front are passed over. */
export function winoBiasSetOf(file: string): WinoBiasSet | null {
  const name = file.replace(/^.*[/\\]/, '')
  const text = asText.exec(name)
  const { split, type, version } = (text ?? asConll.exec(name))?.groups ?? {}
  if (split === undefined) return null
  return { split, type: Number(type), version, form: text ? 'text' : 'conll' } as WinoBiasSet
}

/** The number that both versions of a sentence have at the end of their id. */
const numberOf = ({ id }: CorefDocument): string => /\d+$/.exec(id)?.[0] ?? id

/**
 * The sentences of two versions side by side, by the number that their ids end with: files in CoNLL form have another
 * order than text files.
 *
 * @returns `unpaired`: ids of sentences that the other version lacks
 */
export function pairWinoBias<T extends { readonly document: CorefDocument }>(
  pro: readonly T[],
  anti: readonly T[],
): { pairs: { pro: T; anti: T }[]; unpaired: string[] } {
  const byNumber = (list: readonly T[]) => new Map(list.map((answer) => [numberOf(answer.document), answer]))
  const [pros, antis] = [byNumber(pro), byNumber(anti)]
  const pairs = [...pros].flatMap(([number, pro]) => {
    const anti = antis.get(number)
    return anti ? [{ pro, anti }] : []
  })
  const lonely = (own: Map<string, T>, other: Map<string, T>) =>
    [...own].filter(([number]) => !other.has(number)).map(([, { document }]) => document.id)
  return { pairs, unpaired: [...lonely(pros, antis), ...lonely(antis, pros)] }
}
