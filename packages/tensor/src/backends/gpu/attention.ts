/**
 * Attention out of products and rows: the scores of all heads lie in scratch memory for the time of a call, and neither
 * they nor the probabilities are kept for a derivative.
 */
import type { AttentionOperands, Kernels, View } from '../../kernels.ts'
import type { Engine } from './engine.ts'
import { turned } from './memory.ts'
import { type Rows, rowRunner, softmaxBody, softmaxDerivativeBody, stretched } from './rows.ts'
import type { Scratch } from './scratch.ts'
import type { Walker } from './walk.ts'

type Attention = Pick<Kernels, 'attention' | 'attentionPullback' | 'attentionPushforward'>

/** softmax(scale x + m); zeros in a row that is all -Infinity. */
const probabilitiesBody = softmaxBody('(p.scale * x(k) + m(k))', 'true', 'bitcast<u32>(top) == 0xff800000u')

/** The derivative along d of the products q kᵀ, which `scale` multiplies: scale p ∘ (d − ⟨d, p⟩). */
const scoresBody = (d: string) => softmaxDerivativeBody(d, 'p.scale * ')

export function attentionKernels(
  engine: Engine,
  scratch: Scratch,
  walker: Walker,
  { matmul, binary }: Pick<Kernels, 'matmul' | 'binary'>,
): Attention {
  const rows = rowRunner(engine, walker)

  /** Calls `body` with the probabilities `[…, L, S]`. */
  function probabilities({ q, k, mask: m, scale }: AttentionOperands, body: (p: View) => void): void {
    const length = k.shape.at(-2)!
    scratch.use('f32', [...q.shape.slice(0, -1), length], (x) =>
      scratch.use('f32', x.shape, (y) => {
        matmul(q, turned(k), x)
        rows(
          'attention',
          { reads: { x, m }, writes: { y }, params: { scale: ['f32', scale] } },
          length,
          probabilitiesBody,
        )
        body(y)
      }),
    )
  }

  /** x with the leading axes that a derivative's operand has in front, along which it repeats. */
  const along = (x: View, like: View): View =>
    stretched(x, [...like.shape.slice(0, like.shape.length - x.shape.length), ...x.shape])

  return {
    attention: (x, y) => probabilities(x, (p) => matmul(p, x.v, y)),

    attentionPullback(x, d, dx) {
      const { scale } = x
      probabilities(x, (p) => {
        const q = along(p, d)
        scratch.use('f32', q.shape, (a) =>
          scratch.use('f32', q.shape, (ds) => {
            matmul(d, turned(along(x.v, d)), a)
            const of: Rows = { reads: { a, q }, writes: { y: ds }, params: { scale: ['f32', scale] } }
            rows('attentionPullback', of, q.shape.at(-1)!, scoresBody('a(k)'))
            matmul(ds, along(x.k, d), dx.q)
            matmul(turned(ds), along(x.q, d), dx.k)
            matmul(turned(q), d, dx.v)
          }),
        )
      })
    },

    attentionPushforward(x, dx, y) {
      const { scale } = x
      probabilities(x, (p) => {
        const q = along(p, dx.q)
        scratch.use('f32', q.shape, (a) =>
          scratch.use('f32', q.shape, (b) =>
            scratch.use('f32', q.shape, (ds) => {
              matmul(dx.q, turned(along(x.k, dx.q)), a)
              matmul(along(x.q, dx.q), turned(dx.k), b)
              const of: Rows = { reads: { a, b, q }, writes: { y: ds }, params: { scale: ['f32', scale] } }
              rows('attentionPushforward', of, q.shape.at(-1)!, scoresBody('(a(k) + b(k))'))
              scratch.use('f32', y.shape, (first) =>
                scratch.use('f32', y.shape, (second) =>
                  scratch.use('f32', y.shape, (both) => {
                    matmul(ds, along(x.v, dx.v), first)
                    matmul(q, dx.v, second)
                    binary('add', first, second, both)
                    walker.copy(both, y)
                  }),
                ),
              )
            }),
          ),
        )
      })
    },
  }
}
