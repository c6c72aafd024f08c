/** Each rule of the format, kept and broken. */
import { parseSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { craft, entry, formatError } from './craft.ts'

const test = suite('safetensors: rules')

const parse = (bytes: Uint8Array) => parseSafetensors(bytes, { file: 'm.safetensors' })

/** The error for a header with `data` bytes of data behind it. */
const broken = (header: string, data: number, message: RegExp) => formatError(() => parse(craft(header, data)), message)

test('a file below eight bytes is refused', () => {
  for (let size = 0; size < 8; size++) {
    const error = formatError(() => parse(new Uint8Array(size)), new RegExp(`got a file of ${size} bytes`))
    assert.is(error.file, 'm.safetensors')
    assert.is(error.byte, size)
  }
})

test('a header length above 100 MB, or above the file, is refused before anything is allocated', () => {
  const file = craft('{}', 4)
  const view = new DataView(file.buffer)
  for (const length of [7n, 100_000_000n]) {
    view.setBigUint64(0, length, true)
    formatError(() => parse(file), /byte 0: expected a header of at most 6 bytes in this file, got/)
  }
  for (const length of [100_000_001n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    view.setBigUint64(0, length, true)
    formatError(() => parse(file), /byte 0: expected a header of at most 100000000 bytes, got/)
  }
})

test('the header is one JSON object that starts with its first byte', () => {
  const cases: [string, number][] = [
    ['', 8],
    [' {}', 8],
    ['\ufeff{}', 8],
    ['[]', 8],
    ['1', 8],
    ['null', 8],
    ['{', 9],
    ['{}x', 10],
    ['{}{}', 10],
    ['{}\u0000', 10],
    ['{"a"}', 12],
    ['{"a":}', 13],
    ['{a:1}', 9],
    ["{'a':1}", 9],
    ['{"a":{},}', 13],
    ['{"é":1}', 14],
  ]
  for (const [header, byte] of cases) assert.is(broken(header, 0, /expected .*, got /).byte, byte, header)
})

test('white space is allowed between tokens and behind the object', () => {
  const header = '{ "a" :\n{ "dtype":\t"U8", "shape" : [ 2 ] ,"data_offsets":[0 , 2]}\r}   \n'
  assert.equal(parse(craft(header, 2)).names, ['a'])
})

test('strings are valid UTF-8, without control characters, bad escapes or lone surrogates', () => {
  const text = new TextEncoder().encode('{"__metadata__":{"k":"xyz"}}')
  for (const [bytes, byte] of [
    [[0xff], 29],
    [[0xc0, 0x80], 29],
    [[0xed, 0xa0, 0x80], 29],
  ] as const) {
    const header = Uint8Array.from(text)
    header.set(bytes, 22)
    const error = formatError(() => parse(craft(header)), /expected UTF-8/)
    assert.ok(Math.abs(error.byte! - byte) <= 1, `${error.byte}`)
  }
  const cut = Uint8Array.from([...new TextEncoder().encode('{"a'), 0xef, 0xbf])
  assert.is(formatError(() => parse(craft(cut)), /UTF-8, got an incomplete character/).byte, 13)
  broken('{"__metadata__":{"k":"a\nb"}}', 0, /byte 31: expected control characters escaped/)
  broken('{"__metadata__":{"k":"\\x"}}', 0, /byte 29: expected a string with valid escapes/)
  broken('{"__metadata__":{"k":"\\ud800"}}', 0, /byte 29: expected surrogates in pairs/)
  broken('{"__metadata__":{"k":"abc', 0, /byte 33: expected the closing quote/)
  broken('{"__metadata__":{"k":"abc\\', 0, /expected the closing quote/)
  const good = parse(craft('{"__metadata__":{"k":"\\ud83d\\ude00\\n\\u00e9\\/"}}'))
  assert.is(good.metadata.k, '😀\né/')
})

test('__metadata__ maps strings to strings', () => {
  assert.equal(parse(craft('{"__metadata__":{"format":"pt","":""}}')).metadata, { format: 'pt', '': '' })
  assert.equal(parse(craft('{}')).metadata, {})
  for (const value of ['1', 'null', 'true', '{}', '["a"]']) {
    broken(`{"__metadata__":{"k":${value}}}`, 0, /byte 29: expected a string as value of "k" in __metadata__/)
  }
  broken('{"__metadata__":"x"}', 0, /byte 24: expected "\{", got "\\"x\\""/)
})

test('a key that stands twice is refused, at any level and however it is escaped', () => {
  const a = entry('a', 'U8', [1], [0, 1])
  assert.is(broken(`{${a},${a}}`, 1, /expected every key once, got "a" again/).byte, 8 + 1 + a.length + 1)
  broken(`{${a},${entry('b', 'U8', [0], [1, 1])},${a.replace('"a"', '"\\u0061"')}}`, 1, /got "a" again/)
  broken('{"__metadata__":{"k":"1","k":"1"}}', 0, /got "k" again/)
  broken('{"__metadata__":{},"__metadata__":{}}', 0, /got "__metadata__" again/)
  const twice = '{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
  assert.is(broken(twice, 1, /tensor "a", byte 27: expected every key once, got "dtype" again/).tensor, 'a')
  broken('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":{"y":1,"y":1}}}', 1, /got "y" again/)
  broken('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"__proto__":1,"__proto__":1}}', 0, /again/)
})

test('dtypes of the format that are not read are refused with the list of those that are', () => {
  const known = /F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL, got/
  for (const dtype of ['U16', 'U32', 'U64', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F4', 'F6_E2M3', 'C64']) {
    const error = broken(`{${entry('w', dtype, [1], [0, 8])}}`, 8, known)
    assert.is(error.got, dtype)
    assert.match(error.hint!, /convert/)
  }
  for (const dtype of ['f32', 'F33', '', 'constructor', '__proto__']) {
    assert.is(broken(`{${entry('w', dtype, [1], [0, 4])}}`, 4, known).got, JSON.stringify(dtype))
  }
  broken('{"w":{"dtype":1,"shape":[],"data_offsets":[0,4]}}', 4, /tensor "w", byte 22: expected a string, got "1"/)
})

test('extents are non-negative safe integers, written as such', () => {
  for (const extent of ['-1', '-0', '1.0', '1e0', '01', '"1"', 'null', '[1]', '9007199254740992', '1'.repeat(400)]) {
    broken(`{${entry('w', 'U8', [extent], [0, 1])}}`, 1, /tensor "w", byte 36: expected an integer from 0 to 2\^53 - 1/)
  }
  broken('{"w":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}', 1, /expected "\["/)
})

test('the shape needs exactly the bytes of the offsets, and products do not overflow', () => {
  broken(
    `{${entry('w', 'F32', [2, 3], [0, 20])}}`,
    20,
    /expected 24 bytes for F32 \[2, 3\], got data_offsets \[0, 20\]/,
  )
  broken(`{${entry('w', 'U8', [2 ** 53 - 1, 2], [0, 1])}}`, 1, /more than 2\^53 elements/)
  broken(`{${entry('w', 'U8', [2 ** 32, 2 ** 32], [0, 0])}}`, 0, /more than 2\^53 elements/)
  broken(`{${entry('w', 'F64', [2 ** 53 - 1], [0, 8])}}`, 8, /bytes for F64/)
  broken(`{${entry('w', 'U8', Array(3000).fill(1), [0, 2])}}`, 2, /expected 1 bytes for U8 \[1, .* 3000 axes\]/)
})

test('offsets are two, in order and within the data', () => {
  for (const offsets of [[], [0], [0, 1, 1], [1, 0]]) {
    broken(`{${entry('w', 'U8', [1], offsets)}}`, 1, /tensor "w", byte \d+: expected data_offsets \[begin, end\]/)
  }
  broken(`{${entry('w', 'U8', [1], [-1, 0])}}`, 1, /expected an integer/)
  const error = broken(`{${entry('w', 'U8', [5], [0, 5])}}`, 4, /expected offsets within 4 bytes of data, got \[0, 5\]/)
  assert.match(error.hint!, /cut short/)
})

test('dtype, shape and data_offsets are all there; further keys are read over', () => {
  broken('{"w":{"shape":[1],"data_offsets":[0,1]}}', 1, /got no dtype/)
  broken('{"w":{"dtype":"U8","data_offsets":[0,1]}}', 1, /got no shape/)
  broken('{"w":{"dtype":"U8","shape":[1]}}', 1, /got no data_offsets/)
  broken('{"w":{}}', 0, /tensor "w", byte 13: .* got no dtype, no shape, no data_offsets/)
  const more = '"x":[1,-2.5e+3,true,false,null,"s",{"a":{}},[]]'
  assert.equal(parse(craft(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],${more}}}`, 1)).names, ['w'])
  for (const bad of ['tru', '1.', '.5', '-', '01', '+1', '1e', 'NaN', 'Infinity', '[1,]', '{"a":1,}', '{1:2}', '']) {
    broken(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":${bad}}}`, 1, /expected/)
  }
})

test('the tensors fill the data without overlap, hole or rest', () => {
  const two = (b: readonly number[]) => `{${entry('b', 'U8', [b[1]! - b[0]!], b)},${entry('a', 'U8', [4], [0, 4])}}`
  assert.equal(parse(craft(two([4, 8]), 8)).names, ['b', 'a'])
  assert.is(broken(two([3, 7]), 7, /tensor "b".* got an overlap from 3 to 4/).tensor, 'b')
  broken(two([0, 4]), 4, /an overlap from 0 to 4/)
  broken(
    two([5, 9]),
    9,
    /tensor "b".* expected data that begin at offset 4, where the last ended, got a hole from 4 to 5/,
  )
  const rest = broken(two([4, 8]), 9, /expected 8 bytes of data, as the header says, got 9/)
  assert.is(rest.byte, 8 + two([4, 8]).length + 8)
  broken(`{${entry('a', 'U8', [1], [1, 2])}}`, 2, /a hole from 0 to 1/)
  broken('{}', 1, /expected 0 bytes of data/)
})

test('scalars and empty tensors are legal, at the same place too', () => {
  const header = [
    entry('scalar', 'F32', [], [0, 4]),
    entry('empty', 'F64', [0], [4, 4]),
    entry('void', 'I64', [3, 0, 2], [4, 4]),
    entry('first', 'U8', [0], [0, 0]),
  ]
  const file = parse(craft(`{${header}}`, Uint8Array.of(0, 0, 0x80, 0x3f)))
  assert.equal(file.get('scalar'), { dtype: 'F32', shape: [], data: Float32Array.of(1) })
  assert.equal(file.get('empty'), { dtype: 'F64', shape: [0], data: new Float64Array(0) })
  assert.equal(file.get('void'), { dtype: 'I64', shape: [3, 0, 2], data: new BigInt64Array(0) })
  assert.equal(file.info('void'), { name: 'void', dtype: 'I64', shape: [3, 0, 2], begin: 4, end: 4 })
  assert.equal(file.slice('scalar', []).data, Float32Array.of(1))
})

test('names may be __proto__, constructor, empty or any text', () => {
  const names = ['__proto__', 'constructor', 'toString', '', '\u0000', '名前', '0']
  const header = names.map((name, i) => entry(name, 'U8', [1], [i, i + 1]))
  const file = parse(
    craft(
      `{"__metadata__":{"__proto__":"x"},${header}}`,
      Uint8Array.from(names, (_, i) => i),
    ),
  )
  assert.equal(file.names, names)
  names.forEach((name, i) => {
    assert.equal(file.get(name).data, Uint8Array.of(i))
  })
  assert.ok(Object.hasOwn(file.metadata, '__proto__'))
  assert.not(parse(craft('{}')).has('__proto__'))
  assert.is(Object.getPrototypeOf(file.metadata), Object.prototype)
})

test('an unknown name lists those there are, the most similar first', () => {
  const many = Array.from({ length: 20 }, (_, i) => entry(`encoder.layer.${i}.weight`, 'U8', [0], [0, 0]))
  const file = parse(craft(`{${many}}`))
  const error = formatError(
    () => file.get('bert.encoder.layer.7.weight'),
    /expected one of "encoder.layer.7.weight", .*20 in all/,
  )
  assert.is(error.tensor, 'bert.encoder.layer.7.weight')
  formatError(() => parse(craft('{}')).get('a'), /expected a file that holds tensors/)
})

test('a BOOL is 0 or 1', () => {
  const header = `{${entry('pad', 'U8', [1], [0, 1])},${entry('b', 'BOOL', [3], [1, 4])}}`
  assert.equal(parse(craft(header, Uint8Array.of(9, 0, 1, 1))).get('b').data, Uint8Array.of(0, 1, 1))
  const file = parse(craft(header, Uint8Array.of(9, 0, 1, 2)))
  const error = formatError(() => file.get('b'), /tensor "b".* expected BOOL values of 0 or 1, got 2 as element 2/)
  assert.is(error.byte, 8 + header.length + 3)
})

test('headers that are deep, long or repetitive end in an error or a result, not in a crash', () => {
  const wrap = (value: string) => craft(`{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":${value}}}`, 1)
  const deep = 5_000_000
  formatError(() => parse(wrap('['.repeat(deep))), /nested at most 64 deep/)
  formatError(() => parse(wrap('{"a":'.repeat(deep))), /nested at most 64 deep/)
  formatError(() => parse(craft('{"a":'.repeat(deep))), /nested at most 64 deep/)
  formatError(() => parse(craft('['.repeat(deep))), /"\{" as the first byte/)
  formatError(() => parse(wrap('1'.repeat(deep))), /expected a JSON value/)
  formatError(() => parse(craft(`{"${'a'.repeat(deep)}":1}`)), /expected "\{", got "1"/)
  formatError(() => parse(craft(`{${' '.repeat(deep)}`)), /the end of the JSON/)
  const ones = parse(craft(`{${entry('w', 'U8', Array(deep / 5).fill(1), [0, 1])}}`, 1))
  assert.is(ones.slice('w', [[0, 1]]).shape.length, deep / 5)
})

test.run()
