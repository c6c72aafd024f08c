/** Whether this host has fused multiply-add: relaxed SIMD, which Node has from version 22 on, and a processor for it. */

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
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(probe)).exports
  // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, whose last term a product alone rounds away
  return (f as (a: number, c: number) => number)(1 + 2 ** -12, -1 - 2 ** -11) === 2 ** -24
}

interface NodeProcess {
  versions?: { node?: string }
  getBuiltinModule?: (name: 'v8') => { setFlagsFromString(flags: string): void }
}

/**
 * Switches relaxed SIMD on where Node has it behind a flag of V8, which is Node 20 and 21; elsewhere does nothing. The
 * flag holds for the whole process, and kernels then have other bits: commands may decide that, the library does not.
 * To be called before a device is used.
 */
export function allowFusedMultiplyAdd(): void {
  const node = (globalThis as { process?: NodeProcess }).process
  if (!/^2[01]\./.test(node?.versions?.node ?? '')) return
  node?.getBuiltinModule?.('v8').setFlagsFromString('--experimental-wasm-relaxed-simd')
}
