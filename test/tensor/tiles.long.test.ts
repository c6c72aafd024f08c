/** Tiles of 128 and of 256 bits, which V8 is let to use from Node 24 on: the same bits, in products of every size. */
import { existsSync, readFileSync } from 'node:fs'
import { allowFastVectors } from '@antecedent/tensor'
import { stridesOf, type View, wasmBackend } from '@antecedent/tensor/internal'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

allowFastVectors() // before a device is used
const backend = wasmBackend()
const { engine } = backend
const foundWide = engine.wide

const suiteOf = suite('tiles')
// kernels without fused multiply-add have tiles of one kind
const test = engine.fused ? suiteOf : suiteOf.skip

const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * i))

const held = (data: Float32Array, shape: readonly number[], strides = stridesOf(shape)): View => {
  const buffer = backend.allocate('f32', data.length)
  backend.upload(data, buffer)
  return { buffer, shape, strides, offset: 0 }
}

/** The bits of a b + bias by tiles of one kind; b lies transposed where asked. */
function bitsOf(isWide: boolean, [m, k, n]: readonly [number, number, number], turned: boolean): Int32Array {
  Object.assign(engine, { wide: isWide })
  const views = [
    held(numbers(m * k, 1), [m, k]),
    held(numbers(k * n, 2), [k, n], turned ? [1, k] : [n, 1]),
    held(new Float32Array(m * n).fill(7), [m, n]),
    held(numbers(n, 3), [n]),
  ] as const
  backend.kernels.matmul(...views)
  const y = backend.readSync(views[2]) as Float32Array
  for (const { buffer } of views) backend.free(buffer)
  return new Int32Array(y.buffer, y.byteOffset, y.length)
}

test('products have the same bits by tiles of both kinds, and by the kernel of few rows', () => {
  const sizes = fc.tuple(
    fc.integer({ min: 1, max: 150 }),
    fc.integer({ min: 1, max: 90 }),
    fc.integer({ min: 1, max: 90 }),
  )
  fc.assert(
    fc.property(sizes, fc.boolean(), (size, turned) => {
      assert.equal(bitsOf(true, size, turned), bitsOf(false, size, turned))
    }),
    { seed: 7, numRuns: 500 },
  )
})

test('so they have where sums are longer than a block', () => {
  for (const size of [
    [20, 1300, 40],
    [63, 513, 16],
    [64, 1300, 40],
    [130, 1025, 50],
  ] as const) {
    assert.equal(bitsOf(true, size, false), bitsOf(false, size, false))
  }
})

/** Whether V8 and the processor have vectors of 256 bits; null where the system does not tell of the processor. */
function expectWide(): boolean | null {
  if (Number.parseInt(process.versions.node, 10) < 24) return false
  const processor = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  return processor === '' ? null : /\bavx2\b/.test(processor)
}

test('the trial finds the wide tile the better one where V8 makes vectors of 256 bits, and nowhere else', () => {
  const expected = expectWide()
  if (expected !== null) assert.is(foundWide, expected)
})

test('the device says so where V8 makes vectors of 256 bits', () => {
  for (const isWide of [true, false]) {
    Object.assign(engine, { wide: isWide })
    assert.is(backend.description.includes('of 256 bits'), isWide)
  }
})

suiteOf.run()
