/** A headless Chromium, where the machine has one. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { Test } from 'uvu'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executable = places.find((path) => path !== undefined && existsSync(path))

/** `test`, or its `skip` where there is no browser; with REQUIRE_CHROMIUM=1 its absence is a failure. */
export function needsBrowser<T>(test: Test<T>): Test<T> | Test<T>['skip'] {
  if (!executable && process.env.REQUIRE_CHROMIUM) throw new Error('no Chromium, and REQUIRE_CHROMIUM is set')
  return executable ? test : test.skip
}

const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Starts the browser with no network of its own. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: executable!, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet] })
