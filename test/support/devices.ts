/** The devices that the conformance tests compare with `ref`. */
import type { DeviceName } from '@antecedent/tensor'
import { findBlas } from '@antecedent/tensor/internal'

const { library, failures } = findBlas()
if (!library && process.env.REQUIRE_BLAS)
  throw new Error(`REQUIRE_BLAS is set, and there is none: ${failures.join('; ')}`)

export const fastDevices: readonly DeviceName[] = library ? ['wasm', 'blas'] : ['wasm']
