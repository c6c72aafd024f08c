/** The parameters of an encoder: their names in the file, their shapes, and how they are read. */
import { fromFloat16, type Shape, type Tensor, tensor } from '@antecedent/tensor'
import { FormatError, type RawTensor, type TensorInfo } from 'safetensors-ts'
import type { BertConfig } from './config.ts'

/** A reader of a weights file, as far as the loader needs it. */
export interface WeightSource {
  readonly names: readonly string[]
  get(name: string): RawTensor | Promise<RawTensor>
  /** what a tensor is stored as, and its bytes; where they are missing, `get` serves */
  info?(name: string): Pick<TensorInfo, 'dtype' | 'shape'>
  bytes?(name: string): Promise<Uint8Array>
}

/** Every parameter by its name in Hugging Face's files, with its shape; matrices are [out, in]. */
export function parameterShapes(config: BertConfig): Record<string, Shape> {
  const { hiddenSize: hidden, intermediateSize: inner } = config
  const shapes: Record<string, Shape> = {
    'embeddings.word_embeddings.weight': [config.vocabSize, hidden],
    'embeddings.position_embeddings.weight': [config.maxPositions, hidden],
    'embeddings.token_type_embeddings.weight': [config.typeVocabSize, hidden],
  }
  const dense = (name: string, out: number, width: number) => {
    shapes[`${name}.weight`] = [out, width]
    shapes[`${name}.bias`] = [out]
  }
  const layerNorm = (name: string) => {
    shapes[`${name}.LayerNorm.weight`] = [hidden]
    shapes[`${name}.LayerNorm.bias`] = [hidden]
  }
  layerNorm('embeddings')
  for (let i = 0; i < config.numLayers; i++) {
    const layer = `encoder.layer.${i}`
    for (const part of ['query', 'key', 'value']) dense(`${layer}.attention.self.${part}`, hidden, hidden)
    dense(`${layer}.attention.output.dense`, hidden, hidden)
    layerNorm(`${layer}.attention.output`)
    dense(`${layer}.intermediate.dense`, inner, hidden)
    dense(`${layer}.output.dense`, hidden, inner)
    layerNorm(`${layer}.output`)
  }
  dense('pooler.dense', hidden, hidden)
  return shapes
}

/** The name of a parameter without the prefix of whatever model holds the encoder, in today's spelling. */
export const plainName = (name: string): string =>
  name
    .replace(/^(?:module\.|model\.)*(?:bert\.)?/, '')
    .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
    .replace(/LayerNorm\.beta$/, 'LayerNorm.bias')

/** Names that may stand in the file and that the encoder has no use for. */
const ignored = (name: string): boolean => name.startsWith('cls.') || name.endsWith('position_ids')

/** What the loader found besides the parameters. */
export interface LoadReport {
  /** names in the file that the encoder does not have */
  unexpected: string[]
  /** true where the file has no pooler; `pooler` is then missing from the outputs */
  withoutPooler: boolean
}

/**
 * Reads the parameters, one after the other: no more than one is on the host at a time. F16 and BF16 are widened; a missing pooler is fine, anything else missing is not.
 *
 * @param options.names  those of the source that may be the encoder's; default all
 * @throws {FormatError} where a parameter is missing, has another shape, or holds NaN or an infinity
 */
export async function loadParameters(
  config: BertConfig,
  source: WeightSource,
  options: { dtype: 'f32' | 'f64'; file: string; names?: readonly string[] },
): Promise<{ parameters: Record<string, Tensor>; report: LoadReport }> {
  const { file, names = source.names } = options
  const inFile = new Map(names.map((name) => [plainName(name), name]))
  const shapes = parameterShapes(config)
  const wanted = Object.keys(shapes)
  const withoutPooler = !inFile.has('pooler.dense.weight') && !inFile.has('pooler.dense.bias')
  const needed = wanted.filter((name) => !(withoutPooler && name.startsWith('pooler.')))
  const missing = needed.filter((name) => !inFile.has(name))
  const unexpected = [...inFile.keys()].filter((name) => !(name in shapes) && !ignored(name))
  if (missing.length > 0) {
    throw new FormatError({
      file,
      tensor: missing[0],
      expected: `the ${needed.length} parameters of the configuration`,
      got: `${missing.length} of them missing: ${missing.join(', ')}`,
      ...(unexpected.length > 0 && { hint: `the file holds besides: ${unexpected.slice(0, 5).join(', ')}` }),
    })
  }
  const parameters: Record<string, Tensor> = {}
  for (const name of needed) {
    parameters[name] = await readParameter(source, inFile.get(name)!, shapes[name]!, options)
  }
  return { parameters, report: { unexpected, withoutPooler } }
}

/**
 * Reads one parameter; F16 goes to the device as it is stored.
 *
 * @throws {FormatError} where it has another shape, holds no floats, or NaN or an infinity
 */
export async function readParameter(
  source: WeightSource,
  name: string,
  shape: Shape,
  { dtype, file }: { dtype: 'f32' | 'f64'; file: string },
): Promise<Tensor> {
  const checkShape = (found: readonly number[]) => {
    if (found.join() === shape.join()) return
    const expected = `shape [${shape.join(', ')}] as the configuration says`
    throw new FormatError({ file, tensor: name, expected, got: `[${found.join(', ')}]` })
  }
  const info = source.info?.(name)
  if (info?.dtype === 'F16' && dtype === 'f32' && source.bytes) {
    checkShape(info.shape)
    const halves = halvesOf(await source.bytes(name))
    if (areFinite(halves)) return fromFloat16(halves, shape)
  }
  const found = await source.get(name)
  checkShape(found.shape)
  return tensor(finiteFloats(found.data, file, name), shape, { dtype })
}

const halvesOf = (bytes: Uint8Array): Uint16Array => {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2)
}

/** Whether no binary16 has the exponent of NaN and infinities: one step more would carry into the sign. Two at a time. */
function areFinite(halves: Uint16Array): boolean {
  const pairs = new Uint32Array(halves.buffer, halves.byteOffset, halves.length >> 1)
  let carries = halves.length % 2 === 0 ? 0 : (halves.at(-1)! & 0x7c00) + 0x0400
  for (let i = 0; i < pairs.length; i++) carries |= (pairs[i]! & 0x7c007c00) + 0x04000400
  return (carries & 0x80008000) === 0
}

/** The numbers of a parameter. @throws {FormatError} where they are no floats, or hold NaN or an infinity */
function finiteFloats(data: RawTensor['data'], file: string, name: string): Float32Array | Float64Array {
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw new FormatError({ file, tensor: name, expected: 'floats', got: data.constructor.name })
  }
  let zero = 0
  for (let i = 0; i < data.length; i++) zero += data[i]! * 0 // 0, but NaN for what is not finite
  if (zero === 0) return data
  const i = data.findIndex((x: number) => !Number.isFinite(x))
  throw new FormatError({ file, tensor: name, expected: 'finite numbers', got: `${data[i]} at element ${i}` })
}
