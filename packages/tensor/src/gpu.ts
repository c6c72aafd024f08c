/**
 * `@antecedent/tensor/gpu`: the device gpu with choices of one's own. `await useDevice('gpu')` does without this module;
 * with it a program says which GPU, whose WebGPU, or where gpu.js lies.
 */
import { type GpuBackend, type GpuOptions, openGpu } from './backends/gpu/index.ts'
import { type DeviceInfo, registerBackend, useDevice } from './device.ts'

export type { GpuBackend, GpuOptions }

/**
 * Opens a GPU and makes it the current device, in place of the one that was open. Tensors on that one stay there.
 *
 * @throws {DeviceError} where WebGPU, an adapter or gpu.js is missing, saying what to install
 */
export async function useGpu(options: GpuOptions = {}): Promise<DeviceInfo> {
  registerBackend(await openGpu(options))
  return useDevice('gpu')
}
