/** What every kernel is timed on: operands of the sizes that MiniLM has over fifty points of 14 tokens. */
import type {
  AttentionOperands,
  AttentionViews,
  Kernels,
  RowScoreOperands,
  RowScoreViews,
  View,
} from '@antecedent/tensor/internal'
import { permuted, repeated, type Workbench } from './workbench.ts'

export interface Prepared {
  /** what is read and written */
  operands: View[]
  run: (kernels: Kernels) => void
}

/** A row of the table. To add one is to add such an object. */
export interface KernelCase {
  name: string
  /** floating-point operations of one run: where given, arithmetic is the limit, else memory */
  flop?: number
  make: (on: Workbench) => Prepared
}

const [rows, hidden, wide] = [700, 384, 1536]

/** A kernel that reads `inputs` and writes one result. */
const prepared = (inputs: readonly (View | null)[], y: View, run: (kernels: Kernels) => void): Prepared => ({
  operands: [...inputs.filter((x) => x !== null), y],
  run,
})

const unary = (name: Parameters<Kernels['unary']>[0], domain: [number, number] = [-2, 2]): KernelCase => ({
  name,
  make: (on) => {
    const [x, y] = [on.floats([rows, wide], domain), on.result([rows, wide])]
    return prepared([x], y, (kernels) => kernels.unary(name, x, y))
  },
})

const binary = (name: Parameters<Kernels['binary']>[0], broadcast = false): KernelCase => ({
  name: broadcast ? `${name} of a row` : name,
  make: (on) => {
    const a = on.floats([rows, wide], [0.5, 2])
    const b = broadcast ? repeated(on.floats([wide], [0.5, 2]), rows) : on.floats([rows, wide], [0.5, 2])
    const y = on.result([rows, wide])
    return prepared([a, b], y, (kernels) => kernels.binary(name, a, b, y))
  },
})

const reduction = (name: Parameters<Kernels['reduce']>[0], axis: 'rows' | 'columns' = 'rows'): KernelCase => ({
  name: axis === 'rows' ? `${name} of rows` : `${name} over rows`,
  make: (on) => {
    const matrix = on.floats([rows, wide])
    const x = axis === 'rows' ? matrix : permuted(matrix, [1, 0])
    const y = on.result([x.shape[0]!])
    return prepared([x], y, (kernels) => kernels.reduce(name, x, 1, y))
  },
})

const copied = (name: string, shape: readonly number[], order: readonly number[]): KernelCase => ({
  name,
  make: (on) => {
    const x = permuted(on.floats(shape), order)
    const y = on.result(x.shape)
    return prepared([x], y, (kernels) => kernels.copy(x, y))
  },
})

interface Product {
  m: number
  k: number
  n: number
  batch?: number
  /** b lies transposed in memory, as in a pullback */
  turned?: boolean
  bias?: boolean
}

function product({ m, k, n, batch, turned = false, bias: hasBias = false }: Product): KernelCase {
  const [many, head] = [batch ?? 1, batch === undefined ? [] : [batch]]
  const extras = `${turned ? ', b transposed' : ''}${hasBias ? ', with a bias' : ''}`
  return {
    name: `matmul ${batch === undefined ? '' : `${batch} of `}${m}×${k}×${n}${extras}`,
    flop: 2 * many * m * k * n,
    make: (on) => {
      const a = on.floats([...head, m, k])
      const axes = batch === undefined ? [1, 0] : [0, 2, 1]
      const b = turned ? permuted(on.floats([...head, n, k]), axes) : on.floats([...head, k, n])
      const bias = hasBias ? on.floats([n]) : null
      const y = on.result([...head, m, n])
      return prepared([a, b, bias], y, (kernels) => kernels.matmul(a, b, y, bias))
    },
  }
}

const softmaxes = [
  [600, 14, 14],
  [12, 128, 128],
]

/** Texts × heads, tokens and width of a head: MiniLM over fifty points of 14 tokens, and long texts. */
const attentions = [
  [50, 12, 14, 32],
  [1, 12, 128, 32],
  [1, 12, 512, 64],
] as const

