/** The conformance suite on WebGPU: gpu.js's kernels and ours, on an adapter that is told by its name. */
import { backendOf } from '@antecedent/tensor/internal'
import * as assert from 'uvu/assert'
import { gpu, gpuPromises } from '../support/gpu.ts'
import { conformance } from './conformance.ts'

const test = conformance('gpu', gpuPromises, gpu !== null)

/** Every kernel of the contract, by the pipelines that compute it. */
const elementwise = [
  ...['neg', 'abs', 'sign', 'square', 'relu', 'floor', 'round', 'reciprocal', 'sqrt', 'rsqrt', 'exp', 'expm1', 'log'],
  ...['log1p', 'sin', 'cos', 'tanh', 'sigmoid', 'softplus', 'erf', 'gelu', 'geluDerivative'],
  ...['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum'],
]
const written = [
  ...['copy', 'fill', 'f32 to i32', 'select', 'equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'],
  ...['neg', 'add', 'mul', 'sum', 'max', 'min', 'logSumExp', 'argmax', 'argmin', 'cumsum', 'argsort runs'],
  ...['softmax', 'maskedSoftmax', 'softmaxDerivative', 'layerNorm', 'layerNormDerivative', 'matmul direct'],
  ...['takeRows', 'addRows', 'gather', 'scatterAdd', 'dropout', 'sumOfSquares'],
]

const last = gpu ? test : test.skip
last('these pipelines ran, on this adapter: no other device stood in for it', () => {
  const { name, description, pipelines = [] } = backendOf('gpu')
  assert.is(name, 'gpu')
  assert.match(description, /^gpu \(WebGPU on \S.+; elementwise by gpu\.js 2\.24\.1, all else WGSL\)$/)
  const ran = (start: string) => pipelines.some((pipeline) => `${pipeline}/`.startsWith(`${start}/`))
  for (const kernel of elementwise) assert.ok(ran(`gpu.js:${kernel}`), `gpu.js:${kernel} did not run`)
  for (const kernel of written) assert.ok(ran(`wgsl:${kernel}`), `wgsl:${kernel} did not run`)
  console.log(`conformance on ${description}`)
})

test.run()
