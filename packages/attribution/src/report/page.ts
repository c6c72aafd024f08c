/** The report: one self-contained page with the paper's three figures. It loads nothing and runs no script. */
import type { AttentionRecord, AttributionRecord } from '../record.ts'
import { attributionRgb, captumColor, hex, legible } from './colors.ts'
import { attributionFacts, captumToken, fixed, methodText, relativeErrorText, signed, significant } from './facts.ts'
import { type Html, html, raw } from './html.ts'
import { attentionHeadsSvg, attentionNormsSvg } from './svg.ts'

export interface ReportOptions {
  /** the page's heading; default: the text that is explained */
  title?: string
  attributions: readonly AttributionRecord[]
  /** null leaves figures 1 and 2 out */
  attention?: AttentionRecord | null
}

const style = `
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5c6470; --line: #d9dde3; --page: #ffffff; --card: #f6f7f9; --warn: #8a4b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --soft: #a2aab5; --line: #3a4048; --page: #16191d; --card: #1f2329; --warn: #ffb95e } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .4rem; overflow-wrap: anywhere } h2 { font-size: 1.15rem; margin: 2.4rem 0 .3rem }
p { max-width: 46rem; margin: .4rem 0 } .soft { color: var(--soft); font-size: .9rem }
.box { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; margin: .8rem 0; background: var(--card) }
.figure { background: #fff; color: #1d2129 } .figure svg { display: block; width: 100%; min-width: 46rem; height: auto }
table { border-collapse: collapse; width: 100%; font-size: .92rem } th, td { padding: .5rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
tr:last-child td { border-bottom: 0 } th { font-weight: 600; color: var(--soft) } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.tokens { line-height: 2; min-width: 18rem } .tokens span { padding: .15em .3em; border-radius: 3px; white-space: nowrap }
.legend span { display: inline-block; width: 1em; height: 1em; border: 1px solid var(--line); vertical-align: -.15em; margin: 0 .3em 0 1em }
.warning { color: var(--warn); border-left: 3px solid currentColor; padding-left: .7rem }
details { margin-top: .6rem } summary { cursor: pointer } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .88rem } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 40rem) { .paper :is(th, td):nth-child(-n+3) { display: none } dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
@media print { body { max-width: none } .box { overflow: visible; break-inside: avoid } .figure svg { max-width: 100% } }
`

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

/** The tokens on Captum's colours, each with its number on hover. */
function colouredTokens({ tokens, normalizedScores, scores }: AttributionRecord): Html {
  return html`${tokens.map((token, i) => {
    const share = normalizedScores[i]!
    const ink = hex(legible(attributionRgb(share, 'captum')))
    return html`<span style="background: ${captumColor(share)}; color: ${ink}" title="${signed(scores[i]!)} (normalised ${fixed(share, 3)})">${captumToken(token)}</span> `
  })}`
}

const legend = html`<p class="legend soft">Legend:${[-1, 0, 1].map(
  (a, i) => html`<span style="background: ${captumColor(a)}"></span>${['Negative', 'Neutral', 'Positive'][i]}`,
)}</p>`

/** The paper's figure 3, with Captum's columns: the record of a target without classes says None. */
const paperTable = (records: readonly AttributionRecord[]): Html => html`<div class="box paper"><table>
<thead><tr><th>True Label</th><th>Predicted Label</th><th>Attribution Label</th><th class="number">Attribution Score</th><th>Word Importance</th></tr></thead>
<tbody>${records.map(
  (record) =>
    html`<tr><td>None</td><td>None (0.00)</td><td>None</td><td class="number">${fixed(record.attributionScore, 2)}</td><td class="tokens">${colouredTokens(record)}</td></tr>`,
)}</tbody></table></div>`

/** What Captum's columns leave out: what the numbers add up to, and how well. */
const factsTable = (records: readonly AttributionRecord[]): Html => html`<div class="box"><table>
<thead><tr><th>Target F</th><th class="number">F(x)</th><th class="number">F(baseline)</th><th class="number">Difference</th><th class="number">Sum of attributions</th><th class="number">Completeness error</th></tr></thead>
<tbody>${records.map((record) => {
  const facts = attributionFacts(record)
  return html`<tr><td>${record.target}</td><td class="number">${significant(record.fx)}</td><td class="number">${significant(record.fBaseline)}</td><td class="number">${signed(facts.difference)}</td><td class="number">${signed(facts.sum)}</td><td class="number">${signed(record.completenessError)}<br><span class="soft">${relativeErrorText(facts)}</span></td></tr>`
})}</tbody></table></div>`

const warnings = (records: readonly AttributionRecord[]): Html =>
  html`${records.flatMap((record) => record.warnings.map((text) => html`<p class="warning">${record.target}: ${text}.</p>`))}`

function provenance(record: AttributionRecord | undefined): Html {
  if (!record) return html``
  const { library, model, weightsHash, device, dtype } = record.provenance
  const rows: [string, string | null][] = [
    ['Method', methodText(record)],
    ['Evaluations per target', `${record.evaluations.forward} forward, ${record.evaluations.backward} backward`],
    ['Model', model],
    ['Weights (sha256)', weightsHash],
    ['Device', `${device}, ${dtype}`],
    ['Library', `antecedent ${library}`],
  ]
  return html`<details><summary>How this was computed</summary><dl>${rows.map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value ?? 'not known'}</dd>`,
  )}</dl></details>`
}

const figures = (attention: AttentionRecord): Html => html`
<h2>Figure 1. Token-to-token attention of the first layer, by head</h2>
<p>Rows are queries, columns are keys; each row of a map adds up to 1. Attention is not a measure of importance by itself.</p>
<div class="box figure" tabindex="0">${raw(attentionHeadsSvg(attention))}</div>
<h2>Figure 2. Attention of every layer: L2 norm over the heads</h2>
<p>A cell is √Σ A² over the heads, between 0 and √${attention.attentions[0]?.length ?? 0}. It is not a probability, and rows do not add up to 1.</p>
<div class="box figure" tabindex="0">${raw(attentionNormsSvg(attention))}</div>`

/** Draws records as one HTML page. All text is escaped; a policy forbids scripts and any request. */
export function renderReport({ attributions, attention = null, title }: ReportOptions): string {
  const text = attributions[0]?.text ?? attention?.text ?? null
  const heading = title ?? text ?? 'Attributions'
  const bound = fixed(Math.sqrt(attributions[0]?.tokens.length ?? 0), 2)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${heading}</title>
<style>${raw(style)}</style>
</head>
<body>
<h1 dir="auto">${heading}</h1>
<p class="soft">Layer Integrated Gradients and attention of a BERT encoder, after Shah, Xu, Zhao and Yin.</p>
${warnings(attributions)}
${attention && figures(attention)}
<h2>Figure 3. What each output vector depends on</h2>
${legend}
${paperTable(attributions)}
<p>The attribution score is the sum of the tokens’ attributions after they are divided by their L2 norm. It lies between −${bound} and ${bound} for this many tokens, and is no share or probability. What the attributions themselves add up to is F(x) − F(baseline), as far as the quadrature is exact:</p>
${factsTable(attributions)}
${provenance(attributions[0])}
</body>
</html>
`.markup
}
