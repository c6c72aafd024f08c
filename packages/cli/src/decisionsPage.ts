/** Decisions on pronouns as sections of a report, the text as it is beside the one with its pronouns exchanged. */
import {
  type AttributionRecord,
  attributedWords,
  attributionFacts,
  completenessTable,
  type Html,
  html,
  type ReportLead,
  significant,
  tokenNumbersDetails,
} from '@antecedent/attribution'
import { type ExplainedDocument, outcomeOf, type PronounDecision, recordsOf } from './decisions.ts'
import { weighedRows } from './decisionsText.ts'
import { entityScript, entityStyle, hue, markedText } from './entityMarks.ts'
import { namesOf } from './marks.ts'

const style = `
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 24px 48px }
.sides > * { min-width: 0 }
.side > h3 { color: var(--quiet); font-weight: 500; margin-bottom: 4px }
.entities { margin: 8px 0 0; padding: 0; list-style: none; font-size: 15px } .entities b { display: inline-block; min-width: 2em }
.decision { margin-top: 40px; padding-top: 24px; border-top: 1px solid var(--line) }
.decision > h3 { font-size: 19px; margin-bottom: 14px }
.weighed { width: 100%; max-width: 640px; margin-bottom: 24px }
.weighed td, .weighed th { padding-block: 5px }
.weighed tbody th { font-weight: 400; overflow-wrap: anywhere }
.weighed td { width: 30%; min-width: 96px; white-space: nowrap }
.share { display: block; height: 6px; margin-top: 3px; border-radius: 3px; background: var(--accent) }
.attributed { margin-bottom: 22px }
.attributed .words { margin: 4px 0 6px }
.attributed small { font-size: 13px }
${entityStyle}`

/** What stands above each text. */
const titles = ['As written', 'Gender of the pronouns exchanged'] as const

function sideOf(side: ExplainedDocument, s: number, count: number): Html {
  const { clusters } = side.resolution
  const names = (c: number) =>
    namesOf(clusters[c]!)
      .map(({ name, count }) => (count > 1 ? `${name} ×${count}` : name))
      .join(' · ')
  const entities = clusters.map(
    (_, c) => html`<li data-entity="${s}-${c + 1}" style="--hue: ${hue(c + 1)}"><b>${c + 1}</b>${names(c)}</li>`,
  )
  return html`<div class="side resolved">${count > 1 && html`<h3>${titles[s]}</h3>`}${markedText(side, s)}
${clusters.length > 0 ? html`<ul class="entities">${entities}</ul>` : html`<p class="quiet">No entity has two mentions.</p>`}</div>`
}

const percent = (probability: number): Html =>
  html`${(100 * probability).toFixed(1)} %<span class="share" style="width:${(100 * probability).toFixed(1)}%"></span>`

function weighedTable(decisions: readonly PronounDecision[]): Html | null {
  const rows = weighedRows(decisions)
  if (rows.length === 0) return null
  return html`<table class="weighed"><thead><tr><th scope="col">Antecedent</th>${decisions.map(({ text }) => html`<th scope="col">probability, “${text}”</th>`)}</tr></thead><tbody>${rows.map(
    ({ name, probabilities }) =>
      html`<tr><th scope="row">${name}</th>${probabilities.map((p) => html`<td>${p === undefined ? 'not weighed' : percent(p)}</td>`)}</tr>`,
  )}</tbody></table>`
}

function attributed(record: AttributionRecord): Html {
  const { difference } = attributionFacts(record)
  const error = significant(record.completenessError, 2)
  return html`<div class="attributed"><p class="label">${record.target}</p>${attributedWords(record)}<small>F(x) ${significant(record.fx)}, F(x) − F(baseline) ${significant(difference)}, completeness error ${error}</small></div>`
}

function decisionSection(sides: readonly ExplainedDocument[], at: number): Html {
  const decisions = sides.map(({ decisions }) => decisions[at]!)
  const columns = decisions.map(({ attributions }) =>
    attributions
      ? html`<div>${attributed(attributions.logProbability)}${attributed(attributions.margin)}</div>`
      : html`<div></div>`,
  )
  return html`<section class="decision"><h3>${[...new Set(decisions.map((decision) => `“${decision.text}” ${outcomeOf(decision)}`))].join(' · ')}</h3>
${weighedTable(decisions)}
<div class="sides">${columns}</div></section>`
}

/** What a report says first: who is who, and why each pronoun was linked as it was. */
export function decisionsLead(sides: readonly ExplainedDocument[]): ReportLead {
  const attributions = sides.flatMap(recordsOf)
  const { decisions, decoding } = sides[0]!
  const weighed = sides.flatMap((side) => side.decisions.flatMap(({ choices }) => choices))
  const knowsStrings = weighed.some(({ stringMatch }) => stringMatch !== null)
  const body = html`<section class="part" id="links"><h2>Who is who</h2>
<p class="caption">Mentions of one entity have one number and colour. Point at one to see the others, and what it refers to.</p>
<div class="sides">${sides.map((side, s) => sideOf(side, s, sides.length))}</div></section>
<section class="part" id="decisions"><h2>Why each pronoun was linked so</h2>
<p class="caption">The model weighs the earlier spans, and that there is none.${decoding === 'entity' && ' The pronoun joins the entity whose mentions are likeliest together, and is linked to the likeliest of them.'} Two numbers of a decision are divided among the tokens, by Layer Integrated Gradients from a [PAD] baseline: the log-probability of the antecedent that it chose, and the margin of that one’s score over the best other. Spans and pairs are those that the model kept for this text, on the whole path, and so is what it knows of a pair besides vectors: distance, speaker${knowsStrings && ', equal words'}.${sides.length > 1 && ' Names and nouns keep their gender where the pronouns’ is exchanged.'}</p>
${decisions.map((_, at) => decisionSection(sides, at))}
${attributions.length > 0 && html`<details class="numbers"><summary>What the scores add up to</summary>${completenessTable(attributions)}</details>${tokenNumbersDetails(attributions)}`}</section>`
  return { body, style, script: entityScript, attributions }
}
