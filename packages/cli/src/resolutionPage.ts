/** Resolved documents as one self-contained HTML page. */
import { type Html, html, raw } from '@antecedent/attribution'
import { namesOf, partsOf } from './marks.ts'
import type { Resolved } from './resolve.ts'

const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --quiet: #59636e; --line: #d9dde3; --ink: 30%; --ground: 93% }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --text: #e4e7eb; --quiet: #9aa4b0; --line: #343a43; --ink: 80%; --ground: 22% }
}
body { margin: 0 auto; max-width: 860px; padding: 40px 24px; background: var(--page); color: var(--text); font: 16px/1.6 system-ui, sans-serif }
h1 { font-size: 28px; line-height: 1.2 } h2 { font-size: 20px; margin: 48px 0 8px; overflow-wrap: anywhere }
.text { font-size: 18px; line-height: 2; white-space: pre-line; overflow-wrap: anywhere }
mark { color: inherit; background: hsl(var(--hue) 70% var(--ground)); border-bottom: 2px solid hsl(var(--hue) 60% 50%); border-radius: 3px; padding: 1px 2px }
mark sub, .entities b { color: hsl(var(--hue) 70% var(--ink)); font-size: 12px; font-weight: 600 }
mark.on { outline: 2px solid hsl(var(--hue) 70% 45%) }
.entities { padding: 0; list-style: none } .entities li { margin: 2px 0 } .entities b { display: inline-block; min-width: 2.2em; font-size: 14px }
details { border-top: 1px solid var(--line); padding: 8px 0 } summary { cursor: pointer } td { padding: 1px 16px 1px 0 }
.quiet, footer { color: var(--quiet); font-size: 14px } footer { margin-top: 64px }
@media print { details { display: none } }
`

/** Points at a mention: all of its entity are outlined. */
const script = `
const all = (on) => document.querySelectorAll('mark.on').forEach((mark) => mark.classList.toggle('on', on))
document.addEventListener('pointerover', ({ target }) => {
  all(false)
  const mark = target.closest('[data-entity]')
  if (mark) document.querySelectorAll('mark[data-entity="' + mark.dataset.entity + '"]').forEach((m) => m.classList.add('on'))
})
`

/** Hues by the golden angle: neighbours in number differ clearly. */
const hue = (entity: number): string => ((entity * 137.508) % 360).toFixed(0)

/** The text with nested marks; one that crosses another is cut in two. */
function markedText(resolved: Resolved, key: number): Html[] {
  const back = new Map(resolved.resolution.links.map((link) => [link.mention.words.join(), link]))
  const open: { entity: number; tag: Html }[] = []
  const start = ({ entity, tag }: (typeof open)[number]) => {
    open.push({ entity, tag })
    return tag
  }
  return partsOf(resolved).map((part) => {
    if (part.kind === 'text') return html`${part.text}`
    const { entity, mention } = part
    if (part.kind === 'open') {
      const link = back.get(mention.words.join())
      const title = link
        ? `→ ${link.antecedent.text ?? ''} (${(100 * link.probability).toFixed(0)} %)`
        : 'first mention'
      return start({
        entity,
        tag: html`<mark data-entity="${key}-${entity}" style="--hue: ${hue(entity)}" title="${title}">`,
      })
    }
    const at = open.findLastIndex((other) => other.entity === entity)
    const inner = open.splice(at + 1)
    open.pop()
    const closed = inner.map(() => raw('</mark>'))
    return html`${closed}<sub>${entity}</sub></mark>${inner.map(start)}`
  })
}

function section(resolved: Resolved, key: number): Html {
  const { document, resolution } = resolved
  const { clusters, links } = resolution
  const names = (c: number) =>
    namesOf(clusters[c]!)
      .map(({ name, count }) => (count > 1 ? `${name} ×${count}` : name))
      .join(' · ')
  return html`<section><h2>${document.id}${document.part > 0 && `, part ${document.part}`}</h2>
<div class="text" dir="auto">${markedText(resolved, key)}</div>
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
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Antecedent ${version}">
<link rel="icon" href="data:,">
<title>Who is who</title>
<style>${raw(style)}</style>
</head>
<body>
<h1>Who is who</h1>
<p class="quiet">Mentions of one entity have one number and colour. Point at one to see the others, and what it refers to.</p>
${parts.map(section)}
<footer>Model ${model}. Antecedent ${version}. This page is self-contained and loads nothing.</footer>
<script>${raw(script)}</script>
</body>
</html>
`.markup
}
