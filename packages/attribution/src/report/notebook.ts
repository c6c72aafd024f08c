/** A report as an object that notebooks show: Deno's kernel asks for `Symbol.for('Jupyter.display')`. */
import { html, raw } from './html.ts'
import { type ReportOptions, renderReport } from './page.ts'
import { renderAttentionText, renderAttributionText } from './terminal.ts'

/** The key of the method that Jupyter kernels for JavaScript call. */
const jupyterDisplay: unique symbol = Symbol.for('Jupyter.display')

/** A report in both of its forms. */
export interface Report {
  /** the page of `renderReport` */
  html: string
  /** the records one after another, as plain text */
  text: string
  [jupyterDisplay](): { 'text/html': string; 'text/plain': string }
}

/** Draws a report once, to write it to a file or to leave it as the last value of a notebook's cell. */
export function createReport(options: ReportOptions): Report {
  const page = renderReport(options)
  const texts = options.attributions.map((record) => renderAttributionText(record))
  if (options.attention) texts.push(renderAttentionText(options.attention))
  const text = texts.join('\n\n')
  // a frame keeps the page's style from the notebook and the notebook's from the page
  const source = raw(page.replaceAll('&', '&amp;').replaceAll('"', '&quot;'))
  const frame = html`<iframe title="${options.title}" sandbox="allow-scripts" srcdoc="${source}" style="width:100%;height:80vh;border:0"></iframe>`
  return { html: page, text, [jupyterDisplay]: () => ({ 'text/html': frame.markup, 'text/plain': text }) }
}
