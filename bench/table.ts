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

interface Column {
  title: string
  right?: boolean
  /** of the i-th side of a job */
  cell: (side: SideResult, i: number, job: JobResult) => string
  /** left out where no side has anything in it */
  optional?: boolean
}

const exponential = (x: number | undefined): string => (x === undefined ? '' : x.toExponential(1))

const columns: Column[] = [
  { title: 'job', cell: (_, i, { name }) => (i === 0 ? name : '') },
  { title: 'side', cell: ({ name }) => name },
  { title: 'median', right: true, cell: ({ median }) => duration(median) },
  { title: 'least', right: true, cell: ({ least }) => duration(least) },
  { title: 'most', right: true, cell: ({ most }) => duration(most) },
  { title: 'GFLOP/s', right: true, cell: ({ gflops }) => (gflops === undefined ? '' : threeDigits(gflops)) },
  { title: 'peer ÷ ours [95 %]', right: true, cell: ({ ratio }) => (ratio ? ratioText(ratio) : '') },
  { title: 'bar', right: true, cell: ({ bar }) => (bar === undefined ? '' : `≥ ${threeDigits(bar)}`) },
  { title: 'difference', right: true, cell: ({ difference }) => exponential(difference) },
  { title: 'token error', right: true, optional: true, cell: ({ errors }) => exponential(errors?.token) },
  { title: 'completeness', right: true, optional: true, cell: ({ errors }) => exponential(errors?.completeness) },
  { title: '', cell: ({ note }) => note ?? '' },
]

/** One line per side of every job. */
export function table(results: readonly JobResult[]): string[] {
  const cells = columns.map(({ title, cell }) => [
    title,
    ...results.flatMap((job) => job.sides.map((side, i) => cell(side, i, job))),
  ])
  const kept = columns.flatMap(({ optional }, c) => (optional && cells[c]!.slice(1).every((x) => x === '') ? [] : [c]))
  const lines = cells[0]!.map((_, row) => kept.map((c) => cells[c]![row]!))
  return align(
    lines,
    kept.map((c) => columns[c]!.right ?? false),
  )
}
