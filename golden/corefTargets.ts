/** Area `coref`, frozen decisions: their values and gradients, and Layer Integrated Gradients of them. */
import { attributeSites, type QuadratureMethod } from '@antecedent/attribution'
import { type CorefModel, type Decision, type Pieces, type Structure, structureOf } from '@antecedent/coref'
import { type Tensor, tap, vjp, zeros } from '@antecedent/tensor'
import type { Compute, Context } from './context.ts'
import { modelOfCase, piecesOfCase } from './corefInput.ts'
import type { Output } from './format.ts'

interface Case {
  model: CorefModel
  pieces: Pieces
  length: number
  structure: Structure
  decision: Decision
}

interface StatedTarget {
  kind: Decision['kind']
  span: number
  antecedent: number | null
  other: number | null
}

/** The structure that a case states, with what refinements choose on its input, and its decision; columns are ranks here. */
async function readCase(context: Context): Promise<Case> {
  const { golden, inputs } = context
  const model = modelOfCase(context)
  const { pieces, length } = await piecesOfCase(inputs)
  const spans = {
    starts: Int32Array.from(await inputs.keptStarts!.data()),
    ends: Int32Array.from(await inputs.keptEnds!.data(), (last) => last + 1),
  }
  const stated = structureOf(model.config, pieces, spans, Int32Array.from(await inputs.antecedents!.data()))
  const { structure } = await model.scores(model.encode(pieces, { length }), stated)
  const { kind, span, antecedent, other } = golden.attrs.target as StatedTarget
  const rankOf = (column: number | null) => (column === null ? null : stated.antecedents[span * stated.width + column]!)
  const decision = { kind, span, antecedent: rankOf(antecedent), other: rankOf(other) } as Decision
  return { model, pieces, length, structure, decision }
}

/** The decision on the case's document, or on one with other ids. */
function valueOn({ model, pieces, length, structure, decision }: Case, segments = pieces.segments): () => Tensor {
  const { of } = model.targets({ pieces, structure }, [decision])
  return () => of(model.encode({ segments, overlap: null }, { length }))[0]!
}

const target: Compute = async (context) => {
  const read = await readCase(context)
  const f = valueOn(read)
  const embeddings = context.inputs.embeddings!
  const { value, pullback } = vjp((x: Tensor) => tap({ replace: { embeddings: x } }, f).result, embeddings)
  const gradient = pullback(context.probes['cotangent.value'] ?? zeros([], value).add(1))
  pullback.dispose()
  return { value, 'grad.embeddings': gradient }
}

const targetLig: Compute = async (context) => {
  const { golden, inputs } = context
  const read = await readCase(context)
  const ids = await inputs.baselineIds!.data()
  const other = read.pieces.segments.map((own, s) => [...ids.slice(s * read.length, s * read.length + own.length)])
  const [result] = await attributeSites({
    forward: valueOn(read),
    baselineForward: valueOn(read, other),
    sites: ['embeddings'],
    nSteps: golden.attrs.nSteps as number,
    method: golden.attrs.method as QuadratureMethod,
  })
  const { attributions, fx, fBaseline, completenessError } = result!
  const { shape, data } = attributions[0]!
  const width = shape.at(-1)!
  const tokenScores = Float64Array.from({ length: data.length / width }, (_, t) =>
    Array.from(data.subarray(t * width, (t + 1) * width)).reduce((a, b) => a + b, 0),
  )
  const scalar = (values: readonly number[]): Output => ({ shape: [], data: Float64Array.from(values) })
  return {
    attributions: attributions[0]!,
    tokenScores: { shape: shape.slice(0, -1), data: tokenScores },
    value: scalar(fx),
    baselineValue: scalar(fBaseline),
    completenessError: scalar(completenessError),
  }
}

export const corefTargetOps: Record<string, Compute> = { target, targetLig }
