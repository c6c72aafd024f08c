/**
 * Compiles the kernels of the `wasm` device (packages/tensor/assembly, AssemblyScript) into a TypeScript module that
 * holds them as base64: nothing to fetch, and the same in Node and browsers. Modules for memory that threads share and for
 * memory that they do not, each with and without fused multiply-add, which not every host knows. Nothing is done where the result is newer than the sources.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const sources = fileURLToPath(new URL('../packages/tensor/assembly/', import.meta.url))
const result = fileURLToPath(new URL('../packages/tensor/src/backends/wasm/module.generated.ts', import.meta.url))

const options = [
  'index.ts',
  ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory'],
  // the first bytes stay free: address 0 stands for "none"
  ...['--memoryBase', '1024', '--initialMemory', '16', '--maximumMemory', '65536'],
]

async function compile(more) {
  let binary = null
  const { error, stderr } = await asc.main([...options, ...more, '--outFile', 'kernels.wasm'], {
    readFile: (name) => (existsSync(sources + name) ? readFileSync(sources + name, 'utf8') : null),
    writeFile: (name, contents) => {
      if (name === 'kernels.wasm') binary = contents
    },
    listFiles: () => [],
  })
  if (error || !binary) throw new Error(`kernels: ${stderr.toString() || error}`)
  return Buffer.from(binary).toString('base64')
}

const newest = Math.max(
  ...readdirSync(sources).map((file) => statSync(sources + file).mtimeMs),
  statSync(fileURLToPath(import.meta.url)).mtimeMs,
)
if (!existsSync(result) || statSync(result).mtimeMs < newest) {
  const threads = ['--enable', 'threads', '--sharedMemory']
  const fused = ['--enable', 'relaxed-simd']
  const modules = { shared: threads, alone: [], sharedFused: [...threads, ...fused], aloneFused: fused }
  let text = '// made by scripts/kernels.mjs from packages/tensor/assembly\n'
  for (const [name, more] of Object.entries(modules)) text += `export const ${name} =\n  '${await compile(more)}'\n`
  writeFileSync(result, text)
}
