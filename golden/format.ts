/** The golden format: suites on disk, cases, and what is written for the judge. See the README beside the cases. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { device, type Tensor, tensor } from '@antecedent/tensor'
import {
  parseSafetensors,
  type RawTensor,
  type SafetensorsFile,
  serializeSafetensors,
  type TensorInputs,
} from 'safetensors-ts'

export type Precision = 'f32' | 'f64'

export interface GoldenCase {
  name: string
  op: string
  attrs: Record<string, unknown>
  inputs: Record<string, string>
  probes?: Record<string, string>
  outputs: Record<string, string>
  raises?: boolean
  tolerance?: Partial<Record<Precision, { rtol: number; atol: number }>>
}

export interface Suite {
  area: string
  name: string
  /** folder of the area: models are relative to it */
  folder: string
  cases: GoldenCase[]
  tensors: SafetensorsFile | null
}

/** Every suite below a folder: a JSON file directly in an area's folder with the keys `format` and `cases`. */
export function* suitesIn(
  root: string,
  only: { area?: string | undefined; suite?: string | undefined },
): Generator<Suite> {
  for (const area of readdirSync(root).sort()) {
    const folder = join(root, area)
    if ((only.area && area !== only.area) || !statSync(folder).isDirectory()) continue
    for (const file of readdirSync(folder).sort()) {
      const name = file.replace(/\.json$/, '')
      if (name === file || (only.suite && name !== only.suite)) continue
      const json = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      if (json === null || typeof json !== 'object' || !('format' in json) || !('cases' in json)) continue
      if (json.format !== 1) throw new Error(`${area}/${file}: format ${json.format} is not known`)
      const data = join(folder, `${name}.safetensors`)
      const tensors = statSync(data, { throwIfNoEntry: false })
        ? parseSafetensors(readFileSync(data), { file: data })
        : null
      yield { area, name, folder, cases: json.cases, tensors }
    }
  }
}

/** Whether a case applies to a precision. A case that must raise and states no tolerance always does. */
export const applies = ({ tolerance, raises }: GoldenCase, precision: Precision): boolean =>
  Boolean(tolerance?.[precision]) || (Boolean(raises) && Object.keys(tolerance ?? {}).length === 0)

function toInt32(value: number | bigint): number {
  if (BigInt.asIntN(32, BigInt(value)) === BigInt(value)) return Number(value)
  throw new Error(`${value} does not fit in 32 bits, the integers of tensors`)
}

/** A stored tensor in the precision of the run: floats cast, integers and booleans as they are. */
export function toTensor({ dtype, shape, data }: RawTensor, precision: Precision): Tensor {
  if (dtype === 'BOOL') return tensor(data as Uint8Array, shape, { dtype: 'bool' })
  const float = data instanceof Float32Array || data instanceof Float64Array
  const values = float ? data : Int32Array.from(data as ArrayLike<number | bigint>, toInt32)
  return tensor(values, shape, { dtype: float ? precision : 'i32' })
}

/** What one case computes: a tensor of ours, or plain data. */
export type Output = Tensor | { shape: readonly number[]; data: Float64Array | Float32Array }

export interface Results {
  tensors: TensorInputs
  raised: Record<string, string>
  failed: Record<string, string>
}

const stored = { f32: 'F32', f64: 'F64', i32: 'I32', bool: 'BOOL' } as const

/** Adds an output under its name; a tensor that another device computed than the one asked for is an error. */
export async function keepOutput(results: Results, name: string, output: Output): Promise<void> {
  const isPlain = 'data' in output && typeof output.data !== 'function'
  if (!isPlain && (output as Tensor).device !== device().name)
    throw new Error(`${name} was computed on ${(output as Tensor).device}, not on ${device().name}`)
  const { shape, data } = isPlain
    ? (output as { shape: readonly number[]; data: Float64Array | Float32Array })
    : { shape: output.shape, data: await (output as Tensor).data() }
  const dtype = data instanceof Float64Array ? 'f64' : data instanceof Float32Array ? 'f32' : (output as Tensor).dtype
  Object.assign(results.tensors, { [name]: { dtype: stored[dtype], shape: [...shape], data } })
}

/** Writes `OUT/AREA/SUITE.safetensors` and `.json`, which also tells the device and, on gpu, the kernels that ran so far. */
export function writeResults(out: string, { area, name }: Suite, { tensors, raised, failed }: Results): void {
  mkdirSync(join(out, area), { recursive: true })
  writeFileSync(join(out, area, `${name}.safetensors`), serializeSafetensors(tensors))
  const { description, pipelines } = device()
  const report = { device: description, ...(pipelines && { pipelines }), raised, failed }
  writeFileSync(join(out, area, `${name}.json`), `${JSON.stringify(report, null, 1)}\n`)
}
