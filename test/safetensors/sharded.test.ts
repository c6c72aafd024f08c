/** Models split over several files. */
import {
  blobSource,
  FormatError,
  openSharded,
  openSource,
  parseShardIndex,
  serializeSafetensors,
  type TensorReader,
} from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatError, rejection } from './craft.ts'

const test = suite('safetensors: shards')

const shard = (names: string[]) =>
  serializeSafetensors(
    Object.fromEntries(names.map((name) => [name, { dtype: 'U8', shape: [2], data: Uint8Array.of(1, name.length) }])),
  )

const files: Record<string, Uint8Array> = { 'm-1.safetensors': shard(['a', 'bb']), 'm-2.safetensors': shard(['ccc']) }

const indexOf = (weightMap: Record<string, string>) =>
  new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 6, note: 'x' }, weight_map: weightMap }))

const closed: string[] = []

async function open(name: string): Promise<TensorReader> {
  const bytes = files[name]
  if (!bytes) throw new Error(`ENOENT: ${name}`)
  const close = async () => {
    closed.push(name)
  }
  return openSource({ ...blobSource(new Blob([bytes.slice()]), { file: name }), close })
}

const good = { bb: 'm-1.safetensors', ccc: 'm-2.safetensors' }

test('tensors are read from the shard that the index names, those it does not name are not seen', async () => {
  const model = await openSharded(indexOf(good), open, { file: 'index.json' })
  assert.equal(model.names, ['bb', 'ccc'])
  assert.equal(model.metadata, { total_size: '6', note: 'x' })
  assert.not(model.has('a'))
  assert.equal((await model.get('ccc')).data, Uint8Array.of(1, 3))
  assert.equal((await model.slice('bb', [[1, 2]])).data, Uint8Array.of(2))
  assert.is(model.info('bb').dtype, 'U8')
  const seen: string[] = []
  for await (const [name] of model) seen.push(name)
  assert.equal(seen, model.names)
  await rejection(model.get('a'), FormatError, /index\.json, tensor "a": expected one of/)
  closed.length = 0
  await model.close()
  assert.equal(closed.sort(), ['m-1.safetensors', 'm-2.safetensors'])
})

test('a shard that is missing, or lacks its tensor, is an error; what was opened is closed', async () => {
  closed.length = 0
  const missing = openSharded(indexOf({ ...good, d: 'm-3.safetensors' }), open, { file: 'index.json' })
  const error = await rejection(
    missing,
    FormatError,
    /index\.json: expected the shard "m-3\.safetensors" .*, got ENOENT/,
  )
  assert.instance(error.cause, Error)
  assert.equal(closed.sort(), ['m-1.safetensors', 'm-2.safetensors'])
  closed.length = 0
  const elsewhere = openSharded(indexOf({ ...good, a: 'm-2.safetensors' }), open)
  assert.is(
    (await rejection(elsewhere, FormatError, /tensor "a": expected it in "m-2\.safetensors".* 1 tensors without it/))
      .tensor,
    'a',
  )
  assert.is(closed.length, 2)
})

test('a broken shard is reported by its own name', async () => {
  files['m-4.safetensors'] = new Uint8Array(4)
  await rejection(
    openSharded(indexOf({ a: 'm-4.safetensors' }), open),
    FormatError,
    /^FormatError: m-4\.safetensors, byte 4/,
  )
})

test('shard names are plain file names: nothing leads out of the folder', () => {
  for (const name of ['../m', 'a/b', '/etc/passwd', '..', '.', '', 'a\\b', 'C:m', 'a\u0000', '..\\m', 'file://x']) {
    const error = formatError(
      () => parseShardIndex(indexOf({ w: name }), { file: 'i' }),
      /i, tensor "w", byte \d+: expected the plain name/,
    )
    assert.is(error.tensor, 'w')
  }
  assert.equal([...parseShardIndex(indexOf({ w: '..m' })).weightMap], [['w', '..m']])
})

test('a broken index is refused at its byte', () => {
  const broken = (text: string, message: RegExp) =>
    formatError(() => parseShardIndex(new TextEncoder().encode(text)), message)
  broken('', /byte 0: expected "\{", got the end/)
  broken('{}', /key "weight_map": expected an object from tensor to file, got none/)
  broken('{"weight_map":[]}', /byte 14: expected "\{"/)
  broken('{"weight_map":{"a":1}}', /tensor "a", byte 19: expected a string/)
  broken('{"weight_map":{"a":"x","a":"y"}}', /expected every key once, got "a" again/)
  broken('{"weight_map":{}} x', /byte 18: expected nothing/)
  assert.equal(parseShardIndex(new TextEncoder().encode(' {"x":[{}],"weight_map":{}}\n')).metadata, {})
})

test.run()
