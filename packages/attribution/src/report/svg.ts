/** Figures as SVG files that stand alone: fonts by name with fallbacks, light and dark, numbers on hover. */
import type { AttentionRecord, AttributionRecord } from '../record.ts'
import { type AttributionScale, attributionRgb, hex, legible, viridisRgb } from './colors.ts'
import { attributionFacts, captumToken, fixed, largest, signed } from './facts.ts'
import { type HeatmapLayout, heatmapAxes, heatmapLayout } from './heatmap.ts'
import { type Fragment, type Html, html } from './html.ts'
import { heatmapPng } from './png.ts'
import { displayWidth, truncate } from './width.ts'

const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"

/** Above this many tokens a map is one picture instead of one rectangle a cell, and its cells have no titles. */
const maxRectangles = 40

/** Colours stand as attributes for programs that know no style sheets; the style adds the dark variant. */
function document(width: number, height: number, title: string, body: Fragment): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)]
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" font-family="${fonts}" font-size="12" fill="#1b1f24"><title>${title}</title><style>@media (prefers-color-scheme: dark) { svg { fill: #e4e7eb } .page { fill: #15181c } .axis { stroke: #8b949e } }</style><rect class="page" width="100%" height="100%" fill="#ffffff"/>${body}</svg>
`.markup
}

const round = (value: number) => Math.round(100 * value) / 100

/** Options of the figure of an attribution. */
export interface AttributionSvgOptions {
  /** default `captum`, the paper's red and green */
  scale?: AttributionScale
}

/**
 * One attribution as an SVG file: a row for each token with its colour, a signed bar of the normalized score, and
 * the raw score; below, what they add up to.
 */
export function attributionSvg(record: AttributionRecord, options: AttributionSvgOptions = {}): string {
  const { scale = 'captum' } = options
  const facts = attributionFacts(record)
  const tokens = record.tokens.map((token) => truncate(captumToken(token), 24))
  const tokenWidth = Math.max(40, ...tokens.map((token) => displayWidth(token) * 7.5 + 12))
  const [row, top, span] = [22, 44, 240]
  const above = largest(record.normalizedScores)
  const below = largest(record.normalizedScores.map((score) => -score))
  const unit = span / (above + below || 1)
  const axis = Math.round(16 + tokenWidth + 12 + below * unit)
  const right = 16 + tokenWidth + 12 + span
  const bottom = top + row * tokens.length
  const rows = tokens.map((token, i) => {
    const score = record.normalizedScores[i]!
    const color = attributionRgb(score, scale)
    const length = Number.isFinite(score) ? Math.abs(score) * unit : 0
    const y = top + row * i
    const numbers = `${record.tokens[i]}: score ${signed(record.scores[i]!)}, normalized ${fixed(score, 3)}`
    return html`<g><title>${numbers}</title><rect x="16" y="${y + 1}" width="${round(tokenWidth)}" height="${row - 2}" rx="3" fill="${hex(color)}"/><text x="22" y="${y + 15}" fill="${hex(legible(color))}">${token}</text><rect x="${round(score < 0 ? axis - length : axis)}" y="${y + 5}" width="${round(length)}" height="${row - 10}" fill="${score < 0 ? '#b35806' : '#2166ac'}"/><text x="${round(right + 76)}" y="${y + 15}" text-anchor="end" font-size="11">${signed(record.scores[i]!)}</text></g>
`
  })
  const sums = `attribution score ${fixed(record.attributionScore, 2)} (at most ${fixed(facts.bound, 2)}) · sum of scores ${signed(facts.sum)} · F(x) − F(baseline) ${signed(facts.difference)}`
  const width = Math.max(right + 92, sums.length * 5.6 + 32, record.target.length * 7 + 32)
  return document(
    width,
    bottom + 40,
    `Attribution: ${record.target}`,
    html`<text x="16" y="26" font-weight="600" font-size="13">${record.target}</text>
