/** Figure 3 of the page: attributions of words, as Captum tabulates them, and what stands behind them. */
import type { AttributionRecord } from '../record.ts'
import { attributionRgb, captumColor, hex, legible } from './colors.ts'
import {
  attributionFacts,
  captumToken,
  estimateText,
  fixed,
  largest,
  methodText,
  relativeErrorText,
  signed,
  significant,
  winnersText,
  words,
} from './facts.ts'
import { type Fragment, type Html, html } from './html.ts'

/** Both colourings stand in the markup as variables; a radio button above the table chooses, without a script. */
function colors(score: number): string {
  const diverging = attributionRgb(score, 'diverging')
  const captumText = hex(legible(attributionRgb(score, 'captum')))
  return `--c:${captumColor(score)};--ct:${captumText};--d:${hex(diverging)};--dt:${hex(legible(diverging))}`
}

function token(record: AttributionRecord, i: number): Html {
  const score = record.normalizedScores[i]!
  const shown = captumToken(record.tokens[i]!)
  const numbers = `${shown}: score ${signed(record.scores[i]!)}, normalized ${fixed(score, 3)}`
  const target = i === record.targetToken && ' target'
  return html`<mark class="token${target}" style="${colors(score)}" title="${numbers}"><bdi>${shown}</bdi></mark>`
}

/** The text of an attribution, its tokens coloured. */
export function attributedWords(record: AttributionRecord, lang?: string): Html {
  const groups = words(record.tokens).map(
    (group) => html`<span class="word">${group.map((i) => token(record, i))}</span> `,
  )
  return html`<div class="words" dir="auto" ${lang && html`lang="${lang}"`}>${groups}</div>`
}

const legendEntry = (score: number, name: string) =>
  html`<span class="legend-entry"><span class="swatch" style="${colors(score)}"></span>${name}</span>`

/** Which colours a page's tokens have, and what they mean. Once a page. */
export function colorChoice(): Html {
  return html`<fieldset class="choice"><legend>Colours</legend><label><input type="radio" name="scale" id="scale-captum" checked><span>As in Captum</span></label><label><input type="radio" name="scale" id="scale-diverging"><span>For every colour vision</span></label></fieldset>
<p class="legend">${legendEntry(-1, 'Negative')}${legendEntry(0, 'Neutral')}${legendEntry(1, 'Positive')}<span class="legend-entry"><span class="swatch target"></span>token that F reads</span></p>`
}

/** The paper's figure 3. The columns on labels hold what Captum's record holds for an encoding: no class at all. */
export function attributionTable(records: readonly AttributionRecord[], lang?: string): Html {
  const columns = ['True Label', 'Predicted Label', 'Attribution Label', 'Attribution Score', 'Word Importance']
  const rows = records.map((record) => {
    const cells = ['None', 'None (0.00)', 'None', record.attributionScore.toFixed(2), attributedWords(record, lang)]
    return html`<tr>${cells.map((cell, i) => html`<td data-column="${columns[i]}">${cell}</td>`)}</tr>`
  })
  return html`<div class="scroll" role="region" aria-label="Attribution table" tabindex="0"><table class="captum"><thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`
}

/** What the scores of each attribution add up to, and how exactly: a column an attribution. */
export function completenessTable(records: readonly AttributionRecord[]): Html {
  const row = (name: string, note: string | null, cell: (record: AttributionRecord) => Fragment) =>
    html`<tr><th scope="row">${name}${note && html`<small>${note}</small>`}</th>${records.map((record) => html`<td>${cell(record)}</td>`)}</tr>`
  const facts = (record: AttributionRecord) => attributionFacts(record)
  const [estimates, cut] = [records.some(estimateText), records.some(winnersText)]
  return html`<div class="scroll" role="region" aria-label="Completeness table" tabindex="0"><table class="facts"><thead><tr><th scope="col">F</th>${records.map((record) => html`<th scope="col" class="target-name">${record.target}</th>`)}</tr></thead><tbody>
${row('Attribution score', 'sum of the normalized scores', (record) => html`${fixed(record.attributionScore, 2)}<small>at most ±${fixed(facts(record).bound, 2)}</small>`)}
${row('Sum of raw scores', 'in units of F', (record) => significant(facts(record).sum))}
${row('F(x)', null, (record) => significant(record.fx))}
${row('F(baseline)', null, (record) => significant(record.fBaseline))}
${row('F(x) − F(baseline)', null, (record) => significant(facts(record).difference))}
${row('Completeness error', 'sum minus difference', (record) => html`${significant(record.completenessError)}<small>${relativeErrorText(facts(record))}</small>`)}${estimates && row('Estimated error', 'of the largest score, by the adaptive rule', (record) => estimateText(record) ?? '—')}${cut && row('Largest coordinate', 'along the path', (record) => winnersText(record) ?? '—')}
${row('Evaluations', 'forward, backward', ({ evaluations }) => `${evaluations.forward}, ${evaluations.backward}`)}
</tbody></table></div>`
}

