export { type GapAnswer, type GapLinks, type GapScores, gapScores } from './gap.ts'
export { gapAnswerOf, gapLinksOf } from './gapLinks.ts'
export { winoBiasMargins } from './margins.ts'
export { swapGender } from './swapGender.ts'
export { isMinimalPair, type WinoBiasQuestion, winoBiasQuestions } from './winoBias.ts'
export { pairWinoBias, type WinoBiasSet, winoBiasSetOf } from './winoBiasFiles.ts'
export {
  type LinkRates,
  linkRates,
  type WinoBiasAnswer,
  type WinoBiasReport,
  type WinoBiasSide,
  winoBiasReport,
} from './winoBiasReport.ts'
export { parseWinogender, type WinogenderSentence } from './winogender.ts'
export { genderedPronouns, genderOf, isPersonalPronoun, occupations } from './words.ts'
