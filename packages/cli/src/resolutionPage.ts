/** Resolved documents as one self-contained HTML page. */
import { type Html, html, htmlPage } from '@antecedent/attribution'
import { entityScript, entityStyle, hue, markedText } from './entityMarks.ts'
import { namesOf } from './marks.ts'
import type { Resolved } from './resolve.ts'

const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --quiet: #59636e; --line: #d9dde3 }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --text: #e4e7eb; --quiet: #9aa4b0; --line: #343a43 } }
body { margin: 0 auto; max-width: 860px; padding: 40px 24px; background: var(--page); color: var(--text); font: 16px/1.6 system-ui, sans-serif }
h1 { font-size: 28px; line-height: 1.2 } h2 { font-size: 20px; margin: 48px 0 8px; overflow-wrap: anywhere }
.entities { padding: 0; list-style: none } .entities li { margin: 2px 0 } .entities b { display: inline-block; min-width: 2.2em; font-size: 14px }
details { border-top: 1px solid var(--line); padding: 8px 0 } summary { cursor: pointer } td { padding: 1px 16px 1px 0 }
.quiet, footer { color: var(--quiet); font-size: 14px } footer { margin-top: 64px }
@media print { details { display: none } }
${entityStyle}`

function section(resolved: Resolved, key: number): Html {
  const { document, resolution } = resolved
  const { clusters, links } = resolution
  const names = (c: number) =>
    namesOf(clusters[c]!)
      .map(({ name, count }) => (count > 1 ? `${name} ×${count}` : name))
      .join(' · ')
  return html`<section class="resolved"><h2>${document.id}${document.part > 0 && `, part ${document.part}`}</h2>
${markedText(resolved, key)}
<p class="quiet">${document.words.length} words, ${clusters.length} entities, ${links.length} links</p>
<ul class="entities">${clusters.map((_, c) => html`<li data-entity="${key}-${c + 1}" style="--hue: ${hue(c + 1)}"><b>${c + 1}</b> ${names(c)}</li>`)}</ul>
<details><summary>Links with their probabilities</summary><table>${links.map(
    ({ mention, antecedent, probability }) =>
      html`<tr><td>${mention.text}</td><td>→ ${antecedent.text}</td><td>${(100 * probability).toFixed(1)} %</td></tr>`,
  )}</table></details></section>
`
}

/** The page as one string: nothing is loaded from the network. */
export function resolutionPage(
  parts: readonly Resolved[],
  { model, version }: { model: string; version: string },
): string {
  const title = 'Who is who'
  const body = html`<h1>${title}</h1>
<p class="quiet">Mentions of one entity have one number and colour. Point at one to see the others, and what it refers to.</p>
${parts.map(section)}`
  return htmlPage({ title, version, style, body, foot: html`<p>Model ${model}.</p>`, script: entityScript })
}
