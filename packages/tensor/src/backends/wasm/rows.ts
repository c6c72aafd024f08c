/** Kernels over dense rows: reductions, softmax, layer norm, gather and scatter. */
import type { Kernels, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { rows as reference } from '../ref/rows.ts'
import { hostView } from './elementwise.ts'
import { addressOf, bytesOfView, type Engine, floatBits } from './engine.ts'
import { denseAddresses } from './walk.ts'

/** Elements of rows that make a chunk. */
export const chunkElements = 8192

const reductions = ['sum', 'max', 'min', 'logSumExp', 'sumOfSquares'] as const

/** Elements of a part of a row that is summed in parts. */
const partElements = 2 * chunkElements

/** Rows and their length, where the last `axes` axes are one row. */
function rowsOf(x: View, axes = 1): { rows: number; length: number } {
  const split = x.shape.length - axes
  return { rows: sizeOf(x.shape.slice(0, split)), length: sizeOf(x.shape.slice(split)) }
}

const chunkOf = (length: number, cost = 1): number => Math.max(1, chunkElements / cost / Math.max(1, length))

type Rows = Pick<
  Kernels,
  | ('reduce' | 'argReduce' | 'cumsum' | 'argsort' | 'softmax' | 'maskedSoftmax' | 'softmaxDerivative')
  | ('layerNorm' | 'layerNormDerivative' | 'takeRows' | 'addRows' | 'gather' | 'scatterAdd')
>

export function rowKernels(engine: Engine): Rows {
  const addresses = (views: readonly (View | null)[], body: (...at: number[]) => void): void =>
    denseAddresses(engine, views, body)
  const isInt = (x: View): number => Number(x.buffer.dtype === 'i32')

  return {
    reduce(name, x, axes, y) {
      const { rows, length } = rowsOf(x, axes)
      const column = columnsOf(x, axes)
      if (name === 'sum' && x.buffer.dtype === 'f32' && column) {
        const plan = [addressOf(x), addressOf(y), column.rows, column.stride]
        engine.run('sumColumns', plan, column.columns, Math.max(16, chunkElements / column.rows), column.columns * 8)
        return
      }
      const isSum = name === 'sum' || name === 'sumOfSquares'
      if (isSum && x.buffer.dtype === 'f32' && length > 2 * partElements) {
        addresses([x], (at) => sumLongRows(at!, rows, length, name === 'sumOfSquares', y))
        return
      }
      const kernel = isInt(x) ? 'reduceInt' : 'reduce'
      addresses([x], (at) =>
        engine.run(
          kernel,
          [at!, addressOf(y), length, reductions.indexOf(name)],
          rows,
          chunkOf(length),
          name === 'logSumExp' ? length * 4 : 0,
        ),
      )
    },
    argReduce(name, x, axes, y) {
      const { rows, length } = rowsOf(x, axes)
      addresses([x], (at) =>
        engine.run(
          'argReduce',
          [at!, addressOf(y), length, Number(name === 'argmax'), isInt(x)],
          rows,
          chunkOf(length),
        ),
      )
    },
    cumsum(x, y) {
      const { rows, length } = rowsOf(x)
      addresses([x], (at) => engine.run('cumsum', [at!, addressOf(y), length, isInt(x)], rows, chunkOf(length)))
    },
    argsort(x, descending, y) {
      // the engine's sort is as fast as one of ours would be; it reads and writes this memory
      reference.argsort(onHost(x), descending, onHost(y))
    },
    softmax(x, y) {
      const { rows, length } = rowsOf(x)
      addresses([x], (at) => engine.run('softmax', [at!, addressOf(y), length], rows, chunkOf(length, 4)))
    },
    maskedSoftmax(x, mask, y) {
      const { rows, length } = rowsOf(x)
      addresses([x, mask], (at, maskAt) =>
        engine.run('maskedSoftmax', [at!, addressOf(y), length, maskAt!], rows, chunkOf(length, 8)),
      )
    },
    softmaxDerivative(d, y, result) {
      const { rows, length } = rowsOf(d)
      addresses([d, y], (dAt, yAt) =>
        engine.run(
          'softmaxDerivative',
          [dAt!, yAt!, addressOf(result), length, rowsOf(y).rows],
          rows,
          chunkOf(length, 2),
        ),
      )
    },
    layerNorm(x, residual, weight, bias, eps, y) {
      const { rows, length } = rowsOf(x)
      addresses([x, residual, weight, bias], (at, residualAt, weightAt, biasAt) =>
        engine.run(
          'layerNorm',
          [at!, addressOf(y), length, floatBits(eps), weightAt!, biasAt!, residualAt!],
          rows,
          chunkOf(length, 2),
        ),
      )
    },
    layerNormDerivative(d, x, weight, eps, weightLast, y) {
      const { rows, length } = rowsOf(x)
      const directions = rows === 0 ? 0 : rowsOf(d).rows / rows
      addresses([d, x, weight], (dAt, at, weightAt) =>
        engine.run(
          'layerNormDerivative',
          [dAt!, at!, addressOf(y), length, floatBits(eps), weightAt!, rows, Number(weightLast), directions],
          rows,
          chunkOf(length * (1 + directions)),
          length * 4,
        ),
      )
    },
    takeRows(x, index, y) {
      const [rows, width] = x.shape.slice(-2) as [number, number]
      const count = index.shape[0]!
      const bytes = width * bytesOfView(x)
      addresses([x, index], (at, indexAt) =>
        engine.run('takeRows', [at!, indexAt!, addressOf(y), rows, bytes, count], rowsOf(y).rows, chunkOf(width)),
      )
    },
    addRows(x, index, y) {
      const [rows, width] = y.shape.slice(-2) as [number, number]
      addresses([x, index], (at, indexAt) =>
        engine.run(
          'addRows',
          [at!, indexAt!, addressOf(y), rows, width, index.shape[0]!, isInt(x)],
          sizeOf(y.shape.slice(0, -2)),
          chunkOf(rows * width),
        ),
      )
    },
    gather(x, index, y) {
      const count = index.shape.at(-1)!
      addresses([x, index], (at, indexAt) =>
        engine.run(
          'gather',
          [at!, indexAt!, addressOf(y), x.shape.at(-1)!, count, bytesOfView(x)],
          sizeOf(index.shape.slice(0, -1)),
          chunkOf(count),
        ),
      )
    },
    scatterAdd(x, index, y) {
      const length = y.shape.at(-1)!
      addresses([x, index], (at, indexAt) =>
        engine.run(
          'scatterAdd',
          [at!, indexAt!, addressOf(y), length, x.shape.at(-1)!, isInt(x)],
          sizeOf(y.shape.slice(0, -1)),
          chunkOf(length + x.shape.at(-1)!),
        ),
      )
    },
  }

  /** Long rows are cut, the same however many threads there are; the few sums of parts are added up here. */
  function sumLongRows(at: number, rows: number, length: number, squares: boolean, y: View): void {
    const parts = Math.ceil(length / partElements)
    engine.temporary(8 * rows * parts, (sumsAt) => {
      engine.run('sumParts', [at, sumsAt, length, partElements, Number(squares)], rows * parts, 1)
      const sums = new Float64Array(engine.heap.buffer, sumsAt, rows * parts)
      const to = hostView(engine, y)
      for (let row = 0; row < rows; row++) {
        to[y.offset + row] = sums.subarray(row * parts, (row + 1) * parts).reduce((total, sum) => total + sum, 0)
      }
    })
  }

  /** The same view with a typed array behind it, as the reference's loops read. */
  function onHost(x: View): View {
    return { ...x, buffer: { ...x.buffer, data: hostView(engine, x) } }
  }
}

/** Where the reduced axes lie outside and the kept ones inside: sums over the rows of a matrix that is read in order. */
function columnsOf(x: View, axes: number): { rows: number; columns: number; stride: number } | null {
  const split = x.shape.length - axes
  const kept = x.shape.slice(0, split)
  const columns = sizeOf(kept)
  let step = 1
  for (let i = split - 1; i >= 0; i--) {
    if (kept[i] !== 1 && x.strides[i] !== step) return null
    step *= kept[i]!
  }
  const stride = x.strides.at(-1)!
  let rows = 1
  for (let i = x.shape.length - 1; i >= split; i--) {
    if (x.shape[i] !== 1 && x.strides[i] !== stride * rows) return null
    rows *= x.shape[i]!
  }
  return columns > 1 && rows > 1 && stride >= columns ? { rows, columns, stride } : null
}
