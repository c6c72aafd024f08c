/** Checks that no compiler makes: the arrows between packages, the sizes of files, the dependencies of the core. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const packages = join(root, 'packages')

/** What each package may import; nothing else of ours, and no other package but those named. */
const arrows: Record<string, readonly string[]> = {
  safetensors: [],
  tensor: [],
  bert: ['@antecedent/tensor', 'safetensors-ts'],
  coref: ['@antecedent/tensor', '@antecedent/bert', 'safetensors-ts'],
  attribution: ['@antecedent/tensor', '@antecedent/bert'],
  cli: [
    '@antecedent/tensor',
    '@antecedent/bert',
    '@antecedent/attribution',
    '@antecedent/coref',
    'safetensors-ts',
    'commander',
    'picocolors',
  ],
}

/** Outside tests, imports of these are allowed where a comment in the package says why. */
const optionalPeers: Record<string, readonly string[]> = { tensor: ['fast-check'] }

const longest = 400

const problems: string[] = []

function sourcesOf(name: string): string[] {
  return readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file))
}

for (const [name, allowed] of Object.entries(arrows)) {
  let lines = 0
  for (const file of sourcesOf(name)) {
    const text = readFileSync(join(packages, name, file), 'utf8')
    const count = text.split('\n').length
    lines += count
    if (count > longest) problems.push(`packages/${name}/${file}: ${count} lines, at most ${longest}`)
    for (const [, target] of text.matchAll(/(?:from|import) '([^']+)'/g)) {
      if (target!.startsWith('.')) continue
      const isNode = target!.startsWith('node:')
      if (isNode && (name === 'cli' || /^src\/node\b/.test(file))) continue
      const known = [...allowed, ...(optionalPeers[name] ?? [])]
      if (!isNode && known.some((other) => target === other || target!.startsWith(`${other}/`))) continue
      problems.push(`packages/${name}/${file}: may not import ${target}`)
    }
  }
  console.log(`${name.padEnd(12)} ${String(lines).padStart(6)} lines`)
}

for (const name of ['safetensors', 'tensor']) {
  const { dependencies } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'))
  if (dependencies) problems.push(`packages/${name}: has dependencies, and must have none`)
}

for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
