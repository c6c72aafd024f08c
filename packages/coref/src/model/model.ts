/** The coreference model as its users see it. */
import { type Bert, parameterShapes } from '@antecedent/bert'
import {
  dispose,
  dropoutOf,
  fold,
  noDropout,
  OptionError,
  type RandomKey,
  scope,
  type Tensor,
} from '@antecedent/tensor'
import type { CorefDocument } from '../documents/document.ts'
import type { Pieces } from '../documents/pieces.ts'
import { segmentDocument } from '../documents/segment.ts'
import { readText } from '../documents/text.ts'
import type { CorefConfig } from './config.ts'
import { encodePieces } from './encode.ts'
import { encodingOf, segmentsOf } from './encoding.ts'
import type { Context } from './layers.ts'
import { documentLoss, goldIds } from './loss.ts'
import { readAtOnce, readLater } from './reading.ts'
import { recordOf, type ScoreRecord } from './record.ts'
import { type Resolution, resolutionOf } from './resolution.ts'
import { chooseStructure, nothingIn, type PairScores, type Pruned, scorePairs } from './scoring.ts'
import type { Structure } from './structure.ts'
import { type Decision, decisionValue, type Frozen, partFor, type Targets } from './targets.ts'
import { checkHead, headShapes } from './weights.ts'

/** What the model reads: a text, a document, or pieces that are cut already. */
export type Readable = string | CorefDocument | Pieces

/** What the key of a pass is folded by for the encoder; the places of the task layers count from 0. */
const encoderPlace = 2 ** 32

/** What a pass of training needs besides the document. */
export interface PassOptions {
  /** drops values of the task layers and, in `loss`, of the encoder, at the settings' rates, by this key; default: none */
  dropout?: RandomKey
}

/** What `loss` needs besides. */
export interface LossOptions extends PassOptions {
  /** pad segments to this length, if it is more than that of the longest */
  length?: number
  /** pruning keeps gold mentions before all others; default false */
  keepGold?: boolean
  /** of `choose`; default: chosen from the vectors of the same encoder pass, on devices that read at once */
  structure?: Structure
}

/**
 * A coarse-to-fine coreference model (Lee et al. 2018, Joshi et al. 2019, Xu and Choi 2020) on a BERT encoder. Load one
 * with `CorefModel.fromPretrained` of `@antecedent/coref/node`.
 */
export class CorefModel {
  readonly config: CorefConfig
  readonly bert: Bert
  /** of the task layers, by coref-hoi's names */
  readonly parameters: Readonly<Record<string, Tensor>>
  #overrides: Readonly<Record<string, Tensor>> = {}

  /** @throws {ShapeError} where parameters are missing or do not fit the settings */
  constructor(parts: { config: CorefConfig; bert: Bert; parameters: Readonly<Record<string, Tensor>> }) {
    this.config = parts.config
    this.bert = parts.bert
    this.parameters = parts.parameters
    checkHead(this.parameters, headShapes(this.config, this.bert.config.hiddenSize))
  }

  /**
   * Runs `f` with some parameters replaced, for derivatives with respect to weights: those of the task layers by their
   * names, those of the encoder by theirs with `bert.` in front.
   *
   * @throws {OptionError} for an unknown name
   */
  using<T>(overrides: Readonly<Record<string, Tensor>>, f: () => T): T {
    const outer = this.#overrides
    const own: Record<string, Tensor> = {}
    const encoder: Record<string, Tensor> = {}
    for (const [name, value] of Object.entries(overrides)) {
      if (name.startsWith('bert.')) encoder[name.slice('bert.'.length)] = value
      else if (name in this.parameters) own[name] = value
      else {
        const known = [
          ...Object.keys(this.parameters),
          ...Object.keys(parameterShapes(this.bert.config)).map((n) => `bert.${n}`),
        ]
        throw new OptionError({ op: 'CorefModel.using', expected: 'the name of a parameter', got: name }, known)
      }
    }
    this.#overrides = { ...outer, ...own }
    try {
      return this.bert.using(encoder, f)
    } finally {
      this.#overrides = outer
    }
  }