/** Heads side by side as views `[texts, heads, tokens, width]` of `[texts, tokens, heads · width]`. */
const headsApart = (x: View, heads: number): View => {
  const [texts, tokens, width] = x.shape as [number, number, number]
  const each = width / heads
  return { ...x, shape: [texts, heads, tokens, each], strides: [tokens * width, each, width, 1] }
}

/** Attention's kernels: `products` of a row of queries with all keys or values, and what each runs. */
const attentionCases = (
  name: string,
  products: number,
  runOf: (x: AttentionOperands, make: { views: () => AttentionViews; one: () => View }) => Prepared['run'],
): KernelCase[] =>
  attentions.map(([texts, heads, tokens, width]) => ({
    name: `${name} ${texts * heads} of ${tokens}×${width}`,
    flop: 2 * products * texts * heads * tokens * tokens * width,
    make: (on) => {
      const one = () => headsApart(on.floats([texts, tokens, heads * width]), heads)
      const views = () => ({ q: one(), k: one(), v: one() })
      const row = on.floats([texts, tokens], [0, 0])
      const mask = { ...row, shape: [texts, heads, tokens, tokens], strides: [tokens, 0, 0, 1] }
      const x = { ...views(), mask, scale: 1 / Math.sqrt(width) }
      return { operands: [], run: runOf(x, { views, one }) }
    },
  }))

/** Sums of rows; a device that lacks the shortcut has nothing to time. */
function rowScoresCase(
  name: string,
  runOf: (x: RowScoreOperands, d: View, dx: RowScoreViews) => Prepared['run'],
): KernelCase {
  return {
    name: `${name} 1000×3000`,
    make: (on) => {
      const views = () => ({
        dense: on.floats([1000, 3000]),
        tables: Array.from({ length: 4 }, () => on.floats([100, 3000])),
        weight: on.floats([3000]),
      })
      const [x, d, dx] = [{ ...views(), index: on.indices([1000, 4], 100), dropped: null }, on.floats([1000]), views()]
      const moved = name === 'rowScores' ? [x.dense] : [x.dense, dx.dense]
      return prepared([...moved, x.weight], d, runOf(x, d, dx))
    },
  }
}

const nameOf = (name: string, shape: readonly number[]): string => `${name} ${shape.join('×')}`

