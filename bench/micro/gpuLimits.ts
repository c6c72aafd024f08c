/** What a GPU can do at most: sums and products in registers alone, and a plain copy, as `limits.ts` has them for wasm. */
import type { GpuBackend } from '@antecedent/tensor/gpu'
import { stridesOf, type View } from '@antecedent/tensor/internal'
import type { Limit } from './limits.ts'

/** Chains of four sums each that wait for nothing but themselves. */
const [chains, loops] = [8, 256]
const groupSize = 64

const body = /* wgsl */ `
@compute @workgroup_size(${groupSize}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let start = vec4(f32(id.x % 64u));
${Array.from({ length: chains }, (_, c) => `  var s${c} = start + ${c}.0;`).join('\n')}
  for (var k = 0u; k < p.loops; k++) {
${Array.from({ length: chains }, (_, c) => `    s${c} = s${c} * 0.5 + 1.0;`).join('\n')}
  }
  let sum = ${Array.from({ length: chains }, (_, c) => `s${c}`).join(' + ')};
  y[p.y_at + i32(id.x)] = sum.x + sum.y + sum.z + sum.w;
}`

const source = () => ({ params: { loops: 'u32' } as const, reads: {}, writes: { y: 'f32' }, body })

function room(backend: GpuBackend, size: number): View {
  return { buffer: backend.allocate('f32', size), shape: [size], strides: stridesOf([size]), offset: 0 }
}

/** s ← s/2 + 1 in every thread: enough of them to fill a large GPU, fewer where a processor stands in for one. */
export function arithmeticOnGpu(backend: GpuBackend): Limit {
  const groups = backend.isSoftware ? 64 : 8192
  const threads = groups * groupSize
  const y = room(backend, threads)
  return {
    run: () => backend.engine.run('bench:arithmetic', source, { y }, { loops }, [groups, 1, 1]),
    work: threads * loops * chains * 4 * 2,
    release: () => backend.free(y.buffer),
  }
}

/** The device's own copy, which reads and writes so many bytes together. */
export function copyingOnGpu(backend: GpuBackend, bytes: number): Limit {
  const size = Math.max(1, Math.ceil(bytes / 8))
  const [x, y] = [room(backend, size), room(backend, size)]
  backend.upload(new Float32Array(size), x.buffer)
  return {
    run: () => backend.kernels.copy(x, y),
    work: 8 * size,
    release: () => {
      for (const { buffer } of [x, y]) backend.free(buffer)
    },
  }
}