  #context({ dropout }: PassOptions = {}): Context {
    const drops = dropout ? dropoutOf(this.config.dropoutRate, dropout) : noDropout
    return { config: this.config, parameters: { ...this.parameters, ...this.#overrides }, drops }
  }

  /**
   * The vectors of a document's pieces, `[…, T, H]`.
   *
   * @param options.few     encode some segments after the other, for less memory; then sites of the encoder are passed often
   * @param options.length  pad segments to this length, if it is more than that of the longest
   */
  encode(pieces: Pick<Pieces, 'segments' | 'overlap'>, options: { few?: boolean; length?: number } = {}): Tensor {
    return encodePieces(this.#context(), this.bert, pieces, options)
  }

  /** Candidates, kept spans and antecedents by the vectors `[T, H]` of a document's pieces, on any device. */
  prune(tokens: Tensor, pieces: Pieces): Promise<Pruned> {
    return readLater(chooseStructure(this.#context(), tokens, pieces))
  }

  /** The same at once, within a derivative too. @throws {DeviceError} on devices that do not read at once */
  pruneAtOnce(tokens: Tensor, pieces: Pieces): Pruned {
    return readAtOnce(chooseStructure(this.#context(), tokens, pieces))
  }

  /** All scores of a structure by the vectors `[T, H]`, on any device. The caller disposes them. */
  scores(tokens: Tensor, structure: Structure): Promise<PairScores> {
    return readLater(scorePairs(this.#context(), tokens, structure))
  }

  /**
   * All scores of a structure by the vectors `[…, T, H]`, differentiable. Nothing is read where the structure holds
   * its choices, or the settings need none.
   *
   * @throws {DeviceError} where choices are to be made on a device that does not read at once
   */
  scoresAtOnce(tokens: Tensor, structure: Structure, options?: PassOptions): PairScores {
    return readAtOnce(scorePairs(this.#context(options), tokens, structure))
  }

  /**
   * The structure of a document by this moment's parameters, with all choices that scoring makes: for `lossOf` and
   * `scoresAtOnce` under a derivative, on any device.
   */
  async choose(
    pieces: Pieces,
    { length = 0, keepGold = false }: Pick<LossOptions, 'length' | 'keepGold'> = {},
  ): Promise<Structure> {
    const context = this.#context() // before the first wait, which `using` does not outlast
    const tokens = encodePieces(context, this.bert, pieces, { length })
    try {
      const { structure } = await readLater(chooseStructure(context, tokens, pieces, { keepGold }))
      if (structure.starts.length === 0) return structure
      const scores = await readLater(scorePairs(context, tokens, structure))
      dispose(scores)
      return scores.structure
    } finally {
      tokens.dispose()
    }
  }

  /**
   * The loss of a document, a scalar that depends on all parameters (`using`). Spans and antecedents are given, or those
   * of this moment's parameters, chosen without dropout of the task layers.
   *
   * @throws {DeviceError} without a structure, on devices that do not read at once: there `choose` comes first
   */
  loss(pieces: Pieces, options: LossOptions = {}): Tensor {
    const { length = 0, dropout, keepGold = false } = options
    const encoderKey = dropout && fold(dropout, encoderPlace)
    const tokens = encodePieces(this.#context(), this.bert, pieces, { length, dropout: encoderKey })
    const choose = () => readAtOnce(chooseStructure(this.#context(), tokens, pieces, { keepGold })).structure
    return this.lossOf(tokens, options.structure ?? choose(), pieces, options)
  }

  /** The loss of a given structure by the vectors `[…, T, H]`; 0 where no span is kept. */
  lossOf(tokens: Tensor, structure: Structure, { clusters }: Pick<Pieces, 'clusters'>, options?: PassOptions): Tensor {
    if (structure.starts.length === 0) return tokens.sum([-2, -1]).mul(0)
    const context = this.#context(options)
    const scores = readAtOnce(scorePairs(context, tokens, structure))
    return documentLoss(context, scores, goldIds(scores.structure, clusters))
  }

  /**
   * A text or document as the model reads it: its words, and their pieces in the segments of the settings.
   *
   * @throws {OptionError} where the model has no vocabulary, or a word is longer than a segment
   */
  read(input: string | CorefDocument): { document: CorefDocument; pieces: Pieces } {
    const document = typeof input === 'string' ? readText(input) : input
    return { document, pieces: segmentDocument(document, this.bert.tokenizer, this.config) }
  }

  #read(input: Readable, document?: CorefDocument): { document: CorefDocument | undefined; pieces: Pieces } {
    return typeof input === 'object' && 'segments' in input ? { document, pieces: input } : this.read(input)
  }

  /**
   * Every stage of the model on a text, a document or its pieces, as plain data with places in words, pieces and
   * characters. One without pieces, or with fewer than three, gives a record without spans.
   *
   * @param options.document  where pieces come from, for places in its text
   * @param options.entities  also compute the entity matrix [k, k]; default true
   * @throws {OptionError} as `read`
   */
  async score(input: Readable, options: { document?: CorefDocument; entities?: boolean } = {}): Promise<ScoreRecord> {
    const { entities = true } = options
    const { document, pieces } = this.#read(input, options.document)
    if (pieces.sentenceMap.length === 0) {
      return readLater(
        recordOf({
          config: this.config,
          pieces,
          document,
          pruned: nothingIn(this.#context(), pieces),
          scores: null,
          entities,
        }),
      )
    }
    const tokens = this.encode(pieces, { few: true })
    try {
      const pruned = await this.prune(tokens, pieces)
      const scores = pruned.kept.length === 0 ? null : await this.scores(tokens, pruned.structure)
      const record = await readLater(recordOf({ config: this.config, pieces, document, pruned, scores, entities }))
      dispose(scores)
      return record
    } finally {
      tokens.dispose()
    }
  }

  /**
   * The entities of a text or document, and the links that make them.
   *
   * @example
   * const { clusters, links } = await model.resolve('The nurse called because she was late.')
   * @param options.document  where pieces come from, if the input is pieces
   * @throws {OptionError} as `read`
   */
  async resolve(input: Readable, options: { document?: CorefDocument } = {}): Promise<Resolution> {
    const { document, pieces } = this.#read(input, options.document)
    const record = await this.score(pieces, { entities: false, ...(document && { document }) })
    return resolutionOf(record, document)
  }

  /**
   * Decisions as differentiable scalars, with the discrete structure held fixed: pruning does not run again. Only the
   * spans that a decision depends on are scored.
   *
   * @example
   * const { input, forward } = model.targets({ pieces, structure }, [{ kind: 'total', span: 7, antecedent: 2 }])
   * const [record] = await layerIntegratedGradients({ forward, input, baseline: padBaseline(input) })
   * @param document  where the pieces come from, for the offsets of the encoding
   * @throws {OptionError} for spans or antecedents that the structure has not
   */
  targets({ pieces, structure }: Frozen, decisions: readonly Decision[], document?: CorefDocument): Targets {
    const parts = decisions.map((decision) =>
      decision.kind === 'loss' ? null : partFor(this.config, structure, decision),
    )
    const of = (tokens: Tensor): Tensor[] =>
      parts.map((found) =>
        scope(() =>
          found
            ? decisionValue(this.scoresAtOnce(tokens, found.part), found.decision)
            : this.lossOf(tokens, structure, pieces),
        ),
      )
    const input = encodingOf(this.bert, pieces, document)
    const forward = ({ ids }: { ids: readonly number[] }) => scope(() => of(this.encode(segmentsOf(ids, pieces))))
    return { input, forward, of }
  }

  /** Frees the parameters, the encoder's too. */
  dispose(): void {
    this.bert.dispose()
    for (const parameter of Object.values(this.parameters)) parameter.dispose()
  }
}
