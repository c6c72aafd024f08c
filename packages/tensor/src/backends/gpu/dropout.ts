/** Dropout: a thread an element, which makes its own random word. */
import type { Kernels, View } from '../../kernels.ts'
import { uses } from '../../random/philox.ts'
import { sizeOf } from '../../shape.ts'
import type { Engine } from './engine.ts'
import { alignment, bytesPerElement } from './memory.ts'
import { perThread, type Source } from './source.ts'
import type { Walker } from './walk.ts'

/** Philox4x32-10. WGSL has no products of 64 bits: their high halves are made of products of 16 bits. */
const philox = /* wgsl */ `
fn high_of_product(a: u32, b: u32) -> u32 {
  let a1 = a >> 16u;
  let a0 = a & 0xffffu;
  let b1 = b >> 16u;
  let b0 = b & 0xffffu;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let carried = (middle & 0xffffu) + a0 * b1;
  return a1 * b1 + (middle >> 16u) + (carried >> 16u);
}
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0; round < 10; round++) {
    let first = high_of_product(0xd2511f53u, c.x);
    let second = high_of_product(0xcd9e8d57u, c.z);
    c = vec4<u32>(second ^ c.y ^ k.x, 0xcd9e8d57u * c.z, first ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`

const source = (): Source => ({
  params: {
    ...{ threads: 'u32', first: 'u32', period: 'u32', least: 'u32', factor: 'f32' },
    ...{ purpose: 'u32', key0: 'u32', key1: 'u32' },
  },
  reads: { x: 'f32' },
  writes: { y: 'f32' },
  body: perThread(
    `
  let place = (p.first + i) % p.period;
  let words = philox(vec4<u32>(place / 4u, 0u, p.purpose, 0u), vec2<u32>(p.key0, p.key1));
  if ((words[place % 4u] >> 8u) >= p.least) { y[p.y_at + i32(i)] = x[p.x_at + i32(i)] * p.factor; }
  else { y[p.y_at + i32(i)] = 0.0; }`,
    philox,
  ),
})

export function dropoutKernel(engine: Engine, walker: Walker): Kernels['dropout'] {
  return (x, { rate, key, period }, y) => {
    const [key0, key1] = key.map((word) => word >>> 0) as [number, number]
    const params = {
      period,
      least: Math.ceil(rate * 2 ** 24),
      factor: 1 / (1 - rate),
      purpose: uses.dropout,
      key0,
      key1,
    }
    const size = sizeOf(x.shape)
    // parts that fit a binding, wherever they start
    const part = (engine.bindingLimit - alignment) / bytesPerElement
    walker.dense([x], ([from]) => {
      for (let first = 0; first < size; first += part) {
        const shape = [Math.min(part, size - first)]
        const cut = (whole: View): View => ({ ...whole, shape, strides: [1], offset: whole.offset + first })
        engine.runThreads('wgsl:dropout', source, { x: cut(from!), y: cut(y) }, shape[0]!, { ...params, first })
      }
    })
  }
}
