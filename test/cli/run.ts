/** Runs the command from its sources. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '../support/shared.ts'

const main = join(repository, 'packages/cli/src/main.ts')
const loader = join(repository, 'node_modules/tsx/dist/loader.mjs')

/** Exit code, standard output and standard error of `antecedent ARGS` in a folder, without colours. */
export function runCommand(cwd: string, args: string[], input?: string, environment: Record<string, string> = {}) {
  const command = ['-C', '@antecedent/source', '--import', loader, main, ...args]
  const env = { ...process.env, NO_COLOR: '1', ...environment }
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: 'utf8', input, env })
  return { code: status, out: stdout, err: stderr }
}
