/** Where the parts of a heat map of tokens against tokens go, and its labels. */
import { type Html, html } from './html.ts'
import { displayWidth, truncate } from './width.ts'

/** Lengths in units of the drawing; the font is `fontSize` units high. */
export interface HeatmapLayout {
  /** of one cell */
  cell: number
  /** of the square of cells */
  size: number
  /** corner of the square, after title and labels of queries */
  left: number
  top: number
  width: number
  height: number
  /** every how many tokens a label stands */
  labelEvery: number
}

const fontSize = 10
const maxLabel = 12 // columns of a token's label
const columnWidth = 0.6 * fontSize

const label = (token: string) => truncate(token, maxLabel)

/** Cells are 14 units wide up to 24 tokens; beyond, they shrink to half of that, and then the map grows. */
export function heatmapLayout(tokens: readonly string[]): HeatmapLayout {
  const count = Math.max(1, tokens.length)
  const cell = Math.max(2, Math.min(14, 336 / count))
  const longest = Math.max(1, ...tokens.map((token) => displayWidth(label(token))))
  const left = Math.ceil(longest * columnWidth) + 8
  const top = 20
  const size = cell * count
  const labelEvery = Math.ceil((fontSize + 1) / cell)
  return { cell, size, left, top, width: left + size + 4, height: top + size + left, labelEvery }
}

/** The tokens along the axes: queries down the left side, keys under the map, read upwards. */
export function heatmapAxes(tokens: readonly string[], layout: HeatmapLayout): Html {
  const { cell, size, left, top, labelEvery } = layout
  const shown = tokens.map((token, i) => ({ text: label(token), i })).filter(({ i }) => i % labelEvery === 0)
  const at = (i: number) => Math.round(10 * cell * (i + 0.5)) / 10
  const queries = shown.map(({ text, i }) => html`<text x="-4" y="${at(i)}">${text}</text>`)
  // turned by a quarter to the left, x points up and y to the right
  const keys = shown.map(({ text, i }) => html`<text x="-4" y="${at(i)}">${text}</text>`)
  return html`<g font-size="${fontSize}" text-anchor="end" dominant-baseline="central"><g transform="translate(${left} ${top})">${queries}</g><g transform="translate(${left} ${top + size}) rotate(-90)">${keys}</g></g>`
}
