/** The style sheet of the page, as text. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --raised: #f6f7f9; --line: #d9dde3; --text: #1b1f24; --quiet: #59636e; --accent: #2457a6;
  --warn: #7a4a00; --warn-page: #fff6e3; --warn-line: #e2b44f; --positive: #2166ac; --negative: #b35806;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --raised: #1c2026; --line: #343a43; --text: #e4e7eb; --quiet: #9aa4b0; --accent: #8ab4f8;
    --warn: #f0cf8e; --warn-page: #2b2412; --warn-line: #86671f; --positive: #6fa8dc; --negative: #e08a3c;
  }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif;
}
main, .page-header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px }
.page-header { padding-top: 56px }
.overline { margin: 0 0 6px; font-size: 13px; letter-spacing: .04em; color: var(--quiet) }
h1 { margin: 0; font-size: 32px; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere }
.text { margin: 20px 0 0; padding: 2px 0 2px 18px; border-inline-start: 3px solid var(--accent); font-size: 19px; line-height: 1.5; overflow-wrap: anywhere }
.meta { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 20px 0 0; font-size: 14px }
.meta div { display: flex; gap: 8px; min-width: 0 }
.meta dt { color: var(--quiet); flex: none }
.meta dd { margin: 0; overflow-wrap: anywhere }
section.part { margin-top: 64px }
h2 { margin: 0 0 10px; font-size: 22px; line-height: 1.3; font-weight: 650; letter-spacing: -.005em }
h2 .number { color: var(--quiet); font-weight: 400; margin-inline-end: 10px }
h3 { margin: 0; font-size: 15px; line-height: 1.4; font-weight: 600; overflow-wrap: anywhere }
p { margin: 0 0 12px }
.caption { max-width: 72ch; color: var(--text) }
.note, .quiet, small { color: var(--quiet) }
.note { font-size: 14px; max-width: 76ch }
code { font: .9em/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere }
.warnings { margin-top: 32px; padding: 14px 20px; border: 1px solid var(--warn-line); border-radius: 6px; background: var(--warn-page); color: var(--warn) }
.warnings h2 { font-size: 16px; margin: 0 0 4px }
.warnings ul { margin: 0; padding-inline-start: 20px }
.warnings li { overflow-wrap: anywhere }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 20px; margin-top: 40px }
.card { padding: 20px 22px; background: var(--raised); border-radius: 8px; min-width: 0 }
.card p { margin: 0 }
.figure-number { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; margin-top: 8px !important; font-size: 34px; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }
.figure-number small { font-size: 14px; font-weight: 400 }
.gauge { position: relative; height: 6px; margin: 8px 0 18px; border-radius: 3px; background: var(--line); overflow: hidden }
.gauge .fill { position: absolute; inset-block: 0; background: var(--accent) }
.gauge .zero { position: absolute; inset-block: 0; left: calc(50% - 1px); width: 2px; background: var(--text) }
.label { font-size: 13px; color: var(--quiet) }
.strongest { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 4px 0 14px; padding: 0; list-style: none; font-variant-numeric: tabular-nums; font-size: 15px }
.choice { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; margin: 18px 0 14px; padding: 0; border: 0; font-size: 14px; min-width: 0 }
.choice legend { float: left; padding: 0; margin-inline-end: 10px; color: var(--quiet) }
.choice input { position: absolute; opacity: 0; width: 1px; height: 1px }
.choice label { position: relative; cursor: pointer }
.choice span { display: block; min-width: 34px; padding: 3px 10px; border: 1px solid var(--line); border-radius: 5px; text-align: center }
.choice label:hover span { border-color: var(--quiet) }
.choice :checked + span { background: var(--text); border-color: var(--text); color: var(--page) }
:focus-visible, .choice :focus-visible + span { outline: 2px solid var(--accent); outline-offset: 2px }
.panel-name { display: none }
.definitions { position: absolute }
.map-box, .scroll { overflow-x: auto; max-width: 100% }
.maps { display: grid; grid-template-columns: repeat(var(--in-row), minmax(var(--least), 1fr)); gap: 22px 20px; padding: 4px }
.map { display: block; width: 100%; height: auto; fill: var(--text); touch-action: pan-x pan-y }
.map .map-name { font-size: 13px; font-weight: 600 }
.map image { image-rendering: pixelated; cursor: crosshair }
.cursor { fill: none; stroke: #fff; stroke-width: 1.5; paint-order: stroke; outline: 1px solid #000; visibility: hidden; pointer-events: none }
.marked .cursor { visibility: visible }
.color-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; margin: 14px 0 6px; font-size: 14px; font-variant-numeric: tabular-nums }
.gradient { width: 180px; height: 12px; border-radius: 2px }
.color-bar .unit { color: var(--quiet) }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums }
th, td { padding: 8px 16px 8px 0; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line) }
thead th { font-size: 13px; font-weight: 600; color: var(--quiet); vertical-align: bottom; border-bottom-color: var(--quiet) }
.captum { width: 100% }
.captum th { white-space: nowrap }
.captum td { padding-block: 12px; white-space: nowrap }
.captum td:last-child { white-space: normal; min-width: 300px; padding-inline-end: 0 }
.captum td:nth-child(4) { font-weight: 600 }
.words { line-height: 1.95; overflow-wrap: anywhere }
.word { white-space: nowrap }
.token { padding: 2px 4px; border-radius: 3px; background: var(--c); color: var(--ct); -webkit-box-decoration-break: clone; box-decoration-break: clone; white-space: normal }
.word .token + .token { border-start-start-radius: 0; border-end-start-radius: 0; margin-inline-start: 1px }
.token.target { box-shadow: 0 0 0 1px var(--page), 0 0 0 3px var(--accent) }
:root:has(#scale-diverging:checked) .token, :root:has(#scale-diverging:checked) .swatch { background: var(--d); color: var(--dt) }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 14px }
.legend-entry { display: inline-flex; align-items: center; gap: 7px }
.swatch { width: 14px; height: 14px; border: 1px solid var(--quiet); background: var(--c) }
.swatch.target { border: 2px solid var(--accent); border-radius: 3px; background: none !important }
.facts { margin-top: 8px }
.facts th[scope=row] { font-weight: 500; min-width: 150px }
.facts td, .facts thead th + th { padding-inline-start: 8px; min-width: 130px }
.facts small, .facts th small { display: block; font-size: 13px; font-weight: 400 }
.target-name { overflow-wrap: anywhere; max-width: 300px; color: var(--text) !important; font-weight: 600 }
h3.subhead { margin: 36px 0 4px; font-size: 17px }
details { border-bottom: 1px solid var(--line) }
details:first-of-type { border-top: 1px solid var(--line) }
details.numbers { margin: 20px 0 14px }
summary { padding: 10px 0; cursor: pointer; font-weight: 500; overflow-wrap: anywhere }
details[open] { padding-bottom: 18px }
.token-tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 24px 40px }
.token-tables > * { min-width: 0 }
.token-tables table { width: 100% }
.token-tables th, .token-tables td { padding-block: 3px }
.token-tables td { white-space: nowrap }
.token-tables [scope=row] { font-weight: 400; white-space: nowrap }
.bar-cell { width: 40%; min-width: 90px; padding-inline-end: 0; direction: ltr; background: linear-gradient(var(--quiet), var(--quiet)) center / 1px 100% no-repeat }
.bar { display: block; height: 10px; margin-top: 7px }
.bar.positive { margin-left: 50%; background: var(--positive) }
.bar.negative { margin-right: 50%; margin-left: auto; background: var(--negative) }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(360px, 100%), 1fr)); gap: 20px 48px }
.columns > * { min-width: 0 }
.columns dl { margin: 6px 0 0; font-size: 14px }
.columns dl div { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 12px; padding: 3px 0 }
.columns dt { color: var(--quiet) }
.columns dd { margin: 0; overflow-wrap: anywhere }
footer { margin-top: 72px; padding-top: 16px; padding-bottom: 56px; font-size: 14px; color: var(--quiet) }
#tip { position: fixed; z-index: 1; max-width: min(320px, 90vw); padding: 6px 10px; border-radius: 5px; background: var(--text); color: var(--page); font-size: 13px; line-height: 1.45; white-space: pre-line; overflow-wrap: anywhere; pointer-events: none; font-variant-numeric: tabular-nums }
#tip[hidden] { display: none }
@media (max-width: 640px) {
  main, .page-header, footer { padding-inline: 18px }
  .page-header { padding-top: 32px }
  h1 { font-size: 26px }
  .text { font-size: 17px }
  section.part { margin-top: 48px }
  .captum, .captum tbody, .captum tr { display: block }
  .captum thead { display: none }
  .captum tr { display: grid; grid-template-columns: repeat(2, 1fr); gap: 8px 16px; padding: 14px 0; border-bottom: 1px solid var(--line) }
  .captum td { padding: 0; border: 0; min-width: 0 }
  .captum td::before { content: attr(data-column); display: block; font-size: 12px; font-weight: 400; color: var(--quiet) }
  .captum td:last-child { grid-column: 1 / -1; min-width: 0 }
  .facts { font-size: 14px }
  .facts th[scope=row] { min-width: 112px; padding-inline-end: 8px }
  .facts td, .facts thead th + th { min-width: 104px; padding-inline-end: 8px }
  .columns dl div { grid-template-columns: 120px minmax(0, 1fr) }
}
@media print {
  :root { color-scheme: light; --page: #fff; --raised: #f6f7f9; --line: #ccc; --text: #000; --quiet: #444; --accent: #2457a6 }
  body { font-size: 10.5pt }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  .page-header { padding-top: 0 }
  section.part { margin-top: 28px }
  .choice, #tip { display: none }
  .panel-name { display: block; font-weight: 600; margin: 8px 0 }
  .map-box, .scroll { overflow: visible }
  .maps { grid-template-columns: repeat(var(--in-row), 1fr); gap: 10px }
  .captum th { white-space: normal }
  .captum td:last-child { min-width: 0 }
  .map, .card, tr { break-inside: avoid }
  h2, h3, .caption { break-after: avoid }
}
`
