/** Reading, slicing and writing safetensors files, in browsers and in Node. Files on disk: `safetensors-ts/node`. */
export { Catalog } from './catalog.ts'
export { type DataOf, type DTypeName, dtypeNames, type RawTensor, type TensorInfo } from './dtype.ts'
export { FormatError, type FormatErrorFields, ReadError } from './errors.ts'
export { parseSafetensors, SafetensorsFile } from './file.ts'
export { openSource, TensorReader } from './reader.ts'
export { openSharded, parseShardIndex, type ShardIndex } from './sharded.ts'
export type { Ranges } from './slice.ts'
export { type BlobLike, type ByteSource, blobSource, type FetchLike, fetchSource } from './source.ts'
export {
  type LazyTensorInput,
  safetensorsChunks,
  serializeSafetensors,
  streamSafetensors,
  type TensorInput,
  type TensorInputs,
} from './write.ts'
