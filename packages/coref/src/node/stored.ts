/** Tensors as a file takes them. */
import type { Tensor } from '@antecedent/tensor'
import type { LazyTensorInput } from 'safetensors-ts'

/** A tensor as the file takes it, in its own precision or rounded to float16, read when its turn comes. */
export const stored = (x: Tensor, half = false): LazyTensorInput => {
  const shape = [...x.shape]
  if (half) return { dtype: 'F16', shape, data: async () => Float32Array.from(await x.data()) }
  return x.dtype === 'f64'
    ? { dtype: 'F64', shape, data: async () => (await x.data()) as Float64Array }
    : { dtype: 'F32', shape, data: async () => (await x.data()) as Float32Array }
}
