/** Attention: how a head's matrices are told of to the kernel, and how much of the scores one thread holds at a time. */
import type { AttentionOperands, Kernels, View } from '../../kernels.ts'
import { sizeOf, stridesOf } from '../../shape.ts'
import { joinAxes } from '../nest.ts'
import { addressOf, type Block, type Engine, floatBits } from './engine.ts'
import { denseAt } from './walk.ts'

const panelWidth = 16
const edgeBytes = 128
/** Scores of a block, so that they and their derivative stay in the cache beside the head's matrices. */
const blockScores = 2 ** 15
/** Floating-point operations a chunk, some tens of µs. */
const chunkOperations = 2 ** 19

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to

interface Sizes {
  /** rows, keys, width of q and k, width of v */
  readonly l: number
  readonly s: number
  readonly d: number
  readonly e: number
}

/** Rows whose scores are held together, by the shape alone. */
const rowsOfBlock = ({ s }: Sizes): number =>
  Math.min(64, Math.max(8, 2 * Math.floor(blockScores / (2 * Math.max(1, s)))))

/** The operands, and which rooms for copies the kernel needs: of how many columns, and whether by rows of q or by keys. */
interface Run {
  readonly operands: readonly View[]
  readonly sizes: Sizes
  readonly rooms: readonly { width: number; of: 'keys' | 'rows' }[]
  readonly scale: number
  readonly directions: readonly number[]
}

/** The plan but for the room that scratch needs: see assembly/attention.ts. */
function planOf({ operands, sizes, rooms, scale, directions }: Run): { plan: number[]; scratch: number } {
  const { l, s, d, e } = sizes
  const heads = operands[0]!.shape.slice(0, -2)
  const block = Math.min(rowsOfBlock(sizes), Math.max(1, l))
  const line = (roundUp(s, panelWidth) + panelWidth) * 4
  let scratch = edgeBytes + line * (1 + 2 * block)
  const roomsAt = new Array<number>(5).fill(0)
  for (const [i, { width, of }] of rooms.entries()) {
    roomsAt[i] = scratch
    // a copy as it lies is filled up to whole panels of columns, a turned one to whole panels of keys
    scratch += Math.max(roundUp(width, panelWidth) * (of === 'keys' ? s : block), roundUp(s, panelWidth) * width) * 4
  }
  const along = (x: View, axes: readonly number[], from: number): View => ({
    ...x,
    shape: axes,
    strides: x.strides.slice(from, from + axes.length),
  })
  const lead = (x: View): number => x.shape.length - 2 - heads.length
  const over = joinAxes(
    heads,
    operands.map((x) => along(x, heads, lead(x))),
  )
  const under = joinAxes(
    directions,
    operands.map((x) => (lead(x) > 0 ? along(x, directions, 0) : { ...x, strides: directions.map(() => 0) })),
  )
  const first = [l, s, d, e, floatBits(scale), block, sizeOf(directions), over.sizes.length, under.sizes.length]
  const matrices = operands.flatMap((x) => [addressOf(x), ...x.strides.slice(-2)])
  const plan = [
    ...[...first, first.length + 1 + roomsAt.length + matrices.length, ...roomsAt, ...matrices],
    ...[...over.sizes, ...under.sizes],
    ...operands.flatMap((_, i) => [...over.strides[i]!, ...under.strides[i]!]),
  ]
  return { plan, scratch }
}

type Attention = Pick<Kernels, 'attention' | 'attentionPullback' | 'attentionPushforward'>

export function attentionKernels(engine: Engine): Attention {
  /** Calls `body` with views whose rows are dense, copied where they are not. */
  const withDenseRows = (views: readonly View[], body: (...dense: View[]) => void, found: View[] = []): void => {
    const x = views[found.length]
    if (!x) body(...found)
    else if (x.strides.at(-1) === 1 || x.shape.at(-1) === 1) withDenseRows(views, body, [...found, x])
    else denseAt(engine, x, (at) => withDenseRows(views, body, [...found, denseView(x, at)]))
  }

  const sizesOf = ({ q, v }: AttentionOperands): Sizes => {
    const [l, d] = q.shape.slice(-2) as [number, number]
    const [s, e] = v.shape.slice(-2) as [number, number]
    return { l, s, d, e }
  }

  const run = (kernel: keyof Attention, job: Run, products: number, byBlocks: boolean): void => {
    const { plan, scratch } = planOf(job)
    const { l, s, d, e } = job.sizes
    const [heads, block] = [sizeOf(job.operands[0]!.shape.slice(0, -2)), plan[5]!]
    const [units, rows] = byBlocks ? [heads * Math.ceil(l / block), Math.min(l, block)] : [heads, l]
    const operations = 2 * Math.max(1, rows) * Math.max(1, s) * Math.max(1, d + e) * products
    engine.run(kernel, plan, units, chunkOperations / operations, scratch)
  }

  return {
    attention(x, y) {
      if (sizeOf(y.shape) === 0) return
      const sizes = sizesOf(x)
      const rooms = [room(sizes.d), room(sizes.e)]
      withDenseRows([x.q, x.k, x.v], (q, k, v) => {
        const operands = [q!, k!, v!, x.mask, y]
        run('attention', { operands, sizes, rooms, scale: x.scale, directions: [] }, 1, true)
      })
    },

    attentionPullback(x, d, dx) {
      const sizes = sizesOf(x)
      const directions = d.shape.slice(0, d.shape.length - x.q.shape.length)
      const rooms = [room(sizes.d), room(sizes.e), room(sizes.d), room(sizes.d, 'rows'), room(sizes.e, 'rows')]
      withDenseRows([x.q, x.k, x.v, d], (q, k, v, dense) => {
        const operands = [q!, k!, v!, x.mask, dense!, dx.q, dx.k, dx.v]
        run(
          'attentionPullback',
          { operands, sizes, rooms, scale: x.scale, directions },
          1 + 2 * sizeOf(directions),
          false,
        )
      })
    },

    attentionPushforward(x, dx, y) {
      if (sizeOf(y.shape) === 0) return
      const sizes = sizesOf(x)
      const directions = y.shape.slice(0, y.shape.length - x.q.shape.length)
      const rooms = [room(sizes.d), room(sizes.e), room(sizes.d), room(sizes.e)]
      withDenseRows([x.q, x.k, x.v, dx.q, dx.k, dx.v], (q, k, v, dq, dk, dv) => {
        const operands = [q!, k!, v!, x.mask, dq!, dk!, dv!, y]
        run(
          'attentionPushforward',
          { operands, sizes, rooms, scale: x.scale, directions },
          1 + 2 * sizeOf(directions),
          true,
        )
      })
    },
  }
}

const room = (width: number, of: 'keys' | 'rows' = 'keys'): Run['rooms'][number] => ({ width, of })

/** The dense copy of a view. */
function denseView(x: View, at: number): View {
  const data = { at, bytes: 0 } satisfies Block
  return { buffer: { ...x.buffer, data }, shape: x.shape, strides: stridesOf(x.shape), offset: 0 }
}