/** Every kernel of the contract: one without a case does not compile. */
const table: Record<keyof Kernels, KernelCase[]> = {
  matmul: [
    product({ m: rows, k: hidden, n: hidden }),
    product({ m: rows, k: hidden, n: hidden, bias: true }),
    product({ m: rows, k: hidden, n: hidden, turned: true }),
    product({ m: rows, k: hidden, n: wide }),
    product({ m: rows, k: wide, n: hidden }),
    product({ m: 14, k: hidden, n: hidden }),
    product({ m: 14, k: hidden, n: wide }),
    product({ m: 1024, k: 1024, n: 1024 }),
    product({ batch: 600, m: 14, k: 32, n: 14, turned: true }),
    product({ batch: 600, m: 14, k: 14, n: 32 }),
    product({ batch: 12, m: 128, k: 32, n: 128, turned: true }),
  ],
  attention: attentionCases('attention', 2, (x, { one }) => {
    const y = one()
    return (kernels) => kernels.attention(x, y)
  }),
  attentionPullback: attentionCases('attentionPullback', 5, (x, { one, views }) => {
    const [d, dx] = [one(), views()]
    return (kernels) => kernels.attentionPullback(x, d, dx)
  }),
  attentionPushforward: attentionCases('attentionPushforward', 5, (x, { one, views }) => {
    const [dx, y] = [views(), one()]
    return (kernels) => kernels.attentionPushforward(x, dx, y)
  }),
  unary: [
    ...(['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'exp', 'expm1', 'sin', 'cos', 'tanh'] as const).map(
      (name) => unary(name),
    ),
    ...(['sigmoid', 'softplus', 'erf', 'gelu', 'geluDerivative'] as const).map((name) => unary(name)),
    ...(['reciprocal', 'sqrt', 'rsqrt', 'log', 'log1p'] as const).map((name) => unary(name, [0.1, 4])),
  ],
  geluWithDerivative: [
    {
      name: 'geluWithDerivative',
      make: (on) => {
        const [x, y, slope] = [on.floats([rows, wide]), on.result([rows, wide]), on.result([rows, wide])]
        return prepared([x, y], slope, (kernels) => kernels.geluWithDerivative(x, y, slope))
      },
    },
  ],
  binary: [
    ...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'] as const).map((name) => binary(name)),
    binary('add', true),
  ],
  compare: [
    {
      name: 'less',
      make: (on) => {
        const [a, b, y] = [on.floats([rows, wide]), on.floats([rows, wide]), on.result([rows, wide], 'bool')]
        return prepared([a, b], y, (kernels) => kernels.compare('less', a, b, y))
      },
    },
  ],
  select: [
    {
      name: 'select',
      make: (on) => {
        const [a, b, y] = [on.floats([rows, wide]), on.floats([rows, wide]), on.result([rows, wide])]
        const condition = on.bools([rows, wide])
        return prepared([condition, a, b], y, (kernels) => kernels.select(condition, a, b, y))
      },
    },
  ],
  dropout: [
    {
      name: 'dropout',
      make: (on) => {
        const [x, y] = [on.floats([rows, wide]), on.result([rows, wide])]
        return prepared([x], y, (kernels) => kernels.dropout(x, { rate: 0.3, key: [1, 2], period: rows * wide }, y))
      },
    },
  ],
  fill: [
    {
      name: 'fill',
      make: (on) => {
        const y = on.result([rows, wide])
        return prepared([], y, (kernels) => kernels.fill(1, y))
      },
    },
  ],
  copy: [
    copied('copy', [rows, wide], [0, 1]),
    copied('copy, transposed', [rows, wide], [1, 0]),
    copied('copy, heads apart', [50, 14, 12, 32], [0, 2, 1, 3]),
  ],
  reduce: [
    ...(['sum', 'max', 'min', 'logSumExp', 'sumOfSquares'] as const).map((name) => reduction(name)),
    reduction('sum', 'columns'),
    reduction('max', 'columns'),
  ],
  argReduce: [
    {
      name: 'argmax of rows',
      make: (on) => {
        const [x, y] = [on.floats([rows, wide]), on.result([rows], 'i32')]
        return prepared([x], y, (kernels) => kernels.argReduce('argmax', x, 1, y))
      },
    },
  ],
  cumsum: [
    {
      name: 'cumsum',
      make: (on) => {
        const [x, y] = [on.floats([rows, hidden]), on.result([rows, hidden])]
        return prepared([x], y, (kernels) => kernels.cumsum(x, y))
      },
    },
  ],
  argsort: [
    {
      name: 'argsort',
      make: (on) => {
        const [x, y] = [on.floats([64, hidden]), on.result([64, hidden], 'i32')]
        return prepared([x], y, (kernels) => kernels.argsort(x, false, y))
      },
    },
  ],
  softmax: softmaxes.map((shape) => ({
    name: nameOf('softmax', shape),
    make: (on) => {
      const [x, y] = [on.floats(shape), on.result(shape)]
      return prepared([x], y, (kernels) => kernels.softmax(x, y))
    },
  })),
  maskedSoftmax: softmaxes.map((shape) => ({
    name: nameOf('maskedSoftmax', shape),
    make: (on) => {
      const [x, y] = [on.floats(shape), on.result(shape)]
      const mask = repeated(repeated(on.bools([shape[2]!]), shape[1]!), shape[0]!)
      return prepared([x, mask], y, (kernels) => kernels.maskedSoftmax(x, mask, y))
    },
  })),
  softmaxDerivative: softmaxes.map((shape) => ({
    name: nameOf('softmaxDerivative', shape),
    make: (on) => {
      const [d, x, y] = [on.floats(shape), on.floats(shape, [0, 1]), on.result(shape)]
      return prepared([d, x], y, (kernels) => kernels.softmaxDerivative(d, x, y))
    },
  })),
  layerNorm: [false, true].map((withResidual) => ({
    name: withResidual ? 'layerNorm of a sum' : 'layerNorm',
    make: (on) => {
      const [x, weight, bias] = [on.floats([rows, hidden]), on.floats([hidden]), on.floats([hidden])]
      const [residual, y] = [withResidual ? on.floats([rows, hidden]) : null, on.result([rows, hidden])]
      return prepared([x, residual, weight, bias], y, (kernels) =>
        kernels.layerNorm(x, residual, weight, bias, 1e-12, y),
      )
    },
  })),
  layerNormDerivative: [1, 14].map((directions) => ({
    name: directions === 1 ? 'layerNormDerivative' : `layerNormDerivative, ${directions} directions`,
    make: (on) => {
      const [d, x] = [on.floats([directions, rows, hidden]), on.floats([rows, hidden])]
      const [weight, y] = [on.floats([hidden]), on.result([directions, rows, hidden])]
      return prepared([d, x, weight], y, (kernels) => kernels.layerNormDerivative(d, x, weight, 1e-12, false, y))
    },
  })),
  takeRows: [
    {
      name: 'takeRows of 30522',
      make: (on) => {
        const [x, index, y] = [on.floats([30522, hidden]), on.indices([rows], 30522), on.result([rows, hidden])]
        return { operands: [y, y], run: (kernels) => kernels.takeRows(x, index, y) }
      },
    },
  ],
  addRows: [
    {
      name: 'addRows into 512',
      make: (on) => {
        const [x, index, y] = [on.floats([rows, hidden]), on.indices([rows], 512), on.result([512, hidden])]
        return prepared([x, index], y, (kernels) => kernels.addRows(x, index, y))
      },
    },
  ],
  gather: [
    {
      name: 'gather',
      make: (on) => {
        const [x, index] = [on.floats([rows, hidden]), on.indices([rows, hidden], hidden)]
        const y = on.result([rows, hidden])
        return prepared([x, index], y, (kernels) => kernels.gather(x, index, y))
      },
    },
  ],
  scatterAdd: [
    {
      name: 'scatterAdd',
      make: (on) => {
        const [x, index] = [on.floats([rows, hidden]), on.indices([rows, hidden], hidden)]
        const y = on.result([rows, hidden])
        return prepared([x, index], y, (kernels) => kernels.scatterAdd(x, index, y))
      },
    },
  ],
  rowScores: [rowScoresCase('rowScores', (x, d, _) => (kernels) => kernels.rowScores?.(x, d))],
  rowScoresPullback: [
    rowScoresCase('rowScoresPullback', (x, d, dx) => (kernels) => kernels.rowScoresPullback?.(x, d, dx)),
  ],
  adam: [
    {
      name: 'adam',
      make: (on) => {
        const [w, m, g] = [on.floats([rows, wide]), on.floats([rows, wide]), on.floats([rows, wide])]
        const v = on.floats([rows, wide], [0, 1])
        const to = { w: on.result([rows, wide]), m: on.result([rows, wide]), v: on.result([rows, wide]) }
        const numbers = { scale: 1, decay: 0, beta1: 0.9, beta2: 0.999, rate: 1e-3, unbias: 1, eps: 1e-8 }
        const step = { ...numbers, decayWith: 1e-7, decayAfter: 0 }
        return prepared([w, m, v, g, to.w, to.m], to.v, (kernels) => kernels.adam?.({ w, m, v, g }, step, to))
      },
    },
  ],
}

/** All cases, kernel by kernel. */
export const kernelCases: readonly (KernelCase & { kernel: keyof Kernels })[] = Object.entries(table).flatMap(
  ([kernel, cases]) => cases.map((example) => ({ ...example, kernel: kernel as keyof Kernels })),
)
