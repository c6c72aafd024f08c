/** Sorting: runs of 64 by counting, then runs merged in pairs, each element finding its place by itself. Stable. */
import type { Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import type { Engine } from './engine.ts'
import { tooLarge } from './errors.ts'
import { bytesPerElement } from './memory.ts'
import type { Scratch } from './scratch.ts'
import { bits, perThread, type Source, storedAs } from './source.ts'
import type { Walker } from './walk.ts'

const firstRun = 64

/** Elements as unsigned integers of the same order; descending, of the reverse one. */
const orderOf = { f32: 'key(v)', i32: '(bitcast<u32>(v) ^ 0x80000000u)', u32: 'v' } as const

/** The place of thread i: which row, and where in it. */
const place = /* wgsl */ `  let at = i % p.length;
  let row = i32(i / p.length) * i32(p.length);`

export function argsortKernel(engine: Engine, scratch: Scratch, walker: Walker): Pick<Kernels, 'argsort'> {
  const compared = (type: 'f32' | 'i32' | 'u32', descending: boolean): string => `${bits}
fn order(at: i32) -> u32 { let v = x[p.x_at + at]; return ${descending ? '~' : ''}${orderOf[type]}; }`

  /** Within runs of 64, the number of elements that stand before is the place. */
  function runs(type: 'f32' | 'i32' | 'u32', descending: boolean, x: View, y: View): void {
    const source = (): Source => ({
      params: { threads: 'u32', length: 'u32' },
      reads: { x: type },
      writes: { y: 'i32' },
      body: perThread(
        `${place}
  let start = at - at % ${firstRun}u;
  let mine = order(row + i32(at));
  var before = 0u;
  for (var k = start; k < min(start + ${firstRun}u, p.length); k++) {
    let other = order(row + i32(k));
    if (other < mine || (other == mine && k < at)) { before++; }
  }
  y[p.y_at + row + i32(start + before)] = i32(at);`,
        compared(type, descending),
      ),
    })
    const name = `wgsl:argsort runs/${type}${descending ? '/descending' : ''}`
    engine.runThreads(name, source, { x, y }, sizeOf(x.shape), { length: x.shape[1]! })
  }

  /** The place in the merged run: that in its own run, and how many of the other run stand before. */
  function merge(type: 'f32' | 'i32' | 'u32', descending: boolean, x: View, old: View, y: View, width: number): void {
    const source = (): Source => ({
      params: { threads: 'u32', length: 'u32', width: 'u32' },
      reads: { x: type, old: 'i32' },
      writes: { y: 'i32' },
      body: perThread(
        `${place}
  let pair = at - at % (2u * p.width);
  let middle = min(pair + p.width, p.length);
  let end = min(pair + 2u * p.width, p.length);
  let is_left = at < middle;
  let element = old[p.old_at + row + i32(at)];
  let mine = order(row + element);
  var low = select(pair, middle, is_left);
  let start = low;
  var high = select(middle, end, is_left);
  while (low < high) {
    let half = (low + high) / 2u;
    let other = order(row + old[p.old_at + row + i32(half)]);
    if (other < mine || (other == mine && !is_left)) { low = half + 1u; } else { high = half; }
  }
  let own = select(at - middle, at - pair, is_left);
  y[p.y_at + row + i32(pair + own + low - start)] = element;`,
        compared(type, descending),
      ),
    })
    const name = `wgsl:argsort merge/${type}${descending ? '/descending' : ''}`
    engine.runThreads(name, source, { x, old, y }, sizeOf(x.shape), { length: x.shape[1]!, width })
  }

  function sort(x: View, descending: boolean, y: View): void {
    const type = storedAs[x.buffer.dtype] as 'f32' | 'i32' | 'u32'
    const rounds = Math.max(0, Math.ceil(Math.log2(x.shape[1]! / firstRun)))
    if (rounds === 0) {
      runs(type, descending, x, y)
      return
    }
    scratch.use('i32', x.shape, (other) => {
      // so that the last round writes into y
      let [from, to] = rounds % 2 === 0 ? [y, other] : [other, y]
      runs(type, descending, x, from)
      for (let width = firstRun; width < x.shape[1]!; width *= 2) {
        merge(type, descending, x, from, to, width)
        ;[from, to] = [to, from]
      }
    })
  }

  return {
    argsort(x, descending, y) {
      if (sizeOf(x.shape) === 0) return
      const shape = [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]
      const strides = stridesOf(shape)
      walker.dense([x], ([dense]) => {
        const cut = engine.inParts(
          [
            { ...dense!, shape, strides },
            { ...y, shape, strides },
          ],
          1,
          ([part, to]) => sort(part!, descending, to!),
        )
        if (cut === null) throw tooLarge('argsort', shape[1]! * bytesPerElement, engine.bindingLimit)
      })
    },
  }
}
