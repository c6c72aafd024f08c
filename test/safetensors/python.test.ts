/** The same file read by a few lines of Python, which share nothing with this package. Skipped without python3. */
import { spawnSync } from 'node:child_process'
import { serializeSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('safetensors: Python agrees')

const script = `
import json, struct, sys
raw = sys.stdin.buffer.read()
n, = struct.unpack_from('<Q', raw)
header = json.loads(raw[8:8 + n])
codes = dict(F64='d', F32='f', F16='e', I64='q', I32='i', I16='h', I8='b', U8='B', BOOL='?')
out = {'__metadata__': header.pop('__metadata__', None)}
for name, t in header.items():
    begin, end = t['data_offsets']
    data = raw[8 + n + begin:8 + n + end]
    if t['dtype'] == 'BF16':
        values = [struct.unpack('<f', b'\\0\\0' + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    else:
        values = [v for v, in struct.iter_unpack('<' + codes[t['dtype']], data)]
    out[name] = [t['shape'], [str(v) if t['dtype'] == 'I64' else v + 0 for v in values]]
print(json.dumps(out))
`

const python = (script: string, input: Uint8Array) =>
  JSON.parse(spawnSync('python3', ['-c', script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout)

const withPython = spawnSync('python3', ['--version']).status === 0 ? test : test.skip

withPython('a file of every dtype reads the same in Python', () => {
  const shape = [2, 1]
  const bytes = serializeSafetensors(
    {
      f64: { dtype: 'F64', shape, data: Float64Array.of(0.1, -1e300) },
      f32: { dtype: 'F32', shape, data: Float32Array.of(0.5, -3) },
      f16: { dtype: 'F16', shape, data: Float32Array.of(65504, 2 ** -24) },
      bf16: { dtype: 'BF16', shape, data: Float32Array.of(-1.5, 2 ** 100) },
      i64: { dtype: 'I64', shape, data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
      i32: { dtype: 'I32', shape, data: Int32Array.of(-(2 ** 31), 7) },
      i16: { dtype: 'I16', shape, data: Int16Array.of(-32768, 7) },
      i8: { dtype: 'I8', shape, data: Int8Array.of(-128, 7) },
      u8: { dtype: 'U8', shape, data: Uint8Array.of(255, 7) },
      bool: { dtype: 'BOOL', shape, data: Uint8Array.of(1, 0) },
      scalar: { dtype: 'F32', shape: [], data: Float32Array.of(1) },
      'é "x"\n': { dtype: 'U8', shape: [0, 3], data: new Uint8Array(0) },
    },
    { format: 'pt', ключ: '\u0001' },
  )
  assert.equal(python(script, bytes), {
    __metadata__: { format: 'pt', ключ: '\u0001' },
    f64: [shape, [0.1, -1e300]],
    f32: [shape, [0.5, -3]],
    f16: [shape, [65504, 2 ** -24]],
    bf16: [shape, [-1.5, 2 ** 100]],
    i64: [shape, ['-9223372036854775808', '9223372036854775807']],
    i32: [shape, [-(2 ** 31), 7]],
    i16: [shape, [-32768, 7]],
    i8: [shape, [-128, 7]],
    u8: [shape, [255, 7]],
    bool: [shape, [1, 0]],
    scalar: [[], [1]],
    'é "x"\n': [[0, 3], []],
  })
})

withPython('100,000 floats round to the same F16 as in Python', () => {
  const data = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i) * 2 ** ((i % 44) - 28))
  const bytes = serializeSafetensors({ w: { dtype: 'F16', shape: [data.length], data } })
  const round = `
import json, struct, sys
print(json.dumps([struct.unpack('<H', struct.pack('<e', v))[0] for v, in struct.iter_unpack('<f', sys.stdin.buffer.read())]))
`
  const expected = Uint16Array.from(python(round, new Uint8Array(data.buffer)))
  assert.equal(new Uint16Array(bytes.slice(bytes.length - 2 * data.length).buffer), expected)
})

test.run()
