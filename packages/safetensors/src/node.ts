/** Safetensors files on disk. */
export { fileSource, openSafetensors, readSafetensors, readSafetensorsSync } from './node/read.ts'
export { FileExistsError, type WriteOptions, writeSafetensors } from './node/write.ts'
