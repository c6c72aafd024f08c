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
export {
  type AttentionShares,
  attentionShares,
  attributionFacts,
  type Facts,
  fixed,
  signed,
  significant,
} from './facts.ts'
export { escapeHtml, type Fragment, Html, html, raw, visible } from './html.ts'
export { fromJsonLine, RecordError, toJsonLine } from './jsonl.ts'
export { createReport, type Report } from './notebook.ts'
export { type ReportLead, type ReportOptions, renderReport } from './page.ts'
export { htmlPage, type PageParts } from './shell.ts'
export { type AttributionSvgOptions, attentionHeadsSvg, attentionNormsSvg, attributionSvg } from './svg.ts'
export {
  type AttributionTextOptions,
  bold,
  paint,
  renderAttentionText,
  renderAttributionText,
  type TextOptions,
} from './terminal.ts'
export { displayWidth, pad, truncate, wrap } from './width.ts'
export { attributedWords, completenessTable, tokenNumbersDetails } from './words.ts'
