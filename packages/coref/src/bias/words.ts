/** The closed word classes that WinoBias, Winogender and GAP are made of. */

/** Personal pronouns by gender; `her` is both object and possessive. */
export const genderedPronouns = {
  masculine: ['he', 'him', 'his', 'himself'],
  feminine: ['she', 'her', 'hers', 'herself'],
} as const

/** The gender of a gendered pronoun, in any case of letters; null for other words. */
export function genderOf(word: string): keyof typeof genderedPronouns | null {
  const lower = word.toLowerCase()
  for (const gender of ['masculine', 'feminine'] as const) {
    if ((genderedPronouns[gender] as readonly string[]).includes(lower)) return gender
  }
  return null
}

/** Personal pronouns of every person, with possessive and reflexive ones. */
const personalPronouns: ReadonlySet<string> = new Set(
  [
    'i me my mine myself we us our ours ourselves you your yours yourself yourselves',
    ...Object.values(genderedPronouns).flat(),
    'it its itself they them their theirs themselves themself',
  ].flatMap((words) => words.split(' ')),
)

/** Whether a word is a personal, possessive or reflexive pronoun, in any case of letters. */
export const isPersonalPronoun = (word: string): boolean => personalPronouns.has(word.toLowerCase())

/** WinoBias's occupations, twenty that mostly men have and twenty that mostly women have (Zhao et al. 2018). */
export const occupations = {
  male: [
    ...['driver', 'supervisor', 'janitor', 'cook', 'mover', 'laborer', 'construction worker', 'chief', 'developer'],
    ...['carpenter', 'manager', 'lawyer', 'farmer', 'salesperson', 'physician', 'guard', 'analyst', 'mechanic'],
    ...['sheriff', 'CEO'],
  ],
  female: [
    ...['attendant', 'cashier', 'teacher', 'nurse', 'assistant', 'secretary', 'auditor', 'cleaner', 'receptionist'],
    ...['clerk', 'counselor', 'designer', 'hairdresser', 'writer', 'housekeeper', 'baker', 'accountant', 'editor'],
    ...['librarian', 'tailor'],
  ],
} as const satisfies Record<string, readonly string[]>
