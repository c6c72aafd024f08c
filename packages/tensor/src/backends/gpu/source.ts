/** Kernels as text: what all WGSL of this backend is made of. Indices are integers throughout; f32 ends at 2²⁴. */

export type Word = 'u32' | 'i32' | 'f32'

/** A kernel: its parameters and buffers in the order of their binding, and its WGSL without their declarations. */
export interface Source {
  readonly params: Readonly<Record<string, Word>>
  /** element types; each buffer `x` has a parameter `x_at`, where the first element of its view lies */
  readonly reads: Readonly<Record<string, string>>
  readonly writes: Readonly<Record<string, string>>
  readonly body: string
}

/** The whole text: parameters `p`, then the buffers, then the body. */
export function assemble({ params, reads, writes, body }: Source): string {
  const fields = Object.entries(params).map(([name, word]) => `${name}: ${word}`)
  const buffers = [
    ...Object.entries(reads).map(([name, type]) => `var<storage, read> ${name}: array<${type}>;`),
    ...Object.entries(writes).map(([name, type]) => `var<storage, read_write> ${name}: array<${type}>;`),
  ].map((declaration, i) => `@group(0) @binding(${i + 1}) ${declaration}`)
  return `struct Params { ${fields.join(', ')} }
@group(0) @binding(0) var<uniform> p: Params;
${buffers.join('\n')}
${body}`
}

/** How many threads a workgroup has, but for those of matrix products. */
export const groupSize = 64

/**
 * A kernel of independent threads: `body` runs for every i in [0, p.threads). Workgroups that do not fit one dimension
 * of a dispatch are folded into a second.
 */
export const perThread = (body: string, before = ''): string => `${before}
@compute @workgroup_size(${groupSize}) fn main(
  @builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>
) {
  let i = id.x + id.y * groups.x * ${groupSize}u;
  if (i >= p.threads) { return; }
${body}
}`

/**
 * Tests and orders of floats by their bits. Shaders may take every number for finite and flush subnormal ones to 0, so
 * that x != x may be false of NaN; of integers they may assume nothing.
 */
export const bits = /* wgsl */ `
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_inf(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }
fn not_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }
fn nan_of(seed: u32) -> f32 { return bitcast<f32>(seed | 0x7fc00000u); }
fn infinity_of(seed: u32) -> f32 { return bitcast<f32>((seed & 0x80000000u) | 0x7f800000u); }
/* as unsigned integers in the order of the floats: both zeros equal, NaN above all */
fn key(x: f32) -> u32 {
  let b = bitcast<u32>(x);
  if ((b & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if ((b & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return select(b | 0x80000000u, ~b, (b & 0x80000000u) != 0u);
}`

/** The type in which elements are stored: a truth value is an integer of four bytes, 0 or 1. */
export const storedAs = { f32: 'f32', i32: 'i32', bool: 'u32', f64: 'f64' } as const
