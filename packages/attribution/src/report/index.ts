export {
  type AttributionScale,
  attributionRgb,
  captumColor,
  contrast,
  hex,
  legible,
  type Rgb,
  viridisRgb,
} from './colors.ts'
export { type AttentionShares, attentionShares, attributionFacts, type Facts } from './facts.ts'
export { escapeHtml, type Fragment, Html, html, raw, visible } from './html.ts'
export { fromJsonLine, RecordError, toJsonLine } from './jsonl.ts'
export { createReport, type Report } from './notebook.ts'
export { type ReportOptions, renderReport } from './page.ts'
export { type AttributionSvgOptions, attentionHeadsSvg, attentionNormsSvg, attributionSvg } from './svg.ts'
export {
  type AttributionTextOptions,
  renderAttentionText,
  renderAttributionText,
  type TextOptions,
} from './terminal.ts'
export { displayWidth } from './width.ts'
