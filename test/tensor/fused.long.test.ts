/** The kernels with fused multiply-add, which have other bits: the conformance and precision tests on them. */
import { allowFastVectors, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

allowFastVectors() // before a device is used: Node 20 has relaxed SIMD behind a flag
const { description } = await useDevice('wasm')
const fused = description.includes('fused')
// a processor may lack it, and then there is nothing to test
const suiteOf = suite('kernels with fused multiply-add')
const test = fused ? suiteOf : suiteOf.skip

test('the device says that it rounds a product and a sum once', () => {
  assert.match(description, 'with fused multiply-add')
})

suiteOf.run()
if (fused) {
  await import('./conformance.test.ts')
  await import('./precision.test.ts')
}
