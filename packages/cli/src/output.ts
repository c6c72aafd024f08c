/** Where results go: data to stdout, progress to stderr, files that are never overwritten unasked. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { OptionError } from '@antecedent/tensor'
import type { CommonOptions } from './options.ts'

/** Takes the bar away, before data goes to the same terminal. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
}

/** One JSON document on a line of its own. */
export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Throws where a file is there and may not be replaced: before the work, not after. */
function requireWritable(file: string, overwrite = false): void {
  if (!existsSync(file) || overwrite) return
  throw new OptionError({
    op: 'antecedent',
    expected: 'a new file',
    got: `${file}, which exists`,
    hint: 'give --overwrite to replace it',
  })
}

/** `figure.svg`, `figure-2.svg`, …: where figure i of a command goes. */
const numbered = (file: string, i: number): string => (i === 0 ? file : file.replace(/(\.[^./]*)?$/, `-${i + 1}$1`))

/** Checks every file that the options name, for `figures` figures: before the work, not after. */
export function requireAllWritable({ html, svg, overwrite }: CommonOptions, figures: number): void {
  if (html) requireWritable(html, overwrite)
  if (svg) for (let i = 0; i < figures; i++) requireWritable(numbered(svg, i), overwrite)
}

/** Writes the figures of `--svg`, if any. */
export function writeFigures(options: CommonOptions, figures: readonly string[]): void {
  if (!options.svg) return
  for (const [i, figure] of figures.entries()) {
    writeWhole(numbered(options.svg, i), figure)
    notice(options, `figure: ${numbered(options.svg, i)}`)
  }
}

/** Writes a file whole or not at all. */
export function writeWhole(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}.tmp`
  writeFileSync(partial, content)
  renameSync(partial, file)
}

/** Whether stdout gets colours: `--no-color`, then NO_COLOR and FORCE_COLOR, then whether it is a terminal. */
export function useColor({ color }: CommonOptions): boolean {
  if (!color || process.env.NO_COLOR) return false
  return Boolean(process.env.FORCE_COLOR) || process.stdout.isTTY === true
}

/** Columns of the terminal, at most 100. */
export const outputWidth = (): number => Math.min(100, process.stdout.columns ?? 80)

/** A notice or progress line on stderr. */
export function notice(options: Pick<CommonOptions, 'quiet'>, text: string): void {
  if (!options.quiet) process.stderr.write(`${text}\n`)
}

/** A bar on stderr, where that is a terminal: points (or other units) done, and the time left by the pace so far. */
export function progress({ quiet }: { quiet?: boolean }, unit = 'points'): (done: number, total: number) => void {
  const started = performance.now()
  return (done, total) => {
    if (quiet || !process.stderr.isTTY) return
    const filled = Math.round((20 * done) / total)
    const left = ((performance.now() - started) * (total - done)) / done / 1000
    const bar = `${'█'.repeat(filled)}${'░'.repeat(20 - filled)} ${done}/${total} ${unit}, ${left.toFixed(0)} s left`
    process.stderr.write(done === total ? '\r\u001b[K' : `\r${bar}\u001b[K`)
  }
}
