/** MiniLM's forward pass, and the gradient of its outputs with respect to the embeddings. */
import type { BertConfig, BertTensors } from '@antecedent/bert'
import { ones, scope, select, type Tensor, tap, tensor, vjp } from '@antecedent/tensor'
import { type Context, type Job, type Jobs, pythonSides } from './job.ts'

/** Texts × tokens. */
const sizes = [
  [1, 14],
  [50, 14],
  [8, 128],
  [1, 512],
] as const

/** Products alone, which are nearly all of the work. */
export function forwardFlop(config: BertConfig, texts: number, tokens: number): number {
  const { hiddenSize: h, intermediateSize: i, numLayers } = config
  return numLayers * texts * (2 * tokens * (4 * h * h + 2 * h * i) + 4 * tokens * tokens * h)
}

/** Ids of ordinary words, the same in every run. */
export const idsOf = (texts: number, tokens: number): number[][] =>
  Array.from({ length: texts }, (_, b) =>
    Array.from({ length: tokens }, (_, t) => 1000 + (((b * tokens + t) * 7919) % 29000)),
  )

/** The first and the last vector of a result [B, L, H]: what is read of it, and compared. */
async function endsOf(y: Tensor): Promise<number[]> {
  const vectors = scope(() => [select(select(y, 0, 0), 0, 0), select(select(y, -1, 0), -1, 0)])
  const numbers = [...(await vectors[0]!.data()), ...(await vectors[1]!.data())]
  for (const x of [y, ...vectors]) x.dispose()
  return numbers
}

/** The gradient of the sum of all outputs at the embeddings' output, whose value is `embeddings`. */
function gradientAt({ bert }: Context, input: BertTensors, embeddings: Tensor): Tensor {
  return scope(() => {
    const f = (x: Tensor) => tap({ replace: { embeddings: x } }, () => bert.forward(input).lastHiddenState).result
    const { value, pullback } = vjp(f, embeddings)
    const gradient = pullback(ones(value.shape, value))
    pullback.dispose()
    return gradient
  })
}

function jobsOf(context: Context, texts: number, tokens: number): Job[] {
  const { bert } = context
  const ids = idsOf(texts, tokens)
  const input = { inputIds: tensor(ids, null, { dtype: 'i32' }) }
  // made by the first run, which is not timed: it costs a forward pass
  let embeddings: Tensor | undefined
  const recorded = () =>
    scope(() => tap({ record: ['embeddings'] }, () => bert.forward(input)).recorded.embeddings!.alias())
  const flop = forwardFlop(bert.config, texts, tokens)
  const peer = (job: string) => pythonSides(context, [{ name: 'PyTorch', job, arguments: { ids } }])
  return [
    {
      name: `forward ${texts}×${tokens}`,
      flop,
      ours: () => endsOf(scope(() => bert.forward(input).lastHiddenState)),
      peers: peer('forward'),
    },
    {
      name: `forward + backward ${texts}×${tokens}`,
      flop: 2 * flop,
      ours: () => {
        embeddings ??= recorded()
        return endsOf(gradientAt(context, input, embeddings))
      },
      peers: peer('forwardBackward'),
    },
  ]
}

export const encoderJobs: Jobs = async (context) => sizes.flatMap(([texts, tokens]) => jobsOf(context, texts, tokens))
