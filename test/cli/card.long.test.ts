/** The embedded model's card quotes `antecedent evaluate`, word for word. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Of } from '@antecedent/bert/node'
import { allowFastVectors, device, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, repository, shared } from '../support/shared.ts'
import { runCommand } from './run.ts'

const test = suite('model card')
const model = join(repository, 'models/antecedent-small')
const card = readFileSync(join(model, 'README.md'), 'utf8')

allowFastVectors()
await useDevice('wasm')
// without it the last bits are others, and with them, at times, a link
const isFused = device().description.includes('with fused multiply-add')

/** The text files of WinoBias; the others hold the same sentences. */
const winoBias = () => readdirSync(shared('data/winobias')).filter((name) => name.includes('stereotyped_type'))

for (const [name, data] of [
  ['OntoGUM', () => [shared('data/ontogum/dev'), '--drop-singletons']],
  ['LitBank', () => [shared('data/litbank/dev'), '--drop-singletons']],
  ['WinoBias', () => winoBias().map((file) => shared('data/winobias', file))],
] as const) {
  const checked = isFused ? needsShared(test) : test.skip
  checked(`the scores on ${name} are those of antecedent evaluate`, () => {
    const { code, out, err } = runCommand(repository, [
      'evaluate',
      ...data(),
      ...['--model', model, '--device', 'wasm', '--quiet'],
    ])
    assert.is(code, 0, err)
    assert.match(out, /CoNLL/)
    assert.ok(card.includes(`\`\`\`\n${out.trimEnd()}\n\`\`\``), `the card lacks\n${out}`)
  })
}

test('the card names the weights and the record of their training', () => {
  const { start, evaluations } = JSON.parse(readFileSync(join(model, 'training.json'), 'utf8'))
  assert.ok(evaluations.length > 0)
  assert.equal(
    start.models.map(({ training }: { training: { updates: number } }) => training.updates > 0),
    [true, true, true],
  )
  assert.match(card, 'training.json')
  assert.match(card, sha256Of(join(model, 'model.safetensors')))
})

test.run()
