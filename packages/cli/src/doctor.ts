/** `antecedent doctor`: what computes here, how fast, and what would make it faster. */
import { availableParallelism, cpus } from 'node:os'
import { DeviceError, type DeviceName, matmul, normal, randomKey, scope, useDevice } from '@antecedent/tensor'
import { areVectorsWide, findBlas } from '@antecedent/tensor/internal'
import { printJson } from './output.ts'

/** One product of the paper's job: 50 points of 14 tokens through a feed-forward layer. */
const [rows, inner, columns] = [700, 384, 1536] as const
const operations = 2 * rows * inner * columns

/** The rate of a product in GFLOP/s, the best of what fits into `ms` milliseconds. */
async function measure(device: DeviceName, threads: number, ms: number): Promise<number> {
  await useDevice(device, { threads })
  return scope(() => {
    const a = normal([rows, inner], randomKey(1))
    const b = normal([inner, columns], randomKey(2))
    let best = Number.POSITIVE_INFINITY
    for (const start = performance.now(); performance.now() - start < ms; ) {
      const begin = performance.now()
      scope(() => void matmul(a, b))
      best = Math.min(best, performance.now() - begin)
    }
    return operations / best / 1e6
  })
}

/** Kernels for processors without AVX-512, on one that has it. */
const narrow = new Set(['Haswell', 'Zen', 'Sandybridge', 'Nehalem', 'Core2', 'Prescott'])

/** What a user could do about speed. */
function adviceFor({ library }: ReturnType<typeof findBlas>, units: VectorUnits): string[] {
  const asked = process.env.OPENBLAS_CORETYPE
  const advice: string[] = []
  if (Number.parseInt(process.versions.node, 10) < 24 && units.fused256)
    advice.push('Node 24 makes vectors of 256 bits, with which products on wasm are up to twice as fast')
  if (!library && !areVectorsWide())
    advice.push('a BLAS library doubles the speed of products: on Debian, apt install libopenblas0-pthread')
  if (library && units.avx512 && library.coreType && narrow.has(library.coreType)) {
    const cause = asked ? `OPENBLAS_CORETYPE=${asked}` : 'its own choice'
    advice.push(`this processor has AVX-512 and the library runs kernels for ${library.coreType} (${cause}); unset it`)
  } else if (library && asked)
    advice.push(`OPENBLAS_CORETYPE=${asked} is set: without it the library chooses by itself`)
  return advice
}

interface VectorUnits {
  readonly avx512: boolean
  /** 256 bits with fused multiply-add */
  readonly fused256: boolean
}

/** What Linux says of the processor; nothing where the system does not tell. */
async function vectorUnits(): Promise<VectorUnits> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '')
  return { avx512: /\bavx512f\b/.test(text), fused256: /\bavx2\b/.test(text) && /\bfma\b/.test(text) }
}

/** The adapter of the device gpu, or why there is none. */
async function findGpu(): Promise<string> {
  try {
    return (await useDevice('gpu')).description
  } catch (error) {
    if (error instanceof DeviceError) return `none: ${error.message}`
    throw error
  }
}

export async function doctor({ json }: { json?: boolean }): Promise<void> {
  const blas = findBlas()
  const cores = availableParallelism()
  const rates: { device: string; description: string; threads: number; gflops: number }[] = []
  const devices: DeviceName[] = blas.library ? ['wasm', 'blas'] : ['wasm']
  const counts = cores > 1 ? [1, cores] : [1]
  for (const device of devices) {
    for (const threads of counts) {
      const gflops = await measure(device, threads, 1000 / (devices.length * counts.length))
      rates.push({ device, description: (await useDevice(device)).description, threads, gflops })
    }
  }
  const advice = adviceFor(blas, await vectorUnits())
  const gpu = await findGpu()
  const cpu = cpus()[0]?.model ?? 'unknown'
  if (json)
    return printJson({
      node: process.version,
      cpu,
      cores,
      blas: blas.library?.name ?? null,
      gpu,
      ...blas,
      rates,
      advice,
    })
  const lines = [
    `node       ${process.version}, ${process.platform} ${process.arch}`,
    `processor  ${cpu.trim()}, ${cores} cores`,
    `blas       ${blas.library ? `${blas.library.name} (${blas.library.file}${blas.library.coreType ? `, ${blas.library.coreType}` : ''})` : 'none'}`,
    ...(blas.library ? [] : blas.failures.map((failure) => `           ${failure}`)),
    `gpu        ${gpu}`,
    `product ${rows} × ${inner} × ${columns}, f32:`,
    ...rates.map(({ description, gflops }) => `  ${gflops.toFixed(0).padStart(5)} GFLOP/s  ${description}`),
    ...advice.map((line) => `faster: ${line}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
