/**
 * Our side of the coreference benchmark, a process of its own so that its peak memory is its own: requests and answers
 * are lines of JSON, as those of the peer in PyTorch.
 */
import { createInterface } from 'node:readline'
import type { Pieces } from '@antecedent/coref'
import { CorefModel } from '@antecedent/coref/node'
import { type DeviceName, device, useDevice } from '@antecedent/tensor'
import { allowFusedMultiplyAdd } from '@antecedent/tensor/internal'

interface Request {
  readonly job: string
  readonly pieces?: Pieces
}

const [folder = '', name = 'wasm', threads = '1'] = process.argv.slice(2)
allowFusedMultiplyAdd() // as the command does
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

async function answer({ job, pieces }: Request): Promise<object> {
  if (job === 'hello') return { description: device().description }
  if (job === 'status') return { peakBytes: process.resourceUsage().maxRSS * 1024 }
  return await document(pieces!)
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line)).catch((error: Error) => ({ error: error.message }))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
