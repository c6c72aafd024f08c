/**
 * The conformance suite on WebGPU as hardware runs it, whatever the driver: rows shared by many threads, products by
 * tiles in workgroup memory. Drivers on the processor are slow at that, and right.
 */
import { backendOf, registerBackend } from '@antecedent/tensor/internal'
import * as assert from 'uvu/assert'
import { openGpu } from '../../packages/tensor/src/backends/gpu/index.ts'
import { gpu, gpuPromises } from '../support/gpu.ts'
import { conformance } from './conformance.ts'

const name = 'gpu as hardware'
if (gpu) registerBackend(await openGpu({ name, serial: false }))
const test = conformance(name, gpuPromises, gpu !== null)

const last = gpu ? test : test.skip
last('rows were shared by threads, and products computed by tiles', () => {
  const { pipelines = [] } = backendOf(name)
  for (const start of ['wgsl:softmax/f32,f32/1/32', 'wgsl:cumsum/f32,f32/1/2', 'wgsl:matmul tiled/0'])
    assert.ok(pipelines.includes(start), `${start} did not run`)
})

test.run()
