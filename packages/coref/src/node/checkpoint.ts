/** The state of a training on disk. */
import { existsSync } from 'node:fs'
import { type Tensor, tensor } from '@antecedent/tensor'
import { FormatError, type LazyTensorInput } from 'safetensors-ts'
import { openSafetensors, writeSafetensors } from 'safetensors-ts/node'
import type { TrainingState } from '../training/trainer.ts'
import { stored } from './stored.ts'

/** What a checkpoint holds besides the state. */
export interface Progress {
  /** what training it belongs to, as `identityOf` says */
  readonly training: string
  /** seconds that training has taken so far, over all its runs */
  readonly seconds: number
  /** best mean score on the development sets so far, and the update it was seen at; null before the first evaluation */
  readonly best: { readonly mean: number; readonly update: number } | null
}

/** Names of a checkpoint's tensors: weights by their names, then running values of the optimisers, then the mean. */
function* tensorsOf(state: TrainingState): Generator<[name: string, value: Tensor]> {
  for (const [name, value] of Object.entries(state.weights)) yield [`weights/${name}`, value]
  for (const [g, { slots }] of state.optimizers.entries()) {
    for (const [slot, values] of Object.entries(slots)) {
      for (const [i, value] of values.entries()) yield [`optimizer/${g}/${slot}/${i}`, value]
    }
  }
  for (const [name, value] of Object.entries(state.average ?? {})) yield [`average/${name}`, value]
}

/**
 * Writes a state. Whatever fails, a checkpoint that was there stays whole.
 *
 * @throws {Error} of the file system, where it does not take the bytes
 */
export async function writeCheckpoint(file: string, state: TrainingState, progress: Progress): Promise<void> {
  const tensors: Record<string, LazyTensorInput> = {}
  for (const [name, value] of tensorsOf(state)) tensors[name] = stored(value)
  const metadata = { updates: String(state.updates), progress: JSON.stringify(progress) }
  await writeSafetensors(file, tensors, { metadata, overwrite: true })
}

/**
 * Reads a state.
 *
 * @param like  a state of the same training, whose names and shapes it must have; the caller disposes it
 * @throws {FormatError} where the file is no checkpoint of this training
 */
export async function readCheckpoint(
  file: string,
  like: TrainingState,
  training: string,
): Promise<{ state: TrainingState; progress: Progress }> {
  if (!existsSync(file)) throw new FormatError({ file, expected: 'a checkpoint', got: 'nothing there' })
  const opened = await openSafetensors(file)
  try {
    const { updates, progress: text } = opened.metadata
    if (updates === undefined || text === undefined) {
      throw new FormatError({ file, expected: 'a checkpoint of a training', got: 'other tensors' })
    }
    const progress = JSON.parse(text) as Progress
    if (progress.training !== training) {
      throw new FormatError({
        file,
        expected: 'a checkpoint of this configuration and these documents',
        got: 'one of others',
        hint: 'go on with those that it was begun with, or name another folder',
      })
    }
    const read = async (name: string, { shape, dtype }: Tensor): Promise<Tensor> => {
      const found = await opened.get(name)
      if (found.shape.join() === shape.join()) return tensor(found.data as Float32Array, shape, { dtype })
      const expected = `${name} of shape [${shape.join(', ')}]`
      throw new FormatError({ file, tensor: name, expected, got: `[${found.shape.join(', ')}]` })
    }
    const record = async (prefix: string, values: Readonly<Record<string, Tensor>>) => {
      const found: Record<string, Tensor> = {}
      for (const [name, value] of Object.entries(values)) found[name] = await read(`${prefix}/${name}`, value)
      return found
    }
    const weights = await record('weights', like.weights)
    const optimizers: TrainingState['optimizers'][number][] = []
    for (const [g, { slots }] of like.optimizers.entries()) {
      const own: Record<string, Tensor[]> = {}
      for (const [slot, values] of Object.entries(slots)) {
        own[slot] = []
        for (const [i, value] of values.entries()) own[slot].push(await read(`optimizer/${g}/${slot}/${i}`, value))
      }
      optimizers.push({ step: Number(updates), slots: own })
    }
    const average = like.average && (await record('average', like.average))
    return { state: { updates: Number(updates), weights, optimizers, average }, progress }
  } finally {
    await opened.close()
  }
}
