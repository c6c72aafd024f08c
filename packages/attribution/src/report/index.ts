/** Records as text, SVG and HTML. */
export { captumColor, viridisRgb } from './colors.ts'
export { escapeHtml, Html, html } from './html.ts'
export { type ReportOptions, renderReport } from './page.ts'
export { type AttributionSvgOptions, attentionHeadsSvg, attentionNormsSvg, attributionSvg } from './svg.ts'
export {
  type AttributionTextOptions,
  renderAttentionText,
  renderAttributionText,
  type TextOptions,
} from './terminal.ts'
