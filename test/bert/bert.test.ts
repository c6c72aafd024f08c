import { readFileSync } from 'node:fs'
import { Bert } from '@antecedent/bert/node'
import { scope, stack, type Tensor, tap, tensor, useDevice, vjp } from '@antecedent/tensor'
import { allClose } from '@antecedent/tensor/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

await useDevice('ref') // f64

const test = suite('bert')
const small = () => Bert.fromPretrained(shared('models/minilm-l6'))
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

needsShared(test)('attention in one operation is that of its sites to 1e-13, forward and backward', async () => {
  const bert = await tiny()
  const input = {
    inputIds: ids([
      [2, 5, 6, 7, 3],
      [2, 9, 3, 0, 0],
    ]),
    attentionMask: ids([
      [1, 1, 1, 1, 1],
      [1, 1, 1, 0, 0],
    ]),
  }
  const forward = (h: Tensor) =>
    tap({ replace: { embeddings: h } }, () => bert.forward(input, { outputRows: [1, 0] }).lastHiddenState).result
  const stepByStep = (h: Tensor) => tap({ record: ['layer.*.attention.scores'] }, () => forward(h)).result
  const { embeddings } = tap({ record: ['embeddings'] }, () => bert.forward(input)).recorded
  const [fused, steps] = [forward, stepByStep].map((f) => {
    const { value, pullback } = vjp(f, stack([embeddings!, embeddings!.mul(0.5)]))
    return [value, pullback(value)]
  })
  for (const i of [0, 1]) allClose(fused![i]!, steps![i]!, { rtol: 1e-13, atol: 1e-13 })
})

needsShared(test)(
  'probabilities replaced in one layer change the rest of the run, whether or not others are tapped',
  async () => {
    const bert = await tiny()
    const run = (record: readonly string[]) => {
      const even = (p: Tensor) => p.mul(0).add(1 / p.shape.at(-1)!)
      const replace = { 'layer.0.attention.probabilities': even }
      return tap({ replace, record }, () => bert.forward({ inputIds: ids([2, 5, 6, 3]) }).lastHiddenState).result
    }
    const plain = bert.forward({ inputIds: ids([2, 5, 6, 3]) }).lastHiddenState
    allClose(run([]), run(['layer.1.attention.scores']), { rtol: 1e-13, atol: 1e-13 })
    assert.ok(run([]).sub(plain).abs().max().item() > 1e-3)
  },
)

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

test.run()
