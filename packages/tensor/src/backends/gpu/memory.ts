/** Buffers of the device, and the windows on them that a dispatch binds. */
import type { TypedArray } from '../../dtype.ts'
import type { Buffer, View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'

/** WebGPU's flags, by their numbers: hosts without a page lack the globals that name them. */
export const usage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const

/** What `Buffer.data` means here. Every element takes four bytes. */
export interface Block {
  readonly gpu: GPUBuffer
  /** what was uploaded, of integers and truth values: so that an index out of range is an error at once */
  host: TypedArray | null
}

export const bytesPerElement = 4

export const blockOf = (buffer: Buffer): Block => buffer.data as Block

/** A part of a buffer that a dispatch binds, and where the view's first element lies in it. */
export interface Window {
  readonly buffer: GPUBuffer
  /** bytes, at a multiple of what the device asks for */
  readonly offset: number
  readonly size: number
  /** elements */
  readonly at: number
}

/** Bytes at whose multiples every device lets a binding start. */
export const alignment = 256

/** The elements that a view may touch: the first and the one behind the last. */
function reachOf(x: View): [number, number] {
  let [low, high] = [x.offset, x.offset]
  if (sizeOf(x.shape) === 0) return [low, low]
  for (const [axis, n] of x.shape.entries()) {
    const span = (n - 1) * x.strides[axis]!
    if (span < 0) low += span
    else high += span
  }
  return [low, high + 1]
}

/** The smallest window on all elements of a view. */
export function windowOf(x: View): Window {
  const [low, end] = reachOf(x)
  const offset = Math.floor((low * bytesPerElement) / alignment) * alignment
  const size = Math.max(bytesPerElement, end * bytesPerElement - offset)
  return { buffer: blockOf(x.buffer).gpu, offset, size, at: x.offset - offset / bytesPerElement }
}

/** The half of a view along an axis. */
export function halfOf(x: View, axis: number, half: 0 | 1): View {
  const n = x.shape[axis]!
  const cut = Math.floor(n / 2)
  const shape = x.shape.map((size, i) => (i === axis ? (half === 0 ? cut : n - cut) : size))
  return { ...x, shape, offset: x.offset + (half === 0 ? 0 : cut * x.strides[axis]!) }
}

/** A view with its last two axes exchanged. */
export const turned = (x: View): View => {
  const exchange = (list: readonly number[]) => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!]
  return { ...x, shape: exchange(x.shape), strides: exchange(x.strides) }
}
