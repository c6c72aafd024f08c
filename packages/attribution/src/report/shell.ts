/** What every page shares: one file that loads nothing. */
import { type Fragment, html, raw } from './html.ts'

const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

/** What a page is made of. */
export interface PageParts {
  readonly title: string
  /** version of the program that writes it, for the head and the foot */
  readonly version: string
  /** style sheet */
  readonly style: string
  readonly body: Fragment
  /** what the foot says before the version */
  readonly foot?: Fragment
  /** after the foot: what scripts use */
  readonly last?: Fragment
  readonly script: string
}

/** A self-contained page as one string: nothing is loaded from the network, and its policy forbids to. */
export function htmlPage({ title, version, style, body, foot, last, script }: PageParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Antecedent ${version}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
${body}
<footer>${foot}<p>Antecedent ${version}. This page is self-contained and loads nothing.</p></footer>
${last}
<script>${raw(script)}</script>
</body>
</html>
`.markup
}
