/** Kernels that read or add by index. */
import type { Kernels } from '../../kernels.ts'
import { denseElements, elementsOf } from './loops.ts'

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1)

export const gathers: Pick<Kernels, 'takeRows' | 'addRows' | 'gather' | 'scatterAdd'> = {
  takeRows(x, index, y) {
    const [from, at, to] = [denseElements(x), denseElements(index), elementsOf(y)]
    const [rows, width] = x.shape.slice(-2) as [number, number]
    for (let batch = 0, q = y.offset; batch < product(x.shape.slice(0, -2)); batch++) {
      for (let i = 0; i < at.length; i++, q += width) {
        const p = (batch * rows + at[i]!) * width
        to.set(from.subarray(p, p + width), q)
      }
    }
  },

  addRows(x, index, y) {
    const [from, at, to] = [denseElements(x), denseElements(index), elementsOf(y)]
    const [rows, width] = y.shape.slice(-2) as [number, number]
    to.fill(0, y.offset, y.offset + product(y.shape))
    for (let batch = 0, p = 0; batch < product(y.shape.slice(0, -2)); batch++) {
      for (let i = 0; i < at.length; i++) {
        const q = y.offset + (batch * rows + at[i]!) * width
        for (let k = 0; k < width; k++, p++) to[q + k]! += from[p]!
      }
    }
  },

  gather(x, index, y) {
    const [from, at, to] = [denseElements(x), denseElements(index), elementsOf(y)]
    const n = x.shape.at(-1)!
    const k = index.shape.at(-1)!
    for (let i = 0; i < at.length; i++) to[y.offset + i] = from[Math.floor(i / k) * n + at[i]!]!
  },

  scatterAdd(x, index, y) {
    const [from, at, to] = [denseElements(x), denseElements(index), elementsOf(y)]
    const n = y.shape.at(-1)!
    const k = index.shape.at(-1)!
    to.fill(0, y.offset, y.offset + product(y.shape))
    for (let i = 0; i < at.length; i++) to[y.offset + Math.floor(i / k) * n + at[i]!]! += from[i]!
  },
}
