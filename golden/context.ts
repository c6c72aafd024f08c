/** What a case's computation is given, and the models that cases name. */
import { join } from 'node:path'
import { Bert } from '@antecedent/bert/node'
import type { Tensor } from '@antecedent/tensor'
import type { GoldenCase, Output, Precision } from './format.ts'

export interface Context {
  golden: GoldenCase
  inputs: Record<string, Tensor>
  probes: Record<string, Tensor>
  precision: Precision
  /** folder of the area */
  folder: string
}

export type Compute = (context: Context) => Promise<Record<string, Output>>

const models = new Map<string, Promise<Bert>>()

/** The model that `attrs.model` names, relative to the area's folder; loaded once. */
export function modelOf({ golden, folder, precision }: Context): Promise<Bert> {
  const name = golden.attrs.model as string
  const path = join(folder, name === 'minilm-l6' ? '../../models/minilm-l6' : name)
  const key = `${precision} ${path}`
  const model = models.get(key) ?? Bert.fromPretrained(path, { dtype: precision })
  models.set(key, model)
  return model
}
