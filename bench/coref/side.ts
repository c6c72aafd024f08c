/**
 * Our side of the coreference benchmarks, a process of its own so that its peak memory is its own: requests and answers
 * are lines of JSON, as those of the peer in PyTorch.
 */
import { createInterface } from 'node:readline'
import { defaultTraining, disposeState, type Pieces, Trainer, type TrainingState } from '@antecedent/coref'
import { CorefModel } from '@antecedent/coref/node'
import { allowFastVectors, type DeviceName, device, randomKey, useDevice } from '@antecedent/tensor'

interface Request {
  readonly job: string
  readonly pieces?: Pieces
}

const [folder = '', name = 'wasm', threads = '1'] = process.argv.slice(2)
allowFastVectors() // as the command does
await useDevice(name as DeviceName, { threads: Number(threads) })
const model = await CorefModel.fromPretrained(folder)

/** The whole of a document, as `resolve` does it; what is compared is that of the peer. */
async function document(pieces: Pieces) {
  const start = performance.now()
  const { spans, scores } = await model.score(pieces, { entities: false })
  const seconds = (performance.now() - start) / 1000
  const best = scores.map((row) => Math.max(...row))
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  return { seconds, values: [scores.length, sum(spans.scores), sum(best), best.filter((x) => x > 0).length] }
}

/** The loss of a document, nothing dropped. */
async function loss(pieces: Pieces) {
  const start = performance.now()
  const y = model.loss(pieces)
  const values = [...(await y.data())]
  y.dispose()
  return { seconds: (performance.now() - start) / 1000, values }
}

let training: { trainer: Trainer; state: TrainingState } | null = null

/** One update of a training by a document, dropout and optimisers included, in coref-hoi's settings. */
async function update(pieces: Pieces) {
  if (!training) {
    const trainer = new Trainer(model, defaultTraining, 1000)
    training = { trainer, state: trainer.initial() }
  }
  const { trainer, state } = training
  const start = performance.now()
  const dropout = randomKey(state.updates)
  const { state: next } = await trainer.update(state, [{ pieces, dropout, name: 'a document' }])
  disposeState(state, next)
  training = { trainer, state: next }
  return { seconds: (performance.now() - start) / 1000, values: [] }
}

const jobs: Record<string, (pieces: Pieces) => Promise<object>> = { document, loss, update }

async function answer({ job, pieces }: Request): Promise<object> {
  if (job === 'hello') return { description: device().description }
  if (job === 'status') return { peakBytes: process.resourceUsage().maxRSS * 1024 }
  return await jobs[job]!(pieces!)
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line)).catch((error: Error) => ({ error: error.message }))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
