/** Results as text. */
import type { JobResult, SideResult } from './measure.ts'

/** A time in the unit that suits it, with three digits. */
export function duration(seconds: number): string {
  const [value, unit] = seconds >= 1 ? [seconds, 's'] : seconds >= 1e-3 ? [seconds * 1e3, 'ms'] : [seconds * 1e6, 'µs']
  return `${threeDigits(value)} ${unit}`
}

/** A number with three digits, without an exponent. */
export function threeDigits(x: number): string {
  if (!Number.isFinite(x)) return String(x)
  const before = x === 0 ? 1 : Math.floor(Math.log10(Math.abs(x))) + 1
  return x.toFixed(Math.min(6, Math.max(0, 3 - before)))
}

/** `0.512 [0.498, 0.530]`. */
export const ratioText = ({ ratio, low, high }: NonNullable<SideResult['ratio']>): string =>
  `${threeDigits(ratio)} [${threeDigits(low)}, ${threeDigits(high)}]`

/** Columns aligned by their widest cell; numbers, from the second column on, to the right where `right` says so. */
export function align(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => [...row[c]!].length)))
  return rows.map((row) =>
    row
      .map((cell, c) => (right[c] ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join('  ')
      .trimEnd(),
  )
}

const titles = ['job', 'side', 'median', 'least', 'most', 'GFLOP/s', 'peer ÷ ours [95 %]', 'bar', 'difference', '']
const right = [false, false, true, true, true, true, true, true, true, false]

/** One line per side of every job. */
export function table(results: readonly JobResult[]): string[] {
  const lines = results.flatMap(({ name, sides }) =>
    sides.map((side, i) => [
      i === 0 ? name : '',
      side.name,
      duration(side.median),
      duration(side.least),
      duration(side.most),
      side.gflops === undefined ? '' : threeDigits(side.gflops),
      side.ratio ? ratioText(side.ratio) : '',
      side.bar === undefined ? '' : `≥ ${threeDigits(side.bar)}`,
      side.difference === undefined ? '' : side.difference.toExponential(1),
      side.note ?? '',
    ]),
  )
  return align([titles, ...lines], right)
}
