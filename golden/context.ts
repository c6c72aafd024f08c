/** What a case's computation is given, and the models that cases name. */
import { existsSync } from 'node:fs'
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

function modelPath({ golden, folder }: Context): string {
  const name = String(golden.attrs.model)
  return join(folder, name === 'minilm-l6' ? '../../models/minilm-l6' : name)
}

/** Throws where the case names a model whose folder is missing: no call was made then that could have raised. */
export function modelIsThere(context: Context): void {
  if (context.golden.attrs?.model === undefined || existsSync(modelPath(context))) return
  throw new Error(`the model ${context.golden.attrs.model} of this case is missing (${modelPath(context)})`)
}

/** The model that `attrs.model` names, relative to the area's folder; loaded once. */
export function modelOf(context: Context): Promise<Bert> {
  const { precision } = context
  const path = modelPath(context)
  const key = `${precision} ${path}`
  const model = models.get(key) ?? Bert.fromPretrained(path, { dtype: precision })
  models.set(key, model)
  return model
}
