/** What this device's errors say. */
import { DeviceError } from '../../errors.ts'

const install = 'npm install webgpu@0.6.2 gpu.js@2.24.1'

/** WebGPU itself is missing. */
export const noWebGpu = (cause?: unknown): DeviceError =>
  new DeviceError(
    {
      op: 'useDevice',
      expected: 'WebGPU for the device gpu',
      got: cause === undefined ? 'a browser without navigator.gpu' : String(cause),
      hint: `in Node: ${install}; else a browser with WebGPU`,
    },
    { cause },
  )

/** WebGPU is there and finds nothing to run on. */
export const noAdapter = (): DeviceError =>
  new DeviceError({
    op: 'useDevice',
    expected: 'a WebGPU adapter for the device gpu',
    got: 'none',
    hint:
      'install a GPU driver with Vulkan, Metal or D3D12; without a GPU, the software driver ' +
      'mesa-vulkan-drivers (Debian 12: from bookworm-backports) will do',
  })

/** The compiler of elementwise kernels is missing, or not the one that this backend knows. */
export const noCompiler = (got: string, cause?: unknown): DeviceError =>
  new DeviceError(
    {
      op: 'useDevice',
      expected: 'gpu.js 2.24.1 for the device gpu',
      got,
      hint: install,
    },
    { cause },
  )

/** The device died under us. */
export const lost = (reason: string): DeviceError =>
  new DeviceError({
    op: 'gpu',
    expected: 'a device that answers',
    got: `one that was lost: ${reason || 'no reason given'}`,
    hint: "its tensors are gone; await useDevice('gpu') opens it again, useDevice('wasm') goes on without it",
  })

/** An error of the device that no call of ours could catch. */
export const uncaptured = (message: string): DeviceError =>
  new DeviceError({
    op: 'gpu',
    expected: 'a device without errors',
    got: message.trim(),
    hint: 'results since the last read are void',
  })

/** Reading waits for the device, which no synchronous function can. */
export const readAtOnce = (): DeviceError =>
  new DeviceError({
    op: 'dataSync',
    expected: 'a device that is read at once',
    got: 'gpu',
    hint: 'await x.data()',
  })

/** A single row does not fit one binding, and rows are not cut. */
export const tooLarge = (kernel: string, bytes: number, limit: number): DeviceError =>
  new DeviceError({
    op: kernel,
    expected: `rows of at most ${limit} bytes, what this device binds at once`,
    got: `${bytes} bytes`,
    hint: 'work in smaller parts, or on another device',
  })
