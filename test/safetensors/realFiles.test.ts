/** Files that other software wrote. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { parseSafetensors, serializeSafetensors } from 'safetensors-ts'
import { openSafetensors, readSafetensorsSync } from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'
import { bitsOf } from './arbitrary.ts'

const test = suite('safetensors: files of other software')

const minilm = shared('models', 'minilm-l6', 'model.safetensors')

needsShared(test)(
  'MiniLM: 103 F16 tensors, 22,713,216 finite numbers, 23,306 of them subnormal, read in under 1 s of processor time',
  () => {
    const bytes = readFileSync(minilm)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    assert.is(sha256, '5ba0032aefec27c763b2d9c8912eeec19529d4efdab9a71a9756e8056ba8f2e0')
    const started = process.cpuUsage() // not the clock: the tests beside this one take their share of that
    const tensors = [...readSafetensorsSync(minilm)]
    const { user, system } = process.cpuUsage(started)
    const seconds = (user + system) / 1e6
    assert.ok(seconds < 1, `${seconds} s`)
    assert.is(tensors.length, 103)
    let numbers = 0
    let subnormal = 0
    for (const [, { dtype, data }] of tensors) {
      assert.is(dtype, 'F16')
      numbers += data.length
      for (const value of data as Float32Array) {
        if (!Number.isFinite(value)) throw new Error(`${value}`)
        if (value !== 0 && Math.abs(value) < 2 ** -14) subnormal++
      }
    }
    assert.is(numbers, 22_713_216)
    assert.is(subnormal, 23_306)
  },
)

needsShared(test)('MiniLM: written again, every tensor has the same bits', () => {
  const file = readSafetensorsSync(minilm)
  const again = parseSafetensors(serializeSafetensors(Object.fromEntries(file), file.metadata))
  assert.equal(new Set(again.names), new Set(file.names))
  assert.equal(again.metadata, file.metadata)
  for (const [name, { shape, data }] of file) {
    assert.equal(again.info(name).shape, shape)
    assert.is(Buffer.compare(bitsOf(again.get(name)), bitsOf({ data })), 0, name)
  }
})

needsShared(test)('MiniLM: a few rows are read from disk without the rest', async () => {
  await using file = await openSafetensors(shared('models', 'minilm-l6'))
  const name = 'embeddings.word_embeddings.weight'
  assert.equal(file.info(name).shape, [30522, 384])
  const whole = readSafetensorsSync(minilm).get(name).data as Float32Array
  const rows = await file.slice(name, [[101, 104]])
  assert.equal(rows.data, whole.slice(101 * 384, 104 * 384))
  const corner = await file.slice(name, [
    [30000, 30522],
    [380, 384],
  ]) // 4 of 384 columns
  assert.is(corner.data[4 * 521 + 3], whole[30522 * 384 - 1])
})

needsShared(test)('every golden file can be read, each tensor with as many numbers as its shape has', () => {
  const files = readdirSync(shared('golden'), { recursive: true, encoding: 'utf8' })
  const paths = files.filter((path) => path.endsWith('.safetensors'))
  assert.ok(paths.length >= 10, `${paths.length}`)
  for (const path of paths) {
    const file = readSafetensorsSync(shared('golden', path))
    assert.ok(file.names.length > 0, path)
    for (const [name, { shape, data }] of file) {
      assert.is(
        data.length,
        shape.reduce((count, extent) => count * extent, 1),
        `${path} ${name}`,
      )
    }
  }
})

test.run()
