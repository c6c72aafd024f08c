/** Reading the parameters of a model from a weights' file. */
import { type BertConfig, type LoadReport, loadParameters, readParameter, type WeightSource } from '@antecedent/bert'
import type { Tensor } from '@antecedent/tensor'
import { FormatError } from 'safetensors-ts'
import type { CorefConfig } from './config.ts'
import { fromTensorFlow, isTensorFlow } from './names.ts'
import { headShapes } from './weights.ts'

/** The parameters of the encoder and of the task layers. */
export interface LoadedParameters {
  readonly encoder: Record<string, Tensor>
  readonly head: Record<string, Tensor>
  /** of the encoder; `unexpected` also names what neither encoder nor task layers have */
  readonly report: LoadReport
}

/**
 * Reads a model's parameters: those of the encoder under `bert.`, those of the task layers under coref-hoi's names, or
 * all under the variable names of a TensorFlow checkpoint, which are converted.
 *
 * @throws {FormatError} where a parameter is missing, has another shape, or holds NaN or an infinity
 */
export async function loadCorefParameters(
  config: CorefConfig,
  bertConfig: BertConfig,
  given: WeightSource,
  options: { dtype: 'f32' | 'f64'; file: string },
): Promise<LoadedParameters> {
  const { file } = options
  const source = isTensorFlow(given.names) ? fromTensorFlow(given, config) : given
  const shapes = headShapes(config, bertConfig.hiddenSize)
  const names = new Set(source.names)
  const missing = Object.keys(shapes).filter((name) => !names.has(name))
  if (missing.length > 0) {
    throw new FormatError({
      file,
      tensor: missing[0],
      expected: `the ${Object.keys(shapes).length} parameters of the task layers`,
      got: `${missing.length} of them missing: ${missing.join(', ')}`,
    })
  }
  const head: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(shapes)) {
    head[name] = await readParameter(source, name, shape, options)
  }
  const rest = source.names.filter((name) => !(name in shapes))
  const { parameters, report } = await loadParameters(bertConfig, source, { ...options, names: rest })
  return { encoder: parameters, head, report }
}
