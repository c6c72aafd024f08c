/** A resolved document for a terminal: its text with mentions in brackets, entities, links. */
import { bold, displayWidth, visible } from '@antecedent/attribution'
import { namesOf, partsOf } from './marks.ts'
import type { Resolved } from './resolve.ts'

/** Colours of entities among the 256 that every terminal has, apart in hue on light and dark grounds. */
const colors = [33, 166, 35, 162, 136, 61, 37, 124]

const subscript = (n: number): string => [...String(n)].map((digit) => '₀₁₂₃₄₅₆₇₈₉'[Number(digit)]).join('')

/** A stretch of text without a break, in the colour of an entity or in none. */
interface Bit {
  readonly text: string
  readonly entity: number | null
}

/** Words as they stand between white space, brackets attached; null where a blank line was. */
function unitsOf(resolved: Resolved): (Bit[] | null)[] {
  const units: (Bit[] | null)[] = []
  let unit: Bit[] = []
  const flush = () => {
    if (unit.length > 0) units.push(unit)
    unit = []
  }
  for (const part of partsOf(resolved)) {
    if (part.kind !== 'text') {
      const text = part.kind === 'open' ? '[' : `]${subscript(part.entity)}`
      unit.push({ text, entity: part.entity })
      continue
    }
    for (const piece of part.text.split(/(\s+)/)) {
      if (piece.trim() !== '') unit.push({ text: visible(piece), entity: null })
      else if (piece !== '') {
        flush()
        if (/\n\s*\n/.test(piece)) units.push(null)
      }
    }
  }
  flush()
  return units
}

const paint = ({ text, entity }: Bit, color: boolean): string =>
  color && entity !== null ? `\x1b[38;5;${colors[(entity - 1) % colors.length]};1m${text}\x1b[0m` : text

/** Lines of at most `width` columns, longer ones only where a word is. */
function fill(units: readonly (Bit[] | null)[], width: number, color: boolean): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const unit of units) {
    const size = unit === null ? 0 : unit.reduce((n, { text }) => n + displayWidth(text), 0)
    if (unit === null || (used > 0 && used + 1 + size > width)) {
      lines.push(line)
      if (unit === null && line !== '') lines.push('')
      line = ''
      used = 0
    }
    if (unit === null) continue
    line += (used > 0 ? ' ' : '') + unit.map((bit) => paint(bit, color)).join('')
    used += size + Number(used > 0)
  }
  return [...lines, line]
}

/** As a document of many entities lists them: number, names with how often each occurs. */
function entityLines({ resolution }: Resolved, width: number, color: boolean): string[] {
  const digits = String(resolution.clusters.length).length
  return resolution.clusters.flatMap((mentions, c) => {
    const names = namesOf(mentions).map(({ name, count }) => `${visible(name)}${count > 1 ? ` ×${count}` : ''}`)
    const units = names.map((name, i): Bit[] => [{ text: i < names.length - 1 ? `${name} ·` : name, entity: null }])
    const number = paint({ text: String(c + 1).padStart(digits), entity: c + 1 }, color)
    return fill(units, width - digits - 4, color).map(
      (line, i) => `  ${i === 0 ? number : ' '.repeat(digits)}  ${line}`,
    )
  })
}

function linkLines({ resolution }: Resolved): string[] {
  return resolution.links.map(({ mention, antecedent, probability }) => {
    const [from, to] = [visible(mention.text ?? ''), visible(antecedent.text ?? '')]
    return `  ${from} → ${to}  ${(100 * probability).toFixed(0)} %`
  })
}

/** Links of a long text are too many to read. */
const mostLinks = 40

/** The document as text. Ends without a newline. Characters that would act on the terminal are shown, not sent. */
export function renderResolutionText(
  resolved: Resolved,
  { color, width, title }: { color: boolean; width: number; title: boolean },
): string {
  const { document, resolution } = resolved
  const { clusters, links } = resolution
  const heading = `${document.id}${document.part > 0 ? `, part ${document.part}` : ''}`
  const lines = title ? [bold(visible(heading), color), ''] : []
  lines.push(...fill(unitsOf(resolved), width, color))
  if (clusters.length === 0) return [...lines, '', 'no entities: nothing refers to anything else'].join('\n')
  lines.push('', clusters.length === 1 ? 'one entity' : `${clusters.length} entities`)
  lines.push(...entityLines(resolved, width, color))
  lines.push('', `${links.length} ${links.length === 1 ? 'link' : 'links'}`, ...linkLines(resolved).slice(0, mostLinks))
  if (links.length > mostLinks) lines.push(`  … and ${links.length - mostLinks} more (--json has all)`)
  return lines.join('\n')
}