function tokenNumbers(record: AttributionRecord): Html {
  const max = largest(record.normalizedScores.map(Math.abs))
  const rows = record.tokens.map((name, i) => {
    const score = record.normalizedScores[i]!
    const share = max > 0 && Number.isFinite(score) ? (50 * Math.abs(score)) / max : 0
    const bar = html`<span class="bar ${score < 0 ? 'negative' : 'positive'}" style="width:${share.toFixed(1)}%"></span>`
    return html`<tr><td>${i}</td><th scope="row"><bdi>${captumToken(name)}</bdi></th><td>${signed(record.scores[i]!)}</td><td>${fixed(score, 3)}</td><td class="bar-cell">${bar}</td></tr>`
  })
  return html`<div class="token-numbers"><p class="target-name">${record.target}</p><div class="scroll" role="region" aria-label="Numbers of the tokens" tabindex="0"><table><thead><tr><th scope="col">#</th><th scope="col">Token</th><th scope="col">Score</th><th scope="col">Normalized</th><th scope="col"></th></tr></thead><tbody>${rows}</tbody></table></div></div>`
}

/** Every token's numbers, to read without a pointer. */
export function tokenNumbersDetails(records: readonly AttributionRecord[]): Html {
  return html`<details class="numbers"><summary>Numbers of every token</summary><div class="token-tables">${records.map(tokenNumbers)}</div></details>`
}

/** One attribution at a glance: the score between its bounds, the strongest tokens, the completeness error. */
export function attributionCard(record: AttributionRecord): Html {
  const facts = attributionFacts(record)
  const at = Number.isFinite(record.attributionScore) ? 50 + (50 * record.attributionScore) / (facts.bound || 1) : 50
  const gauge = `left:${Math.min(at, 50).toFixed(1)}%;width:${Math.abs(at - 50).toFixed(1)}%`
  const strongest = record.normalizedScores
    .map((score, i) => ({ score, i }))
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, 4)
    .map(
      ({ score, i }) =>
        html`<li><mark class="token" style="${colors(score)}"><bdi>${captumToken(record.tokens[i]!)}</bdi></mark> ${signed(record.scores[i]!)}</li>`,
    )
  return html`<article class="card"><h3>${record.target}</h3><p class="figure-number">${fixed(record.attributionScore, 2)}<small>attribution score, at most ±${fixed(facts.bound, 2)}</small></p><div class="gauge" aria-hidden="true"><span class="fill" style="${gauge}"></span><span class="zero"></span></div><p class="label">Strongest tokens, raw scores</p><ul class="strongest">${strongest}</ul><p class="label">Completeness error</p><p>${significant(record.completenessError)} <span class="quiet">(${relativeErrorText(facts)})</span></p></article>`
}

function definitions(entries: readonly (readonly [string, Fragment])[]): Html {
  return html`<dl>${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

/** How a record was made; folded, since it matters to whoever wants to compute it again. */
export function provenanceDetails(record: AttributionRecord): Html {
  const { provenance, settings } = record
  const keys = Object.keys(settings).sort()
  return html`<details><summary>${record.target}</summary><div class="columns"><section><h3>Settings</h3>${definitions(keys.map((key) => [key, html`<code>${String(settings[key])}</code>`]))}</section><section><h3>Provenance</h3>${definitions(
    [
      ['method', methodText(record)],
      ['scores sum to', record.sumsTo],
      ['exact', record.exact ? 'yes, up to rounding' : 'no, an approximation'],
      ['model', provenance.model ?? 'a function'],
      ['sha256 of the weights', provenance.weightsHash ? html`<code>${provenance.weightsHash}</code>` : 'unknown'],
      ['device', `${provenance.device}, ${provenance.dtype}`],
      ...(provenance.pipelines ? [['kernels that ran', provenance.pipelines.join(', ')] as const] : []),
      ['library', provenance.library],
    ],
  )}</section></div></details>`
}
