/** `tokenize`, `encode`, `attribute`, `attend`: what an encoder answers about a text. */
import {
  attend,
  attentionNormsSvg,
  attributionSvg,
  baselineOf,
  layerIntegratedGradients,
  type QuadratureMethod,
  type Reduction,
  reduceToken,
  renderAttentionText,
  renderAttributionText,
  renderReport,
  tokenMaximum,
  version,
} from '@antecedent/attribution'
import type { BertEncoding } from '@antecedent/bert'
import { OptionError } from '@antecedent/tensor'
import { type CommonOptions, loadModel, readText } from './options.ts'
import {
  notice,
  outputWidth,
  printJson,
  progress,
  requireAllWritable,
  useColor,
  writeFigures,
  writeWhole,
} from './output.ts'

export async function tokenize(words: string[], options: CommonOptions): Promise<void> {
  const text = readText(words, options)
  const { tokens, ids, offsets, wordIds } = (await loadModel(options)).tokenize(text)
  if (options.json) return printJson({ text, tokens, ids, offsets, wordIds })
  const rows = tokens.map((token, i) => [String(i), String(ids[i]), offsets[i]!.join('–'), token])
  for (const [i, id, span, token] of rows) {
    process.stdout.write(`${i!.padStart(4)} ${id!.padStart(6)} ${span!.padStart(9)}  ${token}\n`)
  }
}

export async function encode(words: string[], options: CommonOptions): Promise<void> {
  const text = readText(words, options)
  const bert = await loadModel(options)
  const { tokens } = bert.tokenize(text)
  const { lastHiddenState } = bert.forward(bert.tokenize(text))
  if (options.json)
    return printJson({ tokens, shape: lastHiddenState.shape, lastHiddenState: await lastHiddenState.nested() })
  const rows = (await lastHiddenState.nested()) as number[][]
  for (const [i, row] of rows.entries()) {
    const start = row
      .slice(0, 6)
      .map((x) => x.toFixed(4).padStart(8))
      .join(' ')
    process.stdout.write(`${tokens[i]!.padEnd(14)} ${start} … (${row.length} numbers)\n`)
  }
}

export interface AttributeOptions extends CommonOptions {
  target: string[]
  reduce: string
  site: string
  baseline: string
  nSteps?: number
  method?: string
  tolerance?: number
  internalBatchSize?: number
}

/** The position that `--target` names: an index, or the only or first token of that text. */
function positionOf(target: string, { tokens }: BertEncoding): number {
  const index = /^\d+$/.test(target) ? Number(target) : tokens.indexOf(target.toLowerCase())
  const found = index >= 0 && index < tokens.length ? index : tokens.indexOf(target)
  if (found >= 0) return found
  throw new OptionError(
    { op: 'attribute', expected: `a target (${tokens.map((t, i) => `${i} ${t}`).join(', ')})`, got: target },
    tokens,
  )
}

export async function attribute(words: string[], options: AttributeOptions): Promise<void> {
  const text = readText(words, options)
  requireAllWritable(options, Math.max(1, options.target.length))
  const bert = await loadModel(options)
  const input = bert.tokenize(text)
  const tokens = (options.target.length > 0 ? options.target : ['1']).map((target) => positionOf(target, input))
  const reduce = options.reduce as Reduction
  // a fixed rule on max is Captum's; a tolerance can be kept only where the path is cut at the jumps
  const cutsMaximum = reduce === 'max' && options.tolerance !== undefined
  const records = await layerIntegratedGradients({
    forward: (on) => {
      const { lastHiddenState } = bert.forward(on, { outputRows: tokens })
      return tokens.map((_, row) =>
        cutsMaximum ? tokenMaximum(lastHiddenState, row) : reduceToken(lastHiddenState, { token: row, reduce }),
      )
    },
    input,
    baseline: baselineOf(options.baseline, bert, input),
    baselineName: options.baseline,
    onProgress: progress(options),
    site: options.site,
    ...(options.nSteps !== undefined && { nSteps: options.nSteps }),
    ...(options.method !== undefined && { method: options.method as QuadratureMethod }),
    ...(options.tolerance !== undefined && { tolerance: options.tolerance }),
    internalBatchSize: options.internalBatchSize ?? null,
    targetNames: tokens.map((token) => `${reduce} of the output vector of token ${token} "${input.tokens[token]}"`),
    targetTokens: tokens,
  })
  if (options.json) printJson(records)
  else {
    const style = { color: useColor(options), width: outputWidth() }
    for (const record of records) process.stdout.write(`${renderAttributionText(record, style)}\n\n`)
  }
  writeFigures(
    options,
    records.map((record) => attributionSvg(record)),
  )
  if (!options.html) return
  writeWhole(
    options.html,
    renderReport({ title: 'What each output vector depends on', attributions: records, attention: null, version }),
  )
  notice(options, `report: ${options.html}`)
}

export async function attention(words: string[], options: CommonOptions): Promise<void> {
  const text = readText(words, options)
  requireAllWritable(options, 1)
  const bert = await loadModel(options)
  const record = await attend(bert, bert.tokenize(text))
  if (options.json) printJson({ tokens: record.tokens, attentions: record.attentions, norms: record.norms })
  else process.stdout.write(`${renderAttentionText(record, { color: useColor(options), width: outputWidth() })}\n`)
  writeFigures(options, [attentionNormsSvg(record)])
  if (!options.html) return
  writeWhole(
    options.html,
    renderReport({ title: 'Where attention goes', attributions: [], attention: record, version }),
  )
  notice(options, `report: ${options.html}`)
}
