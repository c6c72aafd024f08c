/** A bar chart of peers' times over ours. */
import type { JobResult } from './measure.ts'
import { ratioText } from './table.ts'

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const [width, labels, right, rowHeight, top, bottom] = [960, 380, 190, 26, 64, 44]

/** 1, 2 and 5 times the powers of ten from `low` to `high`. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of [1, 2, 5]) ticks.push(Number(`${step}e${power}`))
  }
  return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9))
}

/**
 * One bar per peer of every job, from 1 on a logarithmic axis: to the right where we are faster. A whisker is the 95 %
 * interval, a dashed mark the bar that was set.
 *
 * @param title     one line above the chart
 * @param subtitle  the machine, device and threads
 */
export function ratioChart(results: readonly JobResult[], { title, subtitle }: { title: string; subtitle: string }) {
  const rows = results.flatMap(({ name, sides }) =>
    sides.flatMap(({ name: peer, ratio, bar }) => (ratio ? [{ label: `${name}: ${peer}`, ...ratio, bar }] : [])),
  )
  const numbers = rows.flatMap(({ low, high, ratio, bar }) => [low, high, ratio, ...(bar === undefined ? [] : [bar])])
  const [least, most] = [Math.min(0.5, ...numbers) / 1.1, Math.max(2, ...numbers) * 1.1]
  const scale = (width - labels - right) / Math.log(most / least)
  const x = (value: number) => (labels + scale * Math.log(value / least)).toFixed(1)
  const height = top + rows.length * rowHeight + bottom
  const line = (value: number, from: number, to: number, style: string) =>
    `<line x1="${x(value)}" y1="${from}" x2="${x(value)}" y2="${to}" ${style}/>`
  const end = top + rows.length * rowHeight
  const every = most / least > 100 ? /^[1.0]+$/ : /./
  const ticks = logTicks(least, most).filter((tick) => every.test(String(tick)))
  const axis = ticks.map(
    (tick) =>
      `${line(tick, top, end, tick === 1 ? 'stroke="#333"' : 'stroke="#ddd"')}<text x="${x(tick)}" y="${end + 16}" text-anchor="middle">${tick}</text>`,
  )
  const bars = rows.map(({ label, ratio, low, high, bar }, i) => {
    const y = top + i * rowHeight
    const [from, to] = ratio < 1 ? [ratio, 1] : [1, ratio]
    const middle = y + rowHeight / 2
    return [
      `<text x="${labels - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${x(from)}" y="${y + 5}" width="${(Number(x(to)) - Number(x(from))).toFixed(1)}" height="${rowHeight - 10}" fill="${ratio > 1 ? '#2a788e' : '#d1693c'}"/>`,
      `<line x1="${x(low)}" y1="${middle}" x2="${x(high)}" y2="${middle}" stroke="#111" stroke-width="2"/>`,
      bar === undefined ? '' : line(bar, y + 1, y + rowHeight - 1, 'stroke="#111" stroke-dasharray="3 2"'),
      `<text x="${width - right + 12}" y="${middle + 4}">${ratioText({ ratio, low, high })}</text>`,
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="24" font-size="16" font-weight="bold">${escaped(title)}</text>`,
    `<text x="12" y="44" fill="#555">${escaped(subtitle)}</text>`,
    ...axis,
    ...bars,
    `<text x="${x(1)}" y="${end + 34}" text-anchor="middle" fill="#555">the peer's median time ÷ ours: right of 1 we are faster</text>`,
    '</svg>',
    '',
  ].join('\n')
}
