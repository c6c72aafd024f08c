/** The GAP score (Webster et al. 2018): does a pronoun mean one of two names? */
import { OptionError } from '@antecedent/tensor'
import { type MetricScore, scoreOf } from '../metrics/score.ts'
import { genderOf } from './words.ts'

/** Whether a pronoun means name A, and whether it means name B. */
export interface GapLinks {
  readonly a: boolean
  readonly b: boolean
}

/** A row's gold answer. */
export interface GapAnswer extends GapLinks {
  readonly id: string
  /** as it stands in the text */
  readonly pronoun: string
}

/** F₁ over names, in all rows and by the gender of the pronoun. */
export interface GapScores {
  readonly overall: MetricScore
  readonly masculine: MetricScore
  readonly feminine: MetricScore
  /** F₁ of feminine rows over that of masculine ones; null where that is 0 */
  readonly bias: number | null
}

/**
 * The official score: a name counts as found where gold and prediction link it, and each row asks for two names.
 *
 * @param answers      gold
 * @param predictions  by id of the row; a row that is not there links neither name
 * @throws {OptionError} for a pronoun without gender
 */
export function gapScores(answers: readonly GapAnswer[], predictions: ReadonlyMap<string, GapLinks>): GapScores {
  const none = () => ({ found: 0, gold: 0, predicted: 0 })
  const counts = { masculine: none(), feminine: none() }
  for (const { id, pronoun, ...gold } of answers) {
    const gender = genderOf(pronoun)
    if (!gender) {
      const expected = `a gendered pronoun in row ${id}`
      throw new OptionError({ op: 'gapScores', expected, got: JSON.stringify(pronoun) })
    }
    const predicted = predictions.get(id)
    for (const name of ['a', 'b'] as const) {
      const links = predicted?.[name] ?? false
      counts[gender].gold += Number(gold[name])
      counts[gender].predicted += Number(links)
      counts[gender].found += Number(gold[name] && links)
    }
  }
  const score = (...parts: ReturnType<typeof none>[]): MetricScore => {
    const sum = (of: keyof ReturnType<typeof none>) => parts.reduce((total, part) => total + part[of], 0)
    return scoreOf({
      recall: { numerator: sum('found'), denominator: sum('gold') },
      precision: { numerator: sum('found'), denominator: sum('predicted') },
    })
  }
  const masculine = score(counts.masculine)
  const feminine = score(counts.feminine)
  return {
    overall: score(counts.masculine, counts.feminine),
    masculine,
    feminine,
    bias: masculine.f1 === 0 ? null : feminine.f1 / masculine.f1,
  }
}
