/** The conformance suite on the devices of the processor. */
import { fastDevices } from '../support/devices.ts'
import { conformance } from './conformance.ts'

for (const device of fastDevices) conformance(device, { cases: 2e-6, functions: 1e-6, subnormal: true }).run()
