/** Numbers of binary16 against the file reader's, which widens them by a table, on every device. */
import { fromFloat16, memoryInfo, ShapeError } from '@antecedent/tensor'
import { parseSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { craft, entry } from '../safetensors/craft.ts'
import { fastDevices } from '../support/devices.ts'

const test = suite('binary16')
const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i)
const header = `{${entry('x', 'F16', [all.length], [0, 2 * all.length])}}`
const expected = parseSafetensors(craft(header, new Uint8Array(all.buffer))).get('x').data as Float32Array

for (const device of ['ref', ...fastDevices]) {
  test(`every number, NaN and infinities among them, bit for bit on ${device}`, () => {
    const x = fromFloat16(all, [256, 256], { device })
    assert.equal([x.shape, x.dtype, x.device], [[256, 256], 'f32', device])
    const found = new Uint32Array((x.dataSync() as Float32Array).buffer)
    for (const [i, bits] of new Uint32Array(expected.buffer).entries()) assert.is(found[i], bits, `half ${i}`)
    x.dispose()
  })

  test(`sizes that fill no whole lanes on ${device}, and nothing else is written`, () => {
    for (let n = 0; n <= 19; n++) {
      const before = memoryInfo().tensors
      const beside = fromFloat16(new Uint16Array(n).fill(0x4000), [n], { device })
      const x = fromFloat16(all.slice(0x3c00, 0x3c00 + n), [n], { device })
      const numbers = Array.from({ length: n }, (_, i) => 1 + i / 1024)
      assert.equal(Array.from(x.dataSync()), numbers)
      assert.equal(Array.from(beside.dataSync()), new Array(n).fill(2))
      x.dispose()
      beside.dispose()
      assert.is(memoryInfo().tensors, before)
    }
  })
}

test('a shape that does not hold the numbers is an error', () => {
  try {
    fromFloat16(all, [3, 5])
    assert.unreachable()
  } catch (error) {
    assert.instance(error, ShapeError)
    assert.match((error as Error).message, /fromFloat16: expected 15 elements for \[3, 5\], got 65536/)
  }
})

test.run()
