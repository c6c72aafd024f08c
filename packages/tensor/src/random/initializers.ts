/** Initial weights. A weight is `[out, in]`, as `linear` takes it. */
import { ShapeError, show } from '../errors.ts'
import type { CreateOptions } from '../ops/create.ts'
import type { Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { normal, type RandomKey, truncatedNormal, uniform } from './random.ts'

function fans(op: string, shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) throw new ShapeError({ op, expected: 'a weight […, out, in]', got: show(shape) })
  return { fanOut: shape.at(-2)!, fanIn: shape.at(-1)! }
}

/** Uniform in ±√(6 / (in + out)) (Glorot and Bengio 2010). */
export function glorotUniform(shape: Shape, key: RandomKey, options: CreateOptions = {}): Tensor {
  const { fanIn, fanOut } = fans('glorotUniform', shape)
  const bound = Math.sqrt(6 / (fanIn + fanOut))
  return uniform(shape, key, { ...options, low: -bound, high: bound })
}

/** Normal with variance 2 / (in + out) (Glorot and Bengio 2010). */
export function glorotNormal(shape: Shape, key: RandomKey, options: CreateOptions = {}): Tensor {
  const { fanIn, fanOut } = fans('glorotNormal', shape)
  return normal(shape, key, { ...options, std: Math.sqrt(2 / (fanIn + fanOut)) })
}

/** Normal with variance 2 / in, for layers before a ReLU (He, Zhang, Ren and Sun 2015). */
export function heNormal(shape: Shape, key: RandomKey, options: CreateOptions = {}): Tensor {
  return normal(shape, key, { ...options, std: Math.sqrt(2 / fans('heNormal', shape).fanIn) })
}

/** BERT's: normal with standard deviation 0.02, cut at two of them (Devlin et al. 2019). */
export const bertNormal = (shape: Shape, key: RandomKey, options: CreateOptions = {}): Tensor =>
  truncatedNormal(shape, key, { ...options, std: 0.02 })
