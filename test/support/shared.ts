/**
 * The folder `shared/` beside the checkout holds corpora, goldens and weights. CI has it; a user's machine has not:
 * there the tests that need it are skipped and counted, while with `CI=true` its absence is a failure.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'uvu'

export const repository = resolve(fileURLToPath(import.meta.url), '../../..')
const folder = resolve(repository, '../shared')

/** The path of a file or folder in `shared/`. */
export const shared = (...parts: string[]): string => join(folder, ...parts)

export const hasShared = existsSync(folder)

/** `test`, or its `skip` where `shared/` is missing and may be. */
export function needsShared<T>(test: Test<T>): Test<T> | Test<T>['skip'] {
  if (!hasShared && process.env.CI === 'true') throw new Error(`${folder} is missing, and CI=true requires it`)
  return hasShared ? test : test.skip
}
