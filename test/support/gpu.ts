/**
 * The device gpu for tests. Without an adapter such tests are skipped and counted; where `REQUIRE_WEBGPU=1` its absence
 * is a failure. A software driver (lavapipe, SwiftShader) will do: it proves results, never speed.
 */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { useDevice } from '@antecedent/tensor'
import type { GpuBackend } from '@antecedent/tensor/gpu'
import { type Backend, DeviceError, openDevice } from '@antecedent/tensor/internal'
import type { Test } from 'uvu'
import { findChromium } from './browser.ts'

async function open(): Promise<GpuBackend | null> {
  try {
    return (await openDevice('gpu')) as Backend as GpuBackend
  } catch (error) {
    if (!(error instanceof DeviceError) || process.env.REQUIRE_WEBGPU === '1') throw error
    return null
  }
}

/** The device, opened and not made the current one; null where there is none. */
export const gpu = await open()
await useDevice('ref')

/** `test`, or its `skip` where there is no adapter and need not be. */
export const needsGpu = <T>(test: Test<T>): Test<T> | Test<T>['skip'] => (gpu ? test : test.skip)

/** The environment that makes SwiftShader the only adapter, where a Chromium brings it along; else null. */
export function swiftShader(): Record<string, string> | null {
  const chromium = findChromium()
  const folders = [...(chromium ? [dirname(realpathSync(chromium))] : []), '/usr/lib/chromium', '/opt/google/chrome']
  const file = folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((path) => existsSync(path))
  return file ? { VK_DRIVER_FILES: file } : null
}

/** What the device keeps of `ref`'s numbers. */
export const gpuPromises = {
  cases: 2e-6,
  functions: 2e-6,
  pow: 1e-5,
  subnormal: false,
  // beyond ±2¹⁷ no digit of an angle is left, and this device says NaN
  exceptions: new Set(['sin(3.4e+38)', 'sin(-3.4e+38)', 'cos(3.4e+38)', 'cos(-3.4e+38)']),
}
