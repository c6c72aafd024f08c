/** `antecedent explain`: the paper on one sentence. */
import {
  attend,
  attributionSvg,
  layerIntegratedGradients,
  padBaseline,
  reduceToken,
  renderAttributionText,
  renderReport,
  tokenMaximum,
  version,
} from '@antecedent/attribution'
import type { BertEncoding } from '@antecedent/bert'
import { OptionError } from '@antecedent/tensor'
import { type CommonOptions, loadModel, readText } from './options.ts'
import {
  notice,
  outputWidth,
  printJson,
  progress,
  requireAllWritable,
  useColor,
  writeFigures,
  writeWhole,
} from './output.ts'

/** WinoBias, development set, type 1: the paper's example. */
const paperSentence = 'The physician hired the secretary because he was overwhelmed with clients.'
const paperTargets = ['physician', 'he']

const pronouns = new Set(
  'he him his himself she her hers herself it its itself they them their theirs themselves'.split(' '),
)

/** Words that are no nouns; what is left before a pronoun is offered as its possible antecedents. */
const functionWords = new Set(
  'a an the this that these those and or but because so if when while as of in on at to for with by from was were is are be been had has have did do does not who which whom'.split(
    ' ',
  ),
)

const reportFile = 'antecedent-report.html'

/** The tokens to explain: those of the paper, or every pronoun and the nouns (by exclusion) before it. */
export function targetsOf(input: BertEncoding): number[] {
  const words = input.tokens.map((token) => token.toLowerCase())
  if (input.text === paperSentence) return paperTargets.map((word) => words.indexOf(word)).filter((i) => i >= 0)
  const isPronoun = (i: number) => pronouns.has(words[i]!)
  const last = words.findLastIndex((_, i) => isPronoun(i))
  const isNoun = (i: number) => !isPronoun(i) && !functionWords.has(words[i]!) && /^\p{L}{3,}$/u.test(words[i]!)
  return words.map((_, i) => i).filter((i) => isPronoun(i) || (i < last && isNoun(i) && followsDeterminer(words, i)))
}

const followsDeterminer = (words: readonly string[], i: number): boolean =>
  /^(?:the|an?|my|your|our)$/.test(words[i - 1] ?? '')

export async function explain(words: string[], options: CommonOptions & { nSteps?: number }): Promise<void> {
  const text = readText(words, options, paperSentence)
  const file = options.html ?? reportFile
  const bert = await loadModel(options)
  const input = bert.tokenize(text)
  const tokens = targetsOf(input)
  if (tokens.length === 0) {
    throw new OptionError({
      op: 'explain',
      expected: 'a text with a pronoun',
      got: text,
      hint: 'attribute --target TOKEN explains any token',
    })
  }
  // the default report is ours to renew; a file that the user names is not
  requireAllWritable(options, tokens.length)
  const { nSteps } = options
  notice(
    options,
    `${tokens.length} targets, ${nSteps ? `${nSteps} points` : 'the path cut where the largest dimension changes'} …`,
  )
  const attributions = await layerIntegratedGradients({
    forward: (on) => {
      const { lastHiddenState } = bert.forward(on, { outputRows: tokens })
      // a fixed number of points is the paper's and Captum's rule; a maximum has jumps, for which the path is cut
      return tokens.map((_, row) =>
        nSteps ? reduceToken(lastHiddenState, { token: row, reduce: 'max' }) : tokenMaximum(lastHiddenState, row),
      )
    },
    input,
    baseline: padBaseline(input),
    onProgress: progress(options),
    ...(nSteps && { nSteps }),
    targetNames: tokens.map((token) => `max of the output vector of token ${token} "${input.tokens[token]}"`),
    targetTokens: tokens,
  })
  const attention = await attend(bert, input)
  if (options.json) printJson({ attributions, attention })
  else {
    const style = { color: useColor(options), width: outputWidth() }
    for (const record of attributions) process.stdout.write(`${renderAttributionText(record, style)}\n\n`)
  }
  writeFigures(
    options,
    attributions.map((record) => attributionSvg(record)),
  )
  writeWhole(file, renderReport({ title: 'What each output vector depends on', attributions, attention, version }))
  notice(options, `report: ${file}`)
}
