/** Files on disk: opening, reading, writing without losing anything. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError, parseSafetensors, ReadError, serializeSafetensors, type TensorInputs } from 'safetensors-ts'
import {
  FileExistsError,
  fileSource,
  openSafetensors,
  readSafetensors,
  readSafetensorsSync,
  writeSafetensors,
} from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatError, rejection } from './craft.ts'

const test = suite<{ folder: string }>('safetensors: files on disk')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'safetensors-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

const tensors: TensorInputs = { w: { dtype: 'F16', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }
const openFiles = () => readdirSync('/proc/self/fd').length

test('what is written is read in three ways', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  await writeSafetensors(path, tensors, { metadata: { k: 'v' } })
  assert.equal(new Uint8Array(readFileSync(path)), serializeSafetensors(tensors, { k: 'v' }))
  assert.equal(readdirSync(folder), ['m.safetensors'])
  assert.equal(readSafetensorsSync(path).get('w').data, Float32Array.of(1, 2, 3, 4))
  assert.equal((await readSafetensors(path)).metadata, { k: 'v' })
  const file = await openSafetensors(path)
  assert.equal((await file.slice('w', [null, [1, 2]])).data, Float32Array.of(2, 4))
  await file.close()
  await file.close()
  await rejection(file.get('w'), Error, /closed|EBADF/)
})

test('await using closes the file', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  await writeSafetensors(path, tensors)
  const read = async () => {
    await using file = await openSafetensors(path)
    await file.get('w')
    return file
  }
  await rejection((await read()).get('w'), Error, /closed|EBADF/)
})

test('an existing file is kept unless overwrite is set, and links are followed', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  const link = join(folder, 'link.safetensors')
  writeFileSync(path, 'precious')
  symlinkSync(path, link)
  for (const name of [path, link]) {
    const error = await rejection(writeSafetensors(name, tensors), FileExistsError, /overwrite: true/)
    assert.is(error.path, name)
    assert.is(error.code, 'EEXIST')
  }
  assert.is(readFileSync(path, 'utf8'), 'precious')
  await writeSafetensors(link, tensors, { overwrite: true })
  assert.equal(readSafetensorsSync(path).names, ['w'])
  assert.equal(readdirSync(folder).sort(), ['link.safetensors', 'm.safetensors'])
})

test('a write that fails half-way leaves the old file and no other', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  writeFileSync(path, 'precious')
  const failing = {
    a: { dtype: 'F64', shape: [1000], data: new Float64Array(1000) },
    b: {
      dtype: 'U8',
      shape: [1],
      data: () => {
        assert.is(readdirSync(folder).length, 2)
        throw new Error('no data')
      },
    },
  } as const
  await rejection(writeSafetensors(path, failing, { overwrite: true }), Error, /no data/)
  await rejection(
    writeSafetensors(join(folder, 'new'), { b: { ...tensors.w!, shape: [9] } as never }),
    FormatError,
    /of 9/,
  )
  assert.is(readFileSync(path, 'utf8'), 'precious')
  assert.equal(readdirSync(folder), ['m.safetensors'])
})

test('a file that appears while another is written is not replaced', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  const data = () => {
    writeFileSync(path, 'precious')
    return Uint8Array.of(1)
  }
  await rejection(writeSafetensors(path, { b: { dtype: 'U8', shape: [1], data } }), FileExistsError, /exists/)
  assert.is(readFileSync(path, 'utf8'), 'precious')
  assert.equal(readdirSync(folder), ['m.safetensors'])
})

test('a model is found in a folder, by one file or by its index', async ({ folder }) => {
  await rejection(openSafetensors(folder), FormatError, /expected model\.safetensors or .*, got a folder with neither/)
  const shard = (name: string) => ({ [name]: tensors.w! })
  await writeSafetensors(join(folder, 'm-1.safetensors'), shard('a'))
  await writeSafetensors(join(folder, 'm-2.safetensors'), shard('b'))
  const index = join(folder, 'model.safetensors.index.json')
  writeFileSync(index, JSON.stringify({ weight_map: { a: 'm-1.safetensors', b: 'm-2.safetensors' } }))
  for (const path of [folder, index]) {
    await using model = await openSafetensors(path)
    assert.equal(model.names, ['a', 'b'])
    assert.equal((await model.get('b')).data, Float32Array.of(1, 2, 3, 4))
  }
  await writeSafetensors(join(folder, 'model.safetensors'), tensors)
  await using model = await openSafetensors(folder)
  assert.equal(model.names, ['w'])
  rmSync(join(folder, 'm-2.safetensors'))
  await rejection(
    openSafetensors(index),
    FormatError,
    /expected the shard "m-2\.safetensors" of weight_map, got ENOENT/,
  )
})

test('broken files are refused by name, and no file stays open', async ({ folder }) => {
  const path = join(folder, 'broken.safetensors')
  writeFileSync(path, serializeSafetensors(tensors).subarray(0, -1))
  const before = openFiles()
  formatError(() => readSafetensorsSync(path), /broken\.safetensors, tensor "w".*cut short/)
  await rejection(readSafetensors(path), FormatError, /broken\.safetensors, tensor "w"/)
  await rejection(openSafetensors(path), FormatError, /broken\.safetensors, tensor "w"/)
  await rejection(fileSource(folder), ReadError, /expected a file, got a folder/)
  assert.throws(() => readSafetensorsSync(folder), /expected a file, got a folder/)
  await rejection(openSafetensors(join(folder, 'none')), Error, /ENOENT/)
  assert.is(openFiles(), before)
})

test('a file cut short after it was opened is a ReadError', async ({ folder }) => {
  const path = join(folder, 'm.safetensors')
  const bytes = serializeSafetensors(tensors)
  writeFileSync(path, bytes)
  await using file = await openSafetensors(path)
  writeFileSync(path, bytes.subarray(0, -3))
  await rejection(file.get('w'), ReadError, new RegExp(`ended at byte ${bytes.length - 3} while it was read`))
  assert.is(parseSafetensors(bytes).get('w').data[3], 4)
})

test.run()
