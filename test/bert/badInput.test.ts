/** Broken model folders and inputs that do not fit: a typed error each, with a sentence that says what to do. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bert } from '@antecedent/bert/node'
import { OptionError, ShapeError, type Tensor, tensor, zeros } from '@antecedent/tensor'
import { FormatError, parseSafetensors, type RawTensor, serializeSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

const tinyFolder = shared('golden', 'bert', 'models', 'tiny-a')

const ids = (values: number[] | number[][]): Tensor => tensor(values, null, { dtype: 'i32' })

/** A copy of the tiny model that `change` may break; gone after `use`. */
async function withCopy(change: (folder: string) => void, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'antecedent-bert-'))
  try {
    cpSync(tinyFolder, folder, { recursive: true })
    change(folder)
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

type Weights = Record<string, { dtype: 'F32' | 'F16'; shape: readonly number[]; data: Float32Array }>

function floats({ data }: RawTensor): Float32Array {
  if (!(data instanceof Float32Array)) throw new Error('the tiny models hold F32')
  return data.slice()
}

const changeWeights = (change: (weights: Weights) => void) => (folder: string) => {
  const path = join(folder, 'model.safetensors')
  const file = parseSafetensors(readFileSync(path))
  const weights: Weights = {}
  for (const name of file.names) {
    const raw = file.get(name)
    weights[name] = { dtype: 'F32', shape: raw.shape, data: floats(raw) }
  }
  change(weights)
  writeFileSync(path, serializeSafetensors(weights))
}

const changeConfig = (change: (config: Record<string, unknown>) => void) => (folder: string) => {
  const path = join(folder, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8'))
  change(config)
  writeFileSync(path, JSON.stringify(config))
}

async function formatError(folder: string): Promise<FormatError> {
  try {
    await Bert.fromPretrained(folder)
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  throw new Error('the folder was loaded')
}

const refuses = (change: (folder: string) => void, sentence: RegExp, fields: Partial<FormatError> = {}) =>
  withCopy(change, async (folder) => {
    const error = await formatError(folder)
    assert.match(error.message, sentence)
    for (const [name, value] of Object.entries(fields)) assert.is(error[name as keyof FormatError], value, name)
  })

const folders = suite('broken model folders')

folders('an unknown folder says what a model folder holds', async () => {
  const error = await formatError('no/such/model')
  assert.match(error.message, /no\/such\/model.*expected a model folder with config\.json.*got nothing there.*\(give/)
  assert.is(error.file, 'no/such/model')
})

needsShared(folders)('an unchanged copy loads, whatever wraps its names', async () => {
  const wrapped = changeWeights((weights) => {
    for (const [name, value] of Object.entries(weights)) {
      delete weights[name]
      weights[
        `bert.${name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}`
      ] = value
    }
  })
  await withCopy(wrapped, async (folder) => {
    const input = { inputIds: ids([2, 7, 3]) }
    const states = async (path: string) => (await Bert.fromPretrained(path)).forward(input).lastHiddenState.toArray()
    assert.equal(await states(folder), await states(tinyFolder))
  })
})

needsShared(folders)('names that the encoder has no use for are reported, heads aside', async () => {
  const more = changeWeights((weights) => {
    const value = weights['pooler.dense.bias']!
    Object.assign(weights, { 'span.width': value, 'cls.predictions.bias': value })
  })
  await withCopy(more, async (folder) => {
    const reports: unknown[] = []
    await Bert.fromPretrained(folder, { onReport: (report) => reports.push(report) })
    assert.equal(reports, [{ unexpected: ['span.width'], withoutPooler: false }])
  })
})

needsShared(folders)('a file in the place of a folder is named', async () => {
  await withCopy(
    () => {},
    async (folder) => assert.match((await formatError(join(folder, 'vocab.txt'))).message, /got a file/),
  )
})

needsShared(folders)('a missing file is named', async () => {
  await refuses((folder) => rmSync(join(folder, 'model.safetensors')), /model\.safetensors.*got ENOENT/)
  await refuses((folder) => rmSync(join(folder, 'config.json')), /config\.json.*got ENOENT/)
})

needsShared(folders)('configurations are checked key by key', async () => {
  await refuses(
    changeConfig((config) => delete config.hidden_size),
    /config\.json.*expected a whole number of at least 1, got nothing/,
    { key: 'hidden_size' },
  )
  await refuses(
    changeConfig((config) => Object.assign(config, { num_attention_heads: 5 })),
    /expected a divisor of hidden_size 32, got 5/,
    { key: 'num_attention_heads' },
  )
  await refuses(
    changeConfig((config) => Object.assign(config, { hidden_act: 'swish' })),
    /expected one of gelu, gelu_new, relu, got "swish"/,
    { key: 'hidden_act' },
  )
  await refuses(
    changeConfig((config) => Object.assign(config, { model_type: 'roberta' })),
    /expected one of bert, got "roberta"/,
    { key: 'model_type' },
  )
  await refuses((folder) => writeFileSync(join(folder, 'config.json'), '{'), /config\.json.*expected JSON/)
  await refuses((folder) => writeFileSync(join(folder, 'config.json'), '[]'), /expected a JSON object, got a list/)
})

needsShared(folders)('sizes of the configuration are whole numbers', async () => {
  await refuses(
    changeConfig((config) => Object.assign(config, { num_hidden_layers: 1.5 })),
    /expected a whole number of at least 1, got 1\.5/,
    { key: 'num_hidden_layers' },
  )
})

needsShared(folders)('missing weights are listed, with what the file holds in their place', async () => {
  const name = 'encoder.layer.1.output.dense.bias'
  await refuses(
    changeWeights((weights) => {
      weights['something.else'] = weights[name]!
      delete weights[name]
    }),
    /expected the 39 parameters.*got 1 of them missing: encoder\.layer\.1\.output\.dense\.bias \(.*something\.else/,
    { tensor: name },
  )
})

needsShared(folders)('half a pooler is missing weights, none at all is no pooler', async () => {
  await refuses(
    changeWeights((weights) => delete weights['pooler.dense.bias']),
    /1 of them missing: pooler\.dense\.bias/,
  )
  const none = changeWeights((weights) => {
    delete weights['pooler.dense.bias']
    delete weights['pooler.dense.weight']
  })
  await withCopy(none, async (folder) => {
    const model = await Bert.fromPretrained(folder)
    assert.is(model.forward({ inputIds: ids([2, 7, 3]) }).pooler, null)
  })
})

needsShared(folders)('a weight of another shape is refused', async () => {
  const name = 'encoder.layer.0.intermediate.dense.weight'
  await refuses(
    changeWeights((weights) => {
      weights[name] = { ...weights[name]!, shape: [32, 64] }
    }),
    /expected shape \[64, 32\] as the configuration says, got \[32, 64\]/,
    { tensor: name },
  )
})

needsShared(folders)('weights in float16 are those that the file holds, of another shape an error', async () => {
  const half = (change: (weights: Weights) => void) =>
    changeWeights((weights) => {
      for (const [name, { shape, data }] of Object.entries(weights)) weights[name] = { dtype: 'F16', shape, data }
      change(weights)
    })
  await withCopy(
    half(() => {}),
    async (folder) => {
      const file = parseSafetensors(readFileSync(join(folder, 'model.safetensors')))
      const model = await Bert.fromPretrained(folder)
      for (const [name, x] of Object.entries(model.parameters)) {
        assert.equal(Array.from(await x.data()), Array.from(floats(file.get(name))), name)
      }
    },
  )
  const name = 'encoder.layer.0.intermediate.dense.weight'
  await refuses(
    half((weights) => {
      weights[name] = { ...weights[name]!, shape: [32, 64] }
    }),
    /expected shape \[64, 32\] as the configuration says, got \[32, 64\]/,
    { tensor: name },
  )
})

needsShared(folders)('NaN and infinities among the weights are found', async () => {
  const name = 'embeddings.LayerNorm.weight'
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const [dtype, place] of [['F32', 3] as const, ['F16', 3] as const, ['F16', 4] as const]) {
      await refuses(
        changeWeights((weights) => {
          const { shape, data } = weights[name]!
          data[place] = bad
          weights[name] = { dtype, shape, data }
        }),
        new RegExp(`expected finite numbers, got ${bad} at element ${place}`),
        { tensor: name },
      )
    }
  }
})

needsShared(folders)('a folder without a vocabulary runs on ids and says so when given a text', async () => {
  await withCopy(
    (folder) => rmSync(join(folder, 'vocab.txt')),
    async (folder) => {
      const model = await Bert.fromPretrained(folder)
      assert.equal(model.forward({ inputIds: ids([2, 7, 3]) }).lastHiddenState.shape, [3, 32])
      assert.throws(
        () => model.tokenize('she'),
        (error: Error) => error instanceof OptionError && /expected a model with a vocabulary/.test(error.message),
      )
    },
  )
})

folders.run()

const inputs = suite('inputs that do not fit')

const shapeError = (f: () => unknown, sentence: RegExp) =>
  assert.throws(f, (error: Error) => {
    assert.match(error.message, sentence)
    return error instanceof ShapeError
  })

needsShared(inputs)('a text longer than the positions is refused, one as long is not', async () => {
  const model = await Bert.fromPretrained(tinyFolder)
  assert.equal(model.forward(model.tokenize('she '.repeat(62))).lastHiddenState.shape, [64, 32])
  const long = model.tokenize('she '.repeat(63))
  shapeError(() => model.forward(long), /^Bert\.forward: expected at most 64 tokens.*got 65 \(split the text\)/)
  shapeError(() => model.forward([model.tokenize('she'), long]), /expected at most 64 tokens/)
})

needsShared(inputs)('ids outside the vocabulary, the types or the positions are refused', async () => {
  const model = await Bert.fromPretrained(tinyFolder)
  const inputIds = ids([2, 7, 3])
  for (const bad of [97, -1]) {
    shapeError(
      () => model.forward({ inputIds: ids([2, bad, 3]) }),
      new RegExp(`expected indices from 0 to 96, got ${bad}`),
    )
  }
  shapeError(
    () => model.forward({ inputIds, tokenTypeIds: ids([0, 2, 0]) }),
    /^embedding of tokenTypeIds: expected indices from 0 to 1, got 2/,
  )
  shapeError(
    () => model.forward({ inputIds, positionIds: ids([0, 1, 64]) }),
    /^embedding of positionIds: expected indices from 0 to 63, got 64/,
  )
})

needsShared(inputs)('exactly one of inputIds and inputsEmbeds is taken', async () => {
  const model = await Bert.fromPretrained(tinyFolder)
  const both = { inputIds: ids([2, 7, 3]), inputsEmbeds: zeros([3, 32]) }
  shapeError(() => model.forward(both), /expected inputIds or inputsEmbeds, got both/)
  shapeError(() => model.forward([]), /expected at least one token, got \[0\]/)
  shapeError(() => model.forward({}), /expected inputIds or inputsEmbeds, got neither/)
  shapeError(() => model.forward({ inputsEmbeds: zeros([3, 31]) }), /inputsEmbeds \[…, tokens, 32\], got \[3, 31\]/)
  shapeError(() => model.forward({ inputIds: tensor(2, null, { dtype: 'i32' }) }), /inputIds \[…, tokens\].*got \[\]/)
})

needsShared(inputs)('mask, types and positions have the shape of the input', async () => {
  const model = await Bert.fromPretrained(tinyFolder)
  for (const name of ['attentionMask', 'tokenTypeIds', 'positionIds'] as const) {
    const input = { inputIds: ids([[2, 7, 3]]), [name]: ids([[0, 1]]) }
    shapeError(() => model.forward(input), new RegExp(`expected ${name} of the shape.*\\[1, 3\\], got \\[1, 2\\]`))
  }
})

needsShared(inputs)('an unknown parameter in using is answered with the known ones', async () => {
  const model = await Bert.fromPretrained(tinyFolder)
  assert.throws(
    () => model.using({ 'pooler.wieght': zeros([1]) }, () => assert.unreachable()),
    (error: Error) => {
      assert.match(
        error.message,
        /^Bert\.using: expected a parameter \(.*pooler\.dense\.weight.*\), got pooler\.wieght$/,
      )
      return error instanceof OptionError && error.known.includes('pooler.dense.weight')
    },
  )
})

inputs.run()
