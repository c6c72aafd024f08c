/** What an encoder takes: encodings of texts, or tensors of ids. */
import { arange, ShapeError, type Tensor, tensor } from '@antecedent/tensor'
import type { BertConfig } from './config.ts'
import type { Encoding } from './tokenizer/index.ts'

/** An encoding with what its model adds: the ids that baselines put in the place of words, and where it came from. */
export interface BertEncoding extends Encoding {
  padId: number
  maskId: number
  model: BertSource
}

/** Where a model came from; goes into every record. */
export interface BertSource {
  /** folder or name */
  name: string
  /** sha256 of the weights' file, hexadecimal */
  weightsHash: string | null
}

/** Tensors as Hugging Face's models take them; L tokens, any leading axes. */
export interface BertTensors {
  /** `i32 […, L]` */
  inputIds?: Tensor
  /** `[…, L, H]` in the place of the word embeddings */
  inputsEmbeds?: Tensor
  /** `[…, L]`, 1 = real, 0 = hidden from all queries; default all ones */
  attentionMask?: Tensor | null
  /** `i32 […, L]`, default zeros */
  tokenTypeIds?: Tensor | null
  /** `i32 […, L]`, default 0 … L−1 */
  positionIds?: Tensor | null
}

/** One text has no batch axis; a list of texts is padded to the longest and has one in front. */
export type BertInput = Encoding | readonly Encoding[] | BertTensors

const isEncoding = (input: BertInput): input is Encoding => 'ids' in input

const integers = (values: number[] | number[][]): Tensor => tensor(values, null, { dtype: 'i32' })

function batch(encodings: readonly Encoding[], padId: number): BertTensors {
  const length = Math.max(0, ...encodings.map(({ ids }) => ids.length))
  const padded = (list: readonly number[], value: number) => [
    ...list,
    ...new Array<number>(length - list.length).fill(value),
  ]
  return {
    inputIds: integers(encodings.map(({ ids }) => padded(ids, padId))),
    tokenTypeIds: integers(encodings.map(({ typeIds }) => padded(typeIds, 0))),
    attentionMask: integers(
      encodings.map(({ ids }) =>
        padded(
          ids.map(() => 1),
          0,
        ),
      ),
    ),
  }
}

/** The input as tensors, its shapes checked against each other and against the model's sizes. */
export function toTensors(input: BertInput, config: BertConfig): BertTensors & { positionIds: Tensor } {
  const given: BertTensors = Array.isArray(input)
    ? batch(input, config.padTokenId)
    : isEncoding(input as BertInput)
      ? { inputIds: integers((input as Encoding).ids), tokenTypeIds: integers((input as Encoding).typeIds) }
      : (input as BertTensors)
  const { inputIds, inputsEmbeds } = given
  const shape = inputIds?.shape ?? inputsEmbeds?.shape.slice(0, -1)
  if (!shape || (inputIds && inputsEmbeds)) {
    const got = inputIds ? 'both' : 'neither'
    throw new ShapeError({ op: 'Bert.forward', expected: 'inputIds or inputsEmbeds', got })
  }
  if (shape.length === 0 || (inputsEmbeds && inputsEmbeds.shape.at(-1) !== config.hiddenSize)) {
    throw new ShapeError({
      op: 'Bert.forward',
      expected: `inputIds […, tokens] or inputsEmbeds […, tokens, ${config.hiddenSize}]`,
      got: `[${(inputIds ?? inputsEmbeds)!.shape.join(', ')}]`,
    })
  }
  const length = shape.at(-1)!
  if (length > config.maxPositions) {
    throw new ShapeError({
      op: 'Bert.forward',
      expected: `at most ${config.maxPositions} tokens, the positions that the model knows`,
      got: `${length}`,
      hint: 'split the text',
    })
  }
  if (shape.includes(0)) {
    throw new ShapeError({ op: 'Bert.forward', expected: 'at least one token', got: `[${shape.join(', ')}]` })
  }
  for (const name of ['attentionMask', 'tokenTypeIds', 'positionIds'] as const) {
    const part = given[name]
    if (part && part.shape.join() !== shape.join()) {
      const expected = `${name} of the shape of the input, [${shape.join(', ')}]`
      throw new ShapeError({ op: 'Bert.forward', expected, got: `[${part.shape.join(', ')}]` })
    }
  }
  return { ...given, positionIds: given.positionIds ?? arange(0, length) }
}
