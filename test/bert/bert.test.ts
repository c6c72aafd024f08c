import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bert } from '@antecedent/bert/node'
import { ShapeError, scope, tap, tensor } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { parseSafetensors, type TensorInputs } from 'safetensors-ts'
import { writeSafetensors } from 'safetensors-ts/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, repository, shared } from '../support/shared.ts'

const test = suite('bert')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-bert-'))
test.after(() => rmSync(folder, { recursive: true }))

const small = () => Bert.fromPretrained(join(repository, 'models/antecedent-small'))
const tiny = () => Bert.fromPretrained(shared('golden/bert/models/tiny-a'), { dtype: 'f64' })
const ids = (values: number[] | number[][]) => tensor(values, null, { dtype: 'i32' })

needsShared(test)(
  '"What is Deep Learning?" is within 2.5e-3 of what an independent implementation stored',
  async () => {
    const text = readFileSync(shared('data/minilm-snapshots/test_bert__bert_single_raw.snap'), 'utf8')
    const numbers = [...text.split('---')[2]!.matchAll(/-?\d+\.\d+(?:e-?\d+)?/g)].map(Number)
    assert.is(numbers.length, 7 * 384)
    const bert = await small()
    const { lastHiddenState } = bert.forward(bert.tokenize('What is Deep Learning?'))
    allClose(lastHiddenState, tensor(numbers, [7, 384]), { rtol: 0, atol: 2.5e-3 })
  },
)

needsShared(test)('tokens that the mask hides change nothing at the real ones, and a batch is its texts', async () => {
  const bert = await tiny()
  const alone = bert.forward({ inputIds: ids([2, 7, 9, 3]) }).lastHiddenState
  const padded = bert.forward({ inputIds: ids([[2, 7, 9, 3, 0, 50]]), attentionMask: ids([[1, 1, 1, 1, 0, 0]]) })
  allClose(padded.lastHiddenState.slice([0, 0], [1, 4]).reshape([4, 32]), alone, { rtol: 1e-12, atol: 1e-12 })
})

needsShared(test)('every site of the table is passed, with the shape that the table says', async () => {
  const bert = await tiny()
  const [L, H, A, I] = [5, 32, 4, 64]
  const layer = (i: number) => ({
    ...Object.fromEntries(['query', 'key', 'value'].map((name) => [`layer.${i}.attention.${name}`, [A, L, H / A]])),
    ...Object.fromEntries(['scores', 'probabilities'].map((name) => [`layer.${i}.attention.${name}`, [A, L, L]])),
    ...Object.fromEntries(['context', 'output'].map((name) => [`layer.${i}.attention.${name}`, [L, H]])),
    [`layer.${i}.mlp`]: [L, I],
    [`layer.${i}.output`]: [L, H],
  })
  const terms = Object.fromEntries(
    ['', '.word', '.position', '.tokenType'].map((name) => [`embeddings${name}`, [L, H]]),
  )
  const expected: Record<string, number[]> = { ...terms, ...layer(0), ...layer(1), encoder: [L, H], pooler: [H] }
  const { recorded } = tap({ record: Object.keys(expected) }, () => bert.forward({ inputIds: ids([2, 5, 6, 7, 3]) }))
  for (const [name, shape] of Object.entries(expected)) assert.equal(recorded[name]!.shape, shape, name)
  const sums = recorded['layer.1.attention.probabilities']!.sum(-1)
  allClose(sums, tensor(new Float64Array(A * L).fill(1), [A, L]), { rtol: 1e-12 })
})

needsShared(test)('hidden states and attentions come where they are asked for', async () => {
  const bert = await tiny()
  const out = scope(() => bert.forward({ inputIds: ids([2, 5, 3]) }, { hiddenStates: true, attentions: true }))
  assert.is(out.hiddenStates!.length, 3)
  assert.equal(
    out.attentions!.map((x) => x.shape),
    [
      [4, 3, 3],
      [4, 3, 3],
    ],
  )
  allClose(out.hiddenStates!.at(-1)!, out.lastHiddenState)
})

needsShared(test)('senseless input is a ShapeError that says what fits', async () => {
  const bert = await tiny()
  const fails = (input: Parameters<typeof bert.forward>[0], sentence: RegExp) =>
    assert.throws(
      () => bert.forward(input),
      (error: Error) => error instanceof ShapeError && sentence.test(error.message),
    )
  fails({ inputIds: ids(new Array(65).fill(5)) }, /at most 64 tokens/)
  fails({ inputIds: ids([2, 97]) }, /from 0 to 96, got 97/)
  fails({ inputIds: ids([2, -1]) }, /got -1/)
  fails({}, /inputIds or inputsEmbeds, got neither/)
  fails({ inputIds: ids([2, 3]), attentionMask: ids([1]) }, /attentionMask of the shape/)
  fails({ inputIds: ids([2, 3]), tokenTypeIds: ids([0, 2]) }, /from 0 to 1/)
})

/** A copy of the tiny model with its weights changed. */
async function broken(
  name: string,
  change: (weights: Record<string, { shape: readonly number[]; data: Float32Array }>) => void,
): Promise<string> {
  const copy = join(folder, name)
  cpSync(shared('golden/bert/models/tiny-a'), copy, { recursive: true })
  const file = join(copy, 'model.safetensors')
  const weights = parseSafetensors(readFileSync(file))
  const entries = weights.names.map((key) => {
    const { shape, data } = weights.get(key)
    return [key, { dtype: 'F32', shape: [...shape], data: Float32Array.from(data as Float32Array) }] as const
  })
  const tensors = Object.fromEntries(entries)
  change(tensors)
  await writeSafetensors(file, tensors as TensorInputs, { overwrite: true })
  return copy
}

async function fails(model: string, sentence: RegExp): Promise<void> {
  try {
    await Bert.fromPretrained(model)
  } catch (error) {
    assert.is((error as Error).name, 'FormatError')
    return assert.match((error as Error).message, sentence)
  }
  assert.unreachable('it loaded')
}

needsShared(test)(
  'a missing folder, a missing weight, a wrong shape, NaN and broken JSON are each one sentence',
  async () => {
    await fails(join(folder, 'none'), /expected a model folder/)
    await fails(
      await broken('missing', (w) => delete w['encoder.layer.1.output.dense.bias']),
      /encoder\.layer\.1\.output\.dense\.bias/,
    )
    await fails(
      await broken('shape', (w) => {
        w['embeddings.LayerNorm.bias'] = { shape: [31], data: new Float32Array(31), dtype: 'F32' } as never
      }),
      /\[32\].*\[31\]/,
    )
    await fails(
      await broken('nan', (w) => {
        w['pooler.dense.bias']!.data[3] = Number.NaN
      }),
      /NaN at element 3/,
    )
    const copy = await broken('json', () => {})
    writeFileSync(join(copy, 'config.json'), '{ "hidden_size": ')
    await fails(copy, /config\.json.*expected JSON/)
    writeFileSync(join(copy, 'config.json'), '{ "hidden_size": "big" }')
    await fails(copy, /vocab_size|hidden_size/)
  },
)

test.run()
