/**
 * A real Chromium for tests. A machine without one skips and counts them; where `REQUIRE_CHROMIUM=1` its absence is
 * a failure.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import type { Test } from 'uvu'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of a Chromium: `CHROMIUM` of the environment, else the first found on the path; undefined without one. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(executable)
}

/** A browser without a window, on software rendering, that asks nothing of the network by itself. */
export function launchChromium(more: readonly string[] = ['--disable-gpu']): Promise<Browser> {
  const executablePath = findChromium()
  if (!executablePath) throw new Error(`no Chromium found: set CHROMIUM or install one of ${names.join(', ')}`)
  const args = [
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ]
  return chromium.launch({ executablePath, args, headless: true })
}

/** `test`, or its `skip` where there is no browser and need not be. */
export function needsChromium<T>(test: Test<T>): Test<T> | Test<T>['skip'] {
  const found = findChromium() !== undefined
  if (!found && process.env.REQUIRE_CHROMIUM === '1') throw new Error('REQUIRE_CHROMIUM=1, but no Chromium was found')
  return found ? test : test.skip
}
