/** A thousand explanations on the fast devices: no growth, of tensors, of the pool, or of the device's own memory. */
import { layerIntegratedGradients, padBaseline, reduceToken } from '@antecedent/attribution'
import { Bert } from '@antecedent/bert/node'
import { memoryInfo, useDevice } from '@antecedent/tensor'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fastDevices } from '../support/devices.ts'
import { repository } from '../support/shared.ts'

const test = suite('many explanations')

/** Resident bytes but for V8's heap, which grows with garbage and not with what lives. */
function residentApart(): number {
  const { rss, heapTotal } = process.memoryUsage()
  return rss - heapTotal
}

for (const device of fastDevices) {
  test(`a thousand on ${device} end with the memory that the first ones took`, async () => {
    await useDevice(device)
    const bert = await Bert.fromPretrained(`${repository}/models/antecedent-small`)
    const input = bert.tokenize('He ran.')
    const explain = () =>
      layerIntegratedGradients({
        forward: (on) =>
          reduceToken(bert.forward(on, { outputRows: [1] }).lastHiddenState, { token: 0, reduce: 'sum' }),
        ...{ input, baseline: padBaseline(input), nSteps: 1 },
      })
    const measured = () => {
      const { tensors, buffers, liveBytes, pooledBytes } = memoryInfo()
      return { tensors, buffers, liveBytes, pooledBytes }
    }
    for (let i = 0; i < 5; i++) await explain()
    const before = measured()
    const resident = residentApart()
    for (let i = 5; i < 1000; i++) await explain()
    assert.equal(measured(), before)
    // packed weights and blocks of the device are outside the pool: they show in the process alone
    const grown = residentApart() - resident
    assert.ok(grown < 100e6, `${grown} bytes more`)
    bert.dispose()
  })
}

test.run()
