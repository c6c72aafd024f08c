/** A system's BLAS: which library is there, and its product of matrices. Loaded by koffi, which is optional. */
import { DeviceError } from '../../errors.ts'

/** cblas_sgemm on addresses of this process: y = a b + beta y, all row-major. */
export type Sgemm = (
  ...args: readonly [
    ...[order: number, transA: number, transB: number, m: number, n: number, k: number],
    ...[alpha: number, a: number, lda: number, b: number, ldb: number, beta: number, y: number, ldy: number],
  ]
) => void

export interface BlasLibrary {
  /** `OpenBLAS 0.3.21`, `MKL`, `Accelerate` */
  readonly name: string
  /** the file or name by which it was found */
  readonly file: string
  /** the processor that its kernels were made for, where it tells */
  readonly coreType: string | null
  readonly sgemm: Sgemm
  /** what a worker needs to load it too: koffi's file, and the prototype of `sgemm` */
  readonly koffi: string
  readonly prototype: string
  /** a setting of the whole process; null where the library has none */
  readonly setThreads: ((count: number) => void) | null
  /** The address of a view of memory in this process. */
  addressOf(view: Float32Array): number
}

interface KoffiLibrary {
  func(prototype: string): (...args: never[]) => unknown
}

interface Koffi {
  load(file: string): KoffiLibrary
  address(view: Float32Array): bigint | number
}

interface Require {
  (name: string): unknown
  resolve(name: string): string
}

interface NodeProcess {
  platform: string
  env: Record<string, string | undefined>
  getBuiltinModule?: (name: 'module') => { createRequire(from: string): Require }
}

const node = (globalThis as { process?: NodeProcess }).process

/** Names under which systems keep these libraries, the fastest first. `ANTECEDENT_BLAS` goes before them. */
const candidates: Record<string, readonly string[]> = {
  linux: ['libopenblas.so.0', 'libopenblas.so', 'libmkl_rt.so.2', 'libmkl_rt.so', 'libcblas.so.3', 'libcblas.so'],
  darwin: [
    '/System/Library/Frameworks/Accelerate.framework/Accelerate',
    ...['/opt/homebrew/opt/openblas/lib/libopenblas.dylib', '/usr/local/opt/openblas/lib/libopenblas.dylib'],
  ],
  win32: ['libopenblas.dll', 'openblas.dll', 'mkl_rt.2.dll', 'mkl_rt.dll'],
}

/** What was tried, and what came of it. */
export interface BlasSearch {
  readonly library: BlasLibrary | null
  /** why there is none: no koffi, or each name with its failure */
  readonly failures: readonly string[]
}

let search: BlasSearch | null = null

/** Looks for a BLAS, once. */
export function findBlas(): BlasSearch {
  search ??= look()
  return search
}

function look(): BlasSearch {
  const require = node?.getBuiltinModule?.('module').createRequire(import.meta.url)
  if (!node || !require) return { library: null, failures: ['only Node from 20.16 on can load libraries'] }
  let koffi: Koffi
  try {
    koffi = require('koffi') as Koffi
  } catch (error) {
    return { library: null, failures: [`koffi, an optional dependency, can not be loaded: ${firstLine(error)}`] }
  }
  const asked = node.env.ANTECEDENT_BLAS
  const failures: string[] = []
  for (const file of asked ? [asked] : (candidates[node.platform] ?? [])) {
    try {
      return { library: { ...open(koffi, file), koffi: require.resolve('koffi') }, failures }
    } catch (error) {
      failures.push(`${file}: ${firstLine(error)}`)
    }
  }
  return { library: null, failures }
}

const firstLine = (error: unknown): string => String((error as Error).message ?? error).split('\n')[0]!

/** A function of the library, or null where it has none of that name. */
function optional<F>(library: KoffiLibrary, prototype: string): F | null {
  try {
    return library.func(prototype) as F
  } catch {
    return null
  }
}

const matrix = (name: string) => `uintptr_t ${name}, int ld${name}`
const prototype = `void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, ${matrix('a')}, ${matrix('b')}, float beta, ${matrix('y')})`

function open(koffi: Koffi, file: string): Omit<BlasLibrary, 'koffi'> {
  const library = koffi.load(file)
  const sgemm = library.func(prototype) as Sgemm
  const config = optional<() => string>(library, 'const char *openblas_get_config(void)')
  const core = optional<() => string>(library, 'const char *openblas_get_corename(void)')
  const setThreads =
    optional<(count: number) => void>(library, 'void openblas_set_num_threads(int count)') ??
    optional<(count: number) => void>(library, 'void MKL_Set_Num_Threads(int count)')
  const version = /OpenBLAS\s+([\d.]+)/.exec(config?.() ?? '')?.[1]
  const isMkl = file.includes('mkl')
  const name = config
    ? `OpenBLAS${version ? ` ${version}` : ''}`
    : isMkl
      ? 'MKL'
      : file.includes('Accelerate')
        ? 'Accelerate'
        : 'BLAS'
  const addressOf = (view: Float32Array) => Number(koffi.address(view))
  return { name, file, coreType: core?.() ?? null, sgemm, prototype, setThreads, addressOf }
}

/** The library, or an error that says what to install. */
export function requireBlas(): BlasLibrary {
  const { library, failures } = findBlas()
  if (library) return library
  throw new DeviceError({
    op: 'useDevice',
    expected: 'a BLAS library for the device blas',
    got: failures.join('; '),
    hint: 'Debian: apt install libopenblas0-pthread; ANTECEDENT_BLAS names a file; or use wasm',
  })
}
