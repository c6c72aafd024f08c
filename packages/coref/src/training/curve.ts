/** The course of a training as an SVG figure that stands alone. */

/** What the figure shows, by update. */
export interface CurvePoints {
  readonly losses: readonly { readonly update: number; readonly loss: number }[]
  /** CoNLL scores in [0, 1] of each development set */
  readonly scores: readonly { readonly update: number; readonly sets: Readonly<Record<string, number>> }[]
}

const [width, panelHeight, left, right, gap] = [720, 200, 60, 130, 64]
/** Of Okabe and Ito, who chose them to be told apart by everyone. */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00']

/** Points that are averaged into one of the curve of losses, so that it shows a course and not single documents. */
const shownLosses = 200

type Point = readonly [x: number, y: number]
interface Line {
  readonly name: string
  readonly color: string
  readonly points: readonly Point[]
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Means over neighbouring points, at most `count`. */
function thinned(points: readonly Point[], count: number): Point[] {
  const step = Math.max(1, Math.ceil(points.length / count))
  const groups = Array.from({ length: Math.ceil(points.length / step) }, (_, g) =>
    points.slice(g * step, (g + 1) * step),
  )
  const mean = (group: readonly Point[], axis: 0 | 1) => group.reduce((sum, p) => sum + p[axis], 0) / group.length
  return groups.map((group) => [mean(group, 0), mean(group, 1)])
}

/** Round numbers from `low` to `high`, about four steps. */
function ticksOf(low: number, high: number): number[] {
  const rough = Math.max(high - low, 1e-9) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  )
}

/** One panel of lines over updates. */
function panel(title: string, lines: readonly Line[], top: number, last: number): string {
  const all = lines.flatMap(({ points }) => points.map(([, y]) => y))
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const [low, high] = most > least ? [least, most] : [least - 1, least + 1] // of one value: in the middle
  const x = (update: number) => (left + ((width - left - right) * update) / Math.max(1, last)).toFixed(1)
  const y = (value: number) => (top + panelHeight * (1 - (value - low) / (high - low))).toFixed(1)
  const rules = ticksOf(low, high).map(
    (tick) =>
      `<line class="rule" x1="${left}" x2="${width - right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/><text x="${left - 8}" y="${Number(y(tick)) + 4}" text-anchor="end">${tick}</text>`,
  )
  const updates = ticksOf(0, last).map(
    (tick) => `<text x="${x(tick)}" y="${top + panelHeight + 18}" text-anchor="middle">${tick}</text>`,
  )
  const curves = lines.map(({ name, color, points }, i) => {
    const path = points.map((p) => `${x(p[0])},${y(p[1])}`).join(' ')
    const marks =
      points.length > 40 ? [] : points.map((p) => `<circle cx="${x(p[0])}" cy="${y(p[1])}" r="2.5" fill="${color}"/>`)
    const label = `<text x="${width - right + 10}" y="${top + 14 + 18 * i}" fill="${color}">${escaped(name)}</text>`
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>${marks.join('')}${label}`
  })
  return `<text x="${left}" y="${top - 10}" font-weight="bold">${escaped(title)}</text>${rules.join('')}${updates.join('')}${curves.join('')}`
}

/** Loss and development scores over updates; a panel without points is left out. */
export function trainingCurve({ losses, scores }: CurvePoints): string {
  const names = [...new Set(scores.flatMap(({ sets }) => Object.keys(sets)))]
  const last = Math.max(0, ...losses.map(({ update }) => update), ...scores.map(({ update }) => update))
  const lossLine: Line = {
    name: 'mean loss',
    color: colors[0]!,
    points: thinned(
      losses.map(({ update, loss }): Point => [update, loss]),
      shownLosses,
    ),
  }
  const scoreLines = names.map(
    (name, i): Line => ({
      name,
      color: colors[i % colors.length]!,
      points: scores.flatMap(({ update, sets }): Point[] => (name in sets ? [[update, 100 * sets[name]!]] : [])),
    }),
  )
  const panels = [
    ...(losses.length > 0 ? [{ title: 'loss of a document', lines: [lossLine] }] : []),
    ...(scoreLines.length > 0 ? [{ title: 'CoNLL F1 on development documents', lines: scoreLines }] : []),
  ]
  const height = 40 + panels.length * (panelHeight + gap)
  const body = panels.map(({ title, lines }, i) => panel(title, lines, 40 + i * (panelHeight + gap), last))
  const style =
    '<style>@media (prefers-color-scheme: dark) { svg { fill: #e4e7eb } .page { fill: #15181c } .rule { stroke: #3a4048 } }</style>'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="training curve" font-family="sans-serif" font-size="12" fill="#1b1f24">${style}<rect class="page" width="100%" height="100%" fill="#fff"/>${body.join('')}</svg>\n`
}
