/** Figures 1 and 2 of the page: attention maps. Every map is a picture, so the page shows them all without a script. */
import type { AttentionRecord } from '../record.ts'
import { attentionShares, fixed, largest, significant } from './facts.ts'
import { heatmapAxes, heatmapLayout } from './heatmap.ts'
import { type Html, html, raw } from './html.ts'
import { base64, heatmapPng, viridisGradient } from './png.ts'

/** Cells that the head maps of a page may have, about four bytes each. Layers beyond are left out, and it says so. */
const maxCells = 2_500_000

/** Numbers of the maps as the script reads them: 16-bit integers, 65535 for NaN, 65534 for `max`. */
export interface MapNumbers {
  /** largest value that can be encoded: 1 for probabilities, √heads for norms */
  max: number
  /** base64 of little-endian integers `[map][query][key]` */
  data: string
}

/** What the script knows; strings are shown as text, never as markup. */
export interface PageNumbers {
  tokens: string[]
  /** by layer; only the layers shown */
  heads: MapNumbers[]
  norms: MapNumbers
}

function encode(matrices: readonly number[][][], max: number): MapNumbers {
  const values = matrices.flat(2)
  const bytes = new Uint8Array(2 * values.length)
  values.forEach((value, i) => {
    const level = Number.isNaN(value) ? 65535 : Math.round(Math.min(1, Math.max(0, value / max)) * 65534)
    bytes[2 * i] = level & 255
    bytes[2 * i + 1] = level >> 8
  })
  return { max, data: base64(bytes) }
}

/** How many layers of head maps fit into a page, the first one always. */
export function shownLayers({ attentions, tokens }: AttentionRecord): number {
  const inLayer = (attentions[0]?.length ?? 0) * tokens.length ** 2
  return Math.min(attentions.length, Math.max(1, Math.floor(maxCells / Math.max(1, inLayer))))
}

export function pageNumbers(record: AttentionRecord): PageNumbers {
  const bound = Math.sqrt(record.attentions[0]?.length ?? 1)
  return {
    tokens: record.tokens,
    heads: record.attentions.slice(0, shownLayers(record)).map((heads) => encode(heads, 1)),
    norms: encode(record.norms, bound),
  }
}

/** One map; the axes, equal in all maps, are defined once in the page as `#axes`. */
function map(name: string, label: string, matrix: number[][], tokens: string[], max: number, index: string): Html {
  const { left, top, size, width, height } = heatmapLayout(tokens)
  return html`<svg class="map" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}" data-map="${index}"><text class="map-name" x="${left}" y="13">${name}</text><image href="${heatmapPng(matrix, max)}" x="${left}" y="${top}" width="${size}" height="${size}" preserveAspectRatio="none"/><use href="#axes"/></svg>`
}

/** The definition that all maps share. */
export function axesDefinition(tokens: string[]): Html {
  return html`<svg class="definitions" width="0" height="0" aria-hidden="true"><defs><g id="axes">${heatmapAxes(tokens, heatmapLayout(tokens))}</g></defs></svg>`
}

function colorBar(max: number, unit: string): Html {
  return html`<div class="color-bar"><span>0</span><span class="gradient" style="background:${raw(viridisGradient)}"></span><span>${fixed(max, 2)}</span><span class="unit">${unit}</span></div>`
}

/** Maps in a box that scrolls within itself where the window is narrow. */
function mapBox(label: string, count: number, tokens: string[], maps: readonly Html[]): Html {
  const inRow = Math.min(4, count, tokens.length > 64 ? 2 : tokens.length > 28 ? 3 : 4)
  const style = `--in-row:${inRow};--least:${tokens.length > 28 ? 300 : 220}px`
  return html`<div class="map-box" role="region" aria-label="${label}" tabindex="0"><div class="maps" style="${style}">${maps}</div></div>`
}

/** Figure 1: the maps of every head, one layer at a time. Selecting needs no script: radio buttons and CSS. */
export function headFigure(record: AttentionRecord): Html {
  const { attentions, tokens } = record
  const shown = attentions.slice(0, shownLayers(record))
  const radios = shown.map(
    (_, l) =>
      html`<label><input type="radio" name="layer" id="layer-${l}" value="${l}" ${l === 0 ? raw('checked') : ''}><span>${l + 1}</span></label>`,
  )
  const panels = shown.map((heads, l) => {
    const max = largest(heads) || 1
    const maps = heads.map((matrix, h) =>
      map(`Head ${h + 1}`, `Layer ${l + 1}, head ${h + 1}: attention map`, matrix, tokens, max, `heads ${l} ${h}`),
    )
    return html`<div class="panel" id="heads-${l}"><p class="panel-name">Layer ${l + 1}</p>${mapBox(`Attention maps of layer ${l + 1}`, heads.length, tokens, maps)}${colorBar(max, `attention probability; the scale ends at the largest value of layer ${l + 1}`)}</div>`
  })
  const left = attentions.length - shown.length
  return html`<div class="heads"><fieldset class="choice"><legend>Layer</legend>${radios}</fieldset>${left > 0 && html`<p class="note">${left} of ${attentions.length} layers are left out of this page to keep it small; the record holds them all.</p>`}${panels}</div>`
}

/** The rules that show the panel of the selected layer; without `:has`, all of them show. */
export function headStyle(record: AttentionRecord): string {
  const rules = Array.from(
    { length: shownLayers(record) },
    (_, l) => `.heads:has(#layer-${l}:checked) #heads-${l} { display: block }`,
  )
  return `@supports selector(:has(*)) { .panel { display: none } ${rules.join(' ')} }`
}

/** Figure 2: the norm over the heads, one map a layer, on one scale. */
export function normFigure({ norms, attentions, tokens }: AttentionRecord): Html {
  const max = largest(norms) || 1
  const maps = norms.map((matrix, l) =>
    map(`Layer ${l + 1}`, `Layer ${l + 1}: L2 norm over heads`, matrix, tokens, max, `norms ${l}`),
  )
  const bound = fixed(Math.sqrt(attentions[0]?.length ?? 0), 2)
  return html`${mapBox('Norm over heads of every layer', norms.length, tokens, maps)}${colorBar(max, `L2 norm over heads, can reach ${bound}; not a probability`)}`
}

/** Where attention goes, in numbers: the statement behind figure 2 that can be checked at a glance. */
export function sharesTable(record: AttentionRecord): Html {
  const rows = attentionShares(record).map(
    ({ diagonal, cls, sep, other, mostDiagonal }, l) =>
      html`<tr><th scope="row">${l + 1}</th>${[diagonal, cls, sep, other].map((share) => html`<td>${fixed(100 * share, 1)}</td>`)}<td>${mostDiagonal.head + 1} (${fixed(100 * mostDiagonal.share, 1)})</td></tr>`,
  )
  return html`<details class="numbers"><summary>Where attention goes, in numbers</summary><div class="scroll" role="region" aria-label="Shares of attention" tabindex="0"><table><thead><tr><th scope="col">Layer</th><th scope="col">itself</th><th scope="col">[CLS]</th><th scope="col">[SEP]</th><th scope="col">other</th><th scope="col">head most on itself</th></tr></thead><tbody>${rows}</tbody></table></div><p class="note">Share of attention in per cent, mean over heads and queries. Spread evenly, each token would receive ${significant(100 / record.tokens.length)} %.</p></details>`
}
