/** Groups of parameters: what is in each, and its learning rate, update by update. */
import { defaultTraining, parameterGroups } from '@antecedent/coref'
import { useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from './tinyModel.ts'

await useDevice('wasm', { threads: 1 })

const test = suite('parameter groups')
const close = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-12 * Math.abs(b) + 1e-18, `${a} for ${b}`)

test('the schedules of coref-hoi and of the TensorFlow code, point by point', () => {
  const model = tinyModel({}, 3, 'f32')
  const rates = (recipe: 'hoi' | 'tf') => {
    const settings = { ...defaultTraining, recipe, bertLearningRate: 1e-5, taskLearningRate: 2e-4 }
    const groups = parameterGroups(model, settings, 100)
    const [bert, task] = (['bert', 'task'] as const).map((part) => groups.find((group) => group.part === part)!.rate)
    return { bert: bert!, task: task! }
  }
  const [hoi, tf] = [rates('hoi'), rates('tf')]
  for (let n = 0; n <= 100; n++) {
    close(hoi.bert(n), n < 10 ? 1e-5 * (n / 10) : 1e-5 * ((100 - n) / 90))
    close(hoi.task(n), 2e-4 * ((100 - n) / 100))
    close(tf.bert(n), n < 10 ? 1e-5 * (n / 10) : 1e-5 * (1 - n / 100))
    close(tf.task(n), n < 10 ? 2e-4 * (n / 10) : 2e-4 * (1 - n / 100))
  }
  model.dispose()
})

test('groups: every parameter but the pooler once, biases and norms without decay, lower layers slower', () => {
  const model = tinyModel({}, 3, 'f32')
  const groups = parameterGroups(model, { ...defaultTraining, layerDecay: 0.5, bertLearningRate: 8 }, 10)
  const names = groups.flatMap((group) => group.names)
  const expected = [
    ...Object.keys(model.bert.parameters)
      .filter((name) => !name.startsWith('pooler.'))
      .map((name) => `bert.${name}`),
    ...Object.keys(model.parameters),
  ]
  assert.equal([...names].sort(), expected.sort())
  const rateOf = (part: string) => groups.find((group) => group.names.some((name) => name.includes(part)))!.rate(1)
  assert.equal(['layer.1.', 'layer.0.', 'word_embeddings'].map(rateOf), [8, 4, 2])
  model.dispose()
})

test.run()
