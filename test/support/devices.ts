/** The devices that the conformance tests compare with `ref`. */
import type { DeviceName } from '@antecedent/tensor'

export const fastDevices: readonly DeviceName[] = ['wasm']