${rows}<line class="axis" x1="${axis}" x2="${axis}" y1="${top}" y2="${bottom}" stroke="#6e7781"/><text x="16" y="${bottom + 24}" font-size="11">${sums}</text>`,
  )
}

function cells(matrix: number[][], tokens: string[], max: number, layout: HeatmapLayout): Html {
  const { cell, size, left, top } = layout
  if (tokens.length > maxRectangles) {
    return html`<image href="${heatmapPng(matrix, max)}" x="${left}" y="${top}" width="${size}" height="${size}" preserveAspectRatio="none" style="image-rendering: pixelated"/>`
  }
  const rectangles = matrix.flatMap((row, query) =>
    row.map(
      (value, key) =>
        html`<rect x="${round(left + key * cell)}" y="${round(top + query * cell)}" width="${round(cell)}" height="${round(cell)}" fill="${hex(viridisRgb(value / max))}"><title>${tokens[query]} → ${tokens[key]}: ${fixed(value, 3)}</title></rect>`,
    ),
  )
  return html`<g shape-rendering="crispEdges">${rectangles}</g>`
}

/** Maps side by side, four in a row, over one colour bar from 0 to the largest value of them all. */
function mapGrid(title: string, names: string[], matrices: number[][][], tokens: string[], unit: string): string {
  const layout = heatmapLayout(tokens)
  const inRow = Math.min(4, Math.max(1, matrices.length))
  const [gapX, gapY, top] = [20, 16, 48]
  const max = largest(matrices) || 1
  const width = 32 + inRow * (layout.width + gapX) - gapX
  const bottom = top + Math.ceil(matrices.length / inRow) * (layout.height + gapY)
  const maps = matrices.map((matrix, i) => {
    const x = 16 + (i % inRow) * (layout.width + gapX)
    const y = top + Math.floor(i / inRow) * (layout.height + gapY)
    return html`<g transform="translate(${round(x)} ${round(y)})"><text x="${layout.left}" y="12" font-weight="600">${names[i]}</text>${cells(matrix, tokens, max, layout)}${heatmapAxes(tokens, layout)}</g>
`
  })
  const steps = Array.from({ length: 10 }, (_, i) => i / 9)
  const bar = html`<defs><linearGradient id="viridis">${steps.map((t) => html`<stop offset="${round(t)}" stop-color="${hex(viridisRgb(t))}"/>`)}</linearGradient></defs><text x="16" y="${bottom + 11}" font-size="11">0</text><rect x="28" y="${bottom}" width="160" height="14" fill="url(#viridis)"/><text x="194" y="${bottom + 11}" font-size="11">${fixed(max, 2)} ${unit}</text>`
  const body = html`<text x="16" y="26" font-weight="600" font-size="13">${title}</text>
${maps}${bar}`
  return document(Math.max(width, 420), bottom + 32, title, body)
}

/**
 * The paper's figure 1 as an SVG file: a map for each head of one layer, keys along x, queries along y.
 *
 * @param layer from 0, the default; a layer that the record has not is a RangeError
 */
export function attentionHeadsSvg(record: AttentionRecord, layer = 0): string {
  const heads = record.attentions[layer]
  if (!heads) {
    const last = record.attentions.length - 1
    throw new RangeError(`attentionHeadsSvg: expected a layer from 0 to ${last}, got ${layer}`)
  }
  const names = heads.map((_, i) => `Head ${i + 1}`)
  return mapGrid(`Attention of layer ${layer + 1}, by head`, names, heads, record.tokens, 'attention probability')
}

/** The paper's figure 2 as an SVG file: for each layer the L2 norm over its heads; not a probability. */
export function attentionNormsSvg(record: AttentionRecord): string {
  const names = record.norms.map((_, i) => `Layer ${i + 1}`)
  const bound = fixed(Math.sqrt(record.attentions[0]?.length ?? 0), 2)
  const unit = `L2 norm over heads (can reach ${bound})`
  return mapGrid('Attention of each layer: L2 norm over heads', names, record.norms, record.tokens, unit)
}
