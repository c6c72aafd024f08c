/** What an attribution hands back: plain data, written as JSON lines and drawn as text, HTML and SVG. */

/** Where a record comes from; enough to compute it again. */
export interface Provenance {
  /** version of `@antecedent/attribution` */
  library: string
  /** name or folder of the model, null where the forward is a plain function */
  model: string | null
  /** sha256 of the weights' file, hexadecimal */
  weightsHash: string | null
  /** the device that ran, as `device()` describes it */
  device: string
  /** on `gpu`: the kernels that had run when the record was made, by name, those that gpu.js compiled and those of WGSL */
  pipelines?: string[]
  dtype: 'f32' | 'f64'
}

/** One attribution of one scalar F. Token axes have one entry per token, special tokens included. */
export interface AttributionRecord {
  schema: 1
  method: string
  /** what F is, for people: `max of the last hidden state at token 7 "he"` */
  target: string
  /** index of the token that F reads, where it reads one */
  targetToken: number | null
  text: string | null
  tokens: string[]
  /** `[start, end)` of each token in `text`, in UTF-16 code units; `[0, 0]` for special tokens; null without a text */
  offsets: [number, number][] | null
  /** raw sums of the attributions over the hidden axis, in units of F */
  scores: number[]
  /** `scores` divided by their L2 norm; zeros where the norm is 0 */
  normalizedScores: number[]
  /** sum of `normalizedScores`, the paper's figure; at most √tokens in absolute value */
  attributionScore: number
  /** per element, row-major, when asked for with `elements: true` */
  attributions?: { shape: number[]; data: number[] }
  /** F(x) */
  fx: number
  /** F on the baseline */
  fBaseline: number
  /** what the attributions sum to minus (fx − fBaseline) */
  completenessError: number
  /** of an adaptive rule: the estimated error of the scores, as a share of the largest; absent for fixed rules */
  errorEstimate?: number
  /** of a target made by `maximumOf`: which coordinate is largest where on the path, in terms of α */
  winners?: { winner: number; start: number; end: number }[]
  /** true where the method is exact for this F up to rounding; false for a quadrature */
  exact: boolean
  /** what the attributions sum to, for people: `F(x) − F(baseline), up to the quadrature` */
  sumsTo: string
  /** evaluations spent */
  evaluations: { forward: number; backward: number }
  /** the method's options as they ran: site, nSteps (points used), method, tolerance, baseline, … */
  settings: Record<string, string | number | boolean | null>
  /** notices for the reader: a large completeness error, a site off the path */
  warnings: string[]
  provenance: Provenance
}

/** Attention of one text: what the paper's figures 1 and 2 draw. */
export interface AttentionRecord {
  schema: 1
  text: string | null
  tokens: string[]
  /** probabilities `[layer][head][query][key]`; rows over keys sum to 1 */
  attentions: number[][][][]
  /** L2 norm over the heads, `[layer][query][key]`, in [0, √heads]; not a probability */
  norms: number[][][]
  provenance: Provenance
}
