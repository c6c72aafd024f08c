/** A long run of the fuzzer. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzzHeaders } from './fuzz.ts'

const test = suite('safetensors: long fuzzing')

test('100,000 broken files are read rightly or refused with a FormatError', () => {
  const { accepted, refused } = fuzzHeaders(100_000, 7)
  assert.is(accepted + refused, 100_000)
})

test.run()
