/** `antecedent explain`: who is who in a text and why, and the paper's figures. */
import { attributionSvg, renderAttributionText, renderReport, version } from '@antecedent/attribution'
import { readText as documentOf, isPersonalPronoun, swapGender, wordSpans } from '@antecedent/coref'
import { CorefModel } from '@antecedent/coref/node'
import { OptionError } from '@antecedent/tensor'
import { type ExplainedDocument, explainLinks } from './decisions.ts'
import { decisionsLead } from './decisionsPage.ts'
import { renderDecisionsText } from './decisionsText.ts'
import { paperFigures, paperSentence, targetsOf } from './figures.ts'
import { type CommonOptions, loadAnyModel, readText } from './options.ts'
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
import { renderResolutionText } from './resolutionText.ts'

export interface ExplainOptions extends CommonOptions {
  nSteps?: number
  tolerance?: number
  pronouns: number
}

const reportFile = 'antecedent-report.html'

/** The text resolved and its pronouns' links explained; then, where it has gendered ones, with those exchanged. */
async function explainBoth(model: CorefModel, text: string, options: ExplainOptions): Promise<ExplainedDocument[]> {
  const document = documentOf(text)
  const swapped = swapGender(document)
  const isSwapped = swapped.words.some((word, i) => word !== document.words[i])
  const most = options.pronouns
  const count = document.words.filter(isPersonalPronoun).length
  if (count > most) notice(options, `the first ${most} of ${count} pronouns (--pronouns ${count} explains all)`)
  const sides: ExplainedDocument[] = []
  for (const side of isSwapped ? [document, swapped] : [document]) {
    const { nSteps, tolerance } = options
    sides.push(await explainLinks(model, side, { most, nSteps, tolerance, onProgress: progress(options) }))
  }
  return sides
}

/** One text's side of the JSON. */
const sideJson = ({ document, resolution, decisions }: ExplainedDocument) => ({
  text: document.text,
  ...resolution,
  decisions,
})

function printSides(sides: readonly ExplainedDocument[], options: ExplainOptions): void {
  const style = { color: useColor(options), width: outputWidth() }
  const [own, ...others] = sides.map((side) => renderResolutionText(side, { ...style, title: false }))
  process.stdout.write(`${own}\n\n`)
  for (const text of others) process.stdout.write(`the gender of its pronouns exchanged:\n\n${text}\n\n`)
  process.stdout.write(`${renderDecisionsText(sides, style)}\n\n`)
}

export async function explain(words: string[], options: ExplainOptions): Promise<void> {
  const text = readText(words, options, paperSentence)
  const file = options.html ?? reportFile
  if (!wordSpans(text).some((span) => isPersonalPronoun(text.slice(...span)))) {
    throw new OptionError({
      op: 'explain',
      expected: 'a text with a pronoun',
      got: text,
      hint: 'attribute --target TOKEN explains any token',
    })
  }
  const model = await loadAnyModel(options)
  const bert = model instanceof CorefModel ? model.bert : model
  const input = bert.tokenize(text)
  const targets = targetsOf(input)
  const tokens = targets.slice(0, options.pronouns)
  // the default report is ours to renew; a file that the user names is not
  requireAllWritable(options, tokens.length)
  const sides = model instanceof CorefModel ? await explainBoth(model, text, options) : []
  const isDrawn = sides.length === 0 || input.ids.length <= bert.config.maxPositions
  if (!isDrawn) notice(options, `no figures: the text has more than ${bert.config.maxPositions} tokens`)
  else if (tokens.length < targets.length) {
    notice(options, `figure 3 has the first ${tokens.length} of ${targets.length} pronouns and nouns before them`)
  }
  const { nSteps } = options
  const figures = isDrawn ? await paperFigures(bert, input, tokens, { nSteps, onProgress: progress(options) }) : null
  const { attributions = [], attention = null } = figures ?? {}
  if (options.json) {
    const [own, swapped] = sides.map(sideJson)
    printJson({ attributions, attention, ...(own && { resolution: own, swapped: swapped ?? null }) })
  } else {
    if (sides.length > 0) printSides(sides, options)
    const style = { color: useColor(options), width: outputWidth() }
    for (const record of attributions) process.stdout.write(`${renderAttributionText(record, style)}\n\n`)
  }
  writeFigures(
    options,
    attributions.map((record) => attributionSvg(record)),
  )
  const title = sides.length > 0 ? 'Who is meant, and why' : 'What each output vector depends on'
  const lead = sides.length > 0 ? { lead: decisionsLead(sides) } : {}
  writeWhole(file, renderReport({ title, attributions, attention, version, ...lead }))
  notice(options, `report: ${file}`)
}
