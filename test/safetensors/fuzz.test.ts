/** A short run of the fuzzer; `fuzz.long.test.ts` and `scripts/fuzz.ts` run it for longer. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzzHeaders } from './fuzz.ts'

const test = suite('safetensors: fuzzing')

test('2,000 broken files are read rightly or refused with a FormatError', () => {
  const { accepted, refused } = fuzzHeaders(2000, 42)
  assert.is(accepted + refused, 2000)
  assert.ok(accepted > 100 && refused > 1000, `${accepted} accepted, ${refused} refused`)
})

test.run()
