/** One self-contained HTML page with the paper's three figures. */
import type { AttentionRecord, AttributionRecord } from '../record.ts'
import { type Html, html, raw, visible } from './html.ts'
import { axesDefinition, headFigure, headStyle, normFigure, pageNumbers, sharesTable } from './maps.ts'
import { pageScript } from './pageScript.ts'
import { pageStyle } from './pageStyle.ts'
import { htmlPage } from './shell.ts'
import {
  attributionCard,
  attributionTable,
  colorChoice,
  completenessTable,
  provenanceDetails,
  tokenNumbersDetails,
} from './words.ts'

/** Sections of the caller's own, in the page's style. */
export interface ReportLead {
  body: Html
  /** rules for its own classes, after those of the page */
  style?: string
  script?: string
  /** the records that its sections show, for the page's warnings and provenance */
  attributions: readonly AttributionRecord[]
}

/** What a report is made of. */
export interface ReportOptions {
  title: string
  /** rows of figure 3; may be empty */
  attributions: readonly AttributionRecord[]
  /** figures 1 and 2; null leaves them out */
  attention: AttentionRecord | null
  /** the command or call that makes this report again */
  command?: string
  /** version of the program that wrote it, for the foot of the page */
  version: string
  /** what stands before the figures: a page on decisions of a model, say */
  lead?: ReportLead
  /** language of the explained text (BCP 47), for fonts and screen readers; the page itself is in English */
  lang?: string
}

/** JSON that can stand in a script element: nothing in it closes the element or opens a comment. */
const embed = (value: unknown): Html => raw(JSON.stringify(value).replaceAll('<', '\\u003c'))

const unique = (values: readonly (string | null | undefined)[]): string[] => [
  ...new Set(values.filter((value) => typeof value === 'string')),
]

function header({ title, attributions, attention, lang, lead }: ReportOptions): Html {
  const records = [...(lead?.attributions ?? []).slice(0, 1), ...attributions, ...(attention ? [attention] : [])]
  const fact = (name: string, values: string[]) =>
    values.length > 0 && html`<div><dt>${name}</dt><dd>${values.join('; ')}</dd></div>`
  const texts = unique(records.map(({ text }) => text))
  return html`<header class="page-header"><p class="overline">Attribution report</p><h1>${title}</h1>
${texts.map((text) => html`<blockquote class="text" dir="auto" ${lang && html`lang="${lang}"`}>${text}</blockquote>`)}
<dl class="meta">${fact('Model', unique(records.map(({ provenance }) => provenance.model)))}${fact('Tokens', unique(records.map(({ tokens }) => String(tokens.length))))}${fact('Computed on', unique(records.map(({ provenance }) => `${provenance.device}, ${provenance.dtype}`)))}</dl></header>`
}

function warnings(records: readonly AttributionRecord[]): Html | null {
  const entries = records.flatMap(({ target, warnings }) =>
    warnings.map((warning) => html`<li><strong>${target}:</strong> ${warning}</li>`),
  )
  if (entries.length === 0) return null
  return html`<section class="warnings" role="note"><h2>${entries.length === 1 ? 'A warning' : `${entries.length} warnings`}</h2><ul>${entries}</ul></section>`
}

function attentionSections(record: AttentionRecord): Html {
  const heads = record.attentions[0]?.length ?? 0
  return html`${axesDefinition(record.tokens)}
<section class="part" id="figure-1"><h2><span class="number">Figure 1</span>Token-to-token head attention</h2>
<p class="caption">One map for each of the ${heads} heads of a layer. A row is the token that attends (the query), a column the token attended to (the key); every row sums to 1. A bright diagonal means that tokens attend to themselves, a bright column that many tokens attend to the same one, often [CLS] or [SEP].</p>
${headFigure(record)}
<p class="note">Point at a map, or focus it and use the arrow keys, to read its numbers. Attention alone says little about which tokens matter for an output.</p></section>
<section class="part" id="figure-2"><h2><span class="number">Figure 2</span>Token-to-token layer attention</h2>
<p class="caption">Each layer in one map: the L2 norm over its ${heads} heads of what figure 1 shows. A value lies between 0 and √${heads}, rows do not sum to 1, and it is not a probability: one sharp head and many faint ones can give the same norm.</p>
${normFigure(record)}
${sharesTable(record)}</section>`
}

function attributionSection({ attributions, lang, lead }: ReportOptions): Html {
  return html`<section class="part" id="figure-3"><h2><span class="number">Figure 3</span>Word attributions</h2>
<p class="caption">How the method divides, among the tokens, the change of a scalar F of the model's output from the baseline to the text. Green (blue on the second scale) counts towards F, red (orange) against it; the colours compare tokens of the same row only. An encoding predicts no class, so the columns on labels are empty, as in the paper.</p>
${!lead && colorChoice()}
${attributionTable(attributions, lang)}
<h3 class="subhead">What the scores add up to</h3>
<p class="caption">The attribution score is the sum of the token scores after their division by their L2 norm. It lies between −√n and √n for n tokens and grows as the attributions become uniform and of one sign. It is not a share of F, nor comparable between texts of different length. The raw scores are in units of F; how far their sum is from F(x) − F(baseline) is the completeness error.</p>
${completenessTable(attributions)}
${tokenNumbersDetails(attributions)}
<p class="note">An attribution describes this model, this F, this baseline and this path between them. Another choice of any of them can rank the tokens otherwise.</p></section>`
}

function provenanceSection({ attributions, lead }: ReportOptions): Html {
  const records = [...(lead?.attributions ?? []), ...attributions]
  return html`<section class="part" id="provenance"><h2>Settings and provenance</h2>${records.map(provenanceDetails)}</section>`
}

/**
 * The page as one string: nothing is loaded from the network, and without JavaScript only the numbers under the
 * pointer are missing. Figure 1 opens on the first layer. A long text grows the file by about four bytes for each
 * cell of the maps; layers of head maps beyond 2.5 million cells are left out, and the page says how many.
 */
export function renderReport(options: ReportOptions): string {
  const { title, attributions, attention, command, version, lead } = options
  const numbers = attention && pageNumbers(attention)
  const shown = numbers
    ? { ...numbers, tokens: numbers.tokens.map(visible) }
    : { tokens: [], heads: [], norms: { max: 1, data: '' } }
  const body = html`${header(options)}
<main>
${warnings([...(lead?.attributions ?? []), ...attributions])}
${lead && html`${colorChoice()}${lead.body}`}
${attributions.length > 0 && html`<div class="cards">${attributions.map(attributionCard)}</div>`}
${attention && attentionSections(attention)}
${attributions.length > 0 && attributionSection(options)}
${(attributions.length > 0 || lead) && provenanceSection(options)}
</main>`
  return htmlPage({
    title,
    version,
    style: pageStyle + (attention ? headStyle(attention) : '') + (lead?.style ?? ''),
    body,
    foot: command && html`<p>Made by <code>${command}</code></p>`,
    last: html`<div id="tip" role="status" hidden></div>
<script type="application/json" id="numbers">${embed(shown)}</script>`,
    script: pageScript + (lead?.script ?? ''),
  })
}
