/**
 * What V8 makes of vectors: fused multiply-add, which relaxed SIMD has (Node from 22 on), and 256 bits out of two times
 * 128, which it tries behind a flag (from Node 24 on). Commands may set flags, which are a matter of the whole process;
 * the library does not.
 */
import { compiled } from './compiled.ts'
import { aloneFused } from './module.generated.ts'
import type { Kernel } from './threads.ts'

/** A module of one function, (a, c) → a a + c by f32x4.relaxed_madd. */
const probe = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version
  ...[0x01, 0x07, 0x01, 0x60, 0x02, 0x7d, 0x7d, 0x01, 0x7d], // type (f32, f32) → f32
  ...[0x03, 0x02, 0x01, 0x00], // one function
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00], // exported as f
  ...[0x0a, 0x16, 0x01, 0x14, 0x00], // its body, without locals
  ...[0x20, 0x00, 0xfd, 0x13], // a in four lanes
  ...[0x20, 0x00, 0xfd, 0x13],
  ...[0x20, 0x01, 0xfd, 0x13], // c in four lanes
  ...[0xfd, 0x85, 0x02, 0xfd, 0x1f, 0x00, 0x0b], // relaxed_madd, lane 0, end
)

/** Whether a product and a sum are rounded once here. */
export function hasFusedMultiplyAdd(): boolean {
  if (!WebAssembly.validate(probe)) return false
  try {
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(probe)).exports
    // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term a product alone rounds away
    return (f as (a: number, c: number) => number)(1 + 2 ** -12, -1 - 2 ** -11) === 2 ** -24
  } catch {
    return false // a host that compiles nothing: the kernels' own module then says so
  }
}

interface NodeProcess {
  versions?: { node?: string }
  getBuiltinModule?: (name: 'v8') => { setFlagsFromString(flags: string): void }
}

let wide = false

/** Whether the kernels' tiles of 256 bits are the faster ones here: see `allowFastVectors`. */
export const areVectorsWide = (): boolean => wide

/**
 * Sets the flags of V8 that make the kernels fast: relaxed SIMD in Node 20 and 21, which gives them other bits, and
 * vectors of 256 bits from Node 24 on, where a trial of some 15 ms shows that they are faster and equal to the last bit.
 * Elsewhere, and in browsers, nothing. The flags hold for the whole process and for its workers; to be called before a
 * device is used, as code that is compiled stays as it is. `device()` says what came of it.
 */
export function allowFastVectors(): void {
  const node = (globalThis as { process?: NodeProcess }).process
  const version = Number.parseInt(node?.versions?.node ?? '', 10)
  const set = (flags: string) => node?.getBuiltinModule?.('v8').setFlagsFromString(flags)
  if (version === 20 || version === 21) set('--experimental-wasm-relaxed-simd')
  if (!(version >= 24) || !hasFusedMultiplyAdd()) return
  set('--experimental-wasm-revectorize')
  set('--no-liftoff') // the trial is about the code of the optimising compiler, from the first call on
  try {
    wide = isWideTileFaster()
  } finally {
    set('--liftoff')
  }
  if (!wide) set('--no-experimental-wasm-revectorize')
}

/** Of a product of one tile, by tiles of 128 and of 256 bits. */
function isWideTileFaster(): boolean {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 })
  const gemmPacked = compiled(aloneFused, memory).exports.gemmPacked as Kernel
  const [m, k, n] = [6, 512, 16]
  const at = {
    plan: 2 ** 16,
    scratch: 2 ** 16 + 2 ** 12,
    a: 2 ** 17,
    b: 2 ** 18,
    narrow: 2 ** 19,
    wide: 2 ** 19 + 2 ** 12,
  }
  const values = new Float32Array(memory.buffer)
  for (let i = 0; i < k * n; i++) {
    values[at.b / 4 + i] = Math.sin(i)
    if (i < m * k) values[at.a / 4 + i] = Math.cos(i)
  }
  const timeOf = (isWide: boolean): number => {
    const y = isWide ? at.wide : at.narrow
    new Int32Array(memory.buffer, at.plan, 11).set([at.a, at.b, y, m, k, n, 1, 1, 0, Number(isWide), k])
    const start = performance.now()
    for (let i = 0; i < 10; i++) gemmPacked(at.plan, 0, 1, at.scratch)
    return performance.now() - start
  }
  const best = { narrow: Infinity, wide: Infinity }
  for (let i = 0; i < 10; i++) {
    best.narrow = Math.min(best.narrow, timeOf(false))
    best.wide = Math.min(best.wide, timeOf(true))
  }
  const bits = (y: number) => new Int32Array(memory.buffer, y, m * n)
  const same = bits(at.narrow).every((word, i) => word === bits(at.wide)[i])
  return same && best.wide < best.narrow
}
