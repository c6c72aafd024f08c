/** A resolved document's text as markup: the mentions of one entity have one number and colour. */
import { type Html, html, raw } from '@antecedent/attribution'
import { partsOf } from './marks.ts'
import type { Resolved } from './resolve.ts'

/** For elements of class `resolved`. */
export const entityStyle = `
.resolved { --ink: 30%; --ground: 93% }
@media (prefers-color-scheme: dark) { .resolved { --ink: 80%; --ground: 22% } }
.resolved .marked { font-size: 18px; line-height: 2; white-space: pre-line; overflow-wrap: anywhere }
.resolved mark { color: inherit; background: hsl(var(--hue) 70% var(--ground)); border-bottom: 2px solid hsl(var(--hue) 60% 50%); border-radius: 3px; padding: 1px 2px }
.resolved mark sub, .entities b { color: hsl(var(--hue) 70% var(--ink)); font-size: 12px; font-weight: 600 }
.resolved mark.on { outline: 2px solid hsl(var(--hue) 70% 45%) }
`

/** Points at a mention: all of its entity are outlined. */
export const entityScript = `
document.addEventListener('pointerover', ({ target }) => {
  document.querySelectorAll('mark.on').forEach((mark) => mark.classList.remove('on'))
  const mark = target.closest('[data-entity]')
  if (mark) document.querySelectorAll('mark[data-entity="' + mark.dataset.entity + '"]').forEach((m) => m.classList.add('on'))
})
`

/** Hues by the golden angle: neighbours in number differ clearly. */
export const hue = (entity: number): string => ((entity * 137.508) % 360).toFixed(0)

/**
 * The text with nested marks; one that crosses another is cut in two.
 *
 * @param key  tells the documents of a page apart
 */
export function markedText(resolved: Resolved, key: number): Html {
  const back = new Map(resolved.resolution.links.map((link) => [link.mention.words.join(), link]))
  const open: { entity: number; tag: Html }[] = []
  const start = ({ entity, tag }: (typeof open)[number]) => {
    open.push({ entity, tag })
    return tag
  }
  const parts = partsOf(resolved).map((part) => {
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
  return html`<div class="marked" dir="auto">${parts}</div>`
}
