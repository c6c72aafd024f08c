/**
 * What a device owes: a closed list of loops over buffers and sizes that know nothing of tensors. A backend that lacks
 * one does not compile. Inputs are views with any strides (0 where an axis is broadcast); outputs are dense, freshly
 * allocated and hold garbage before the call, but for that of `copy`, which may be a view of a part, and those of
 * attention, whose heads may lie side by side.
 *
 * A kernel returns once its work is enqueued, and work runs in the order of the calls, uploads and reads among it. What
 * goes wrong on the device itself may come out as late as the next read.
 */
import type { DType, TypedArray } from './dtype.ts'
import type { RandomKey } from './random/philox.ts'
import type { Shape } from './shape.ts'

/** A block of memory on one device; `data` means what the device wants it to. */
export interface Buffer {
  readonly dtype: DType
  /** elements that fit */
  readonly capacity: number
  readonly data: unknown
}

/** Where the elements of an operand lie in its buffer; strides and offset in elements. */
export interface View {
  readonly buffer: Buffer
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
}

/** y = f(x), element by element; x and y have one dtype, a float one but for the first row, which takes i32 too. */
export type UnaryName =
  | ('neg' | 'abs' | 'sign' | 'square' | 'relu')
  | ('floor' | 'round' | 'reciprocal' | 'sqrt' | 'rsqrt' | 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'tanh')
  | ('sigmoid' | 'softplus' | 'erf' | 'gelu' | 'geluDerivative')

/** y = f(a, b), element by element; all of one dtype. A NaN in either operand of `maximum`, `minimum` gives NaN. */
export type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum'

/** y = f(a, b) into bool; a and b of one dtype. NaN compares false, but for `notEqual`. */
export type CompareName = 'equal' | 'notEqual' | 'less' | 'lessEqual' | 'greater' | 'greaterEqual'

/**
 * Over the trailing axes. `max` and `min`: a NaN wins. `logSumExp` and `sumOfSquares`: of floats; a row of -Infinity has
 * the logSumExp -Infinity.
 */
export type ReduceName = 'sum' | 'max' | 'min' | 'logSumExp' | 'sumOfSquares'

/** The position in the row of the first largest or smallest element; the first NaN wins. */
export type ArgReduceName = 'argmax' | 'argmin'

/** Attention's three operands, or something for each of them. */
export interface AttentionViews {
  /** […, L, D] */
  readonly q: View
  /** […, S, D] */
  readonly k: View
  /** […, S, E] */
  readonly v: View
}

/** A parameter and its running means. */
export interface AdamViews {
  readonly w: View
  /** of the gradient */
  readonly m: View
  /** of its square */
  readonly v: View
}

/**
 * The scalars of a step of Adam or one of its kin: g' = scale g + decay w, m' = beta1 m + (1 − beta1) g',
 * v' = beta2 v + (1 − beta2) g'², s = w − (decayWith w + rate m' / (√(unbias v') + eps)), w' = s − decayAfter s. What
 * goes of w is added up first: of a share of 1e-7, 1 − share has hardly a digit left in f32.
 */
export interface AdamStep {
  readonly scale: number
  readonly decay: number
  readonly beta1: number
  readonly beta2: number
  readonly rate: number
  readonly unbias: number
  readonly eps: number
  readonly decayWith: number
  readonly decayAfter: number
}

/** The differentiable operands of `rowScores`, or something for each of them. */
export interface RowScoreViews {
  /** [n, F] */
  readonly dense: View
  /** [R_m, F] each */
  readonly tables: readonly View[]
  /** [F] */
  readonly weight: View
}

/** What `rowScores` reads. */
export interface RowScoreOperands extends RowScoreViews {
  /** i32 [n, m]: of each table the row that a sum takes */
  readonly index: View
  /** its period is that of [n, F] */
  readonly dropped: Dropped | null
}

/** What attention reads; all leading axes, heads among them, are equal. */
export interface AttentionOperands extends AttentionViews {
  /** […, L, S], added to the scores; of strides 0 where it says nothing */
  readonly mask: View
  readonly scale: number
}

/** Which elements dropout keeps, and what becomes of those. */
export interface Dropped {
  /** in [0, 1) */
  readonly rate: number
  readonly key: RandomKey
  /** elements after which the same places are dropped again; x holds a whole number of periods */
  readonly period: number
}

export interface Kernels {
  /** Copies x into y, converting the dtype: towards zero to i32; `!= 0` to bool; to f32 rounded to nearest. */
  copy(x: View, y: View): void
  fill(value: number, y: View): void
  unary(name: UnaryName, x: View, y: View): void
  binary(name: BinaryName, a: View, b: View, y: View): void
  compare(name: CompareName, a: View, b: View, y: View): void
  /** y = condition ? a : b; the branch not taken is not read into y, not even as NaN. */
  select(condition: View, a: View, b: View, y: View): void
  /** Reduces the last `axes` axes of x; sums, of squares too, and logSumExp accumulate in f64. */
  reduce(name: ReduceName, x: View, axes: number, y: View): void
  /** Over the last `axes` axes of x; y is i32, the index within the flattened row. */
  argReduce(name: ArgReduceName, x: View, axes: number, y: View): void
  /** Running sums over the last axis, accumulated in f64. */
  cumsum(x: View, y: View): void
  /** The positions that sort the last axis, into i32; stable in both directions, NaN as the largest number. */
  argsort(x: View, descending: boolean, y: View): void
  /** Over the last axis; a row that is all -Infinity gives NaN. */
  softmax(x: View, y: View): void
  /** Over the last axis, only where `mask` (bool, broadcast to x) keeps; other entries, and empty rows, give 0. */
  maskedSoftmax(x: View, mask: View, y: View): void
  /** y ∘ (d − ⟨d, y⟩) over the last axis: softmax's derivative along d. d may have more leading axes than y. */
  softmaxDerivative(d: View, y: View, result: View): void
  /**
   * weight ∘ (x − mean) / √(variance + eps) + bias over the last axis; statistics in f64, biased variance. Of x + residual,
   * where there is one, which has the shape of x; the sum is rounded to the dtype.
   */
  layerNorm(x: View, residual: View | null, weight: View | null, bias: View | null, eps: number, y: View): void
  /**
   * r (g − mean g − z mean(g z)) over the last axis, z the normalised row, r = 1/√(variance + eps): layer norm's
   * derivative along d. g = weight ∘ d, which pulls back; with `weightLast` the weight multiplies the result instead,
   * which pushes forward. d may have more leading axes than x.
   */
  layerNormDerivative(d: View, x: View, weight: View | null, eps: number, weightLast: boolean, y: View): void
  /**
   * p v of probabilities p = softmax(scale q kᵀ + mask), zeros in a row that is all -Infinity. In the results of this
   * and the next two the last axis is dense; the others may have any strides, so that heads lie side by side.
   */
  attention(x: AttentionOperands, y: View): void
  /**
   * Attention's derivative along d […, L, E], pulled back to all three of dx: with ds = scale · softmaxDerivative(d vᵀ, p),
   * dx.q = ds k, dx.k = dsᵀ q, dx.v = pᵀ d. d and dx may have more leading axes than x, in front and the same.
   */
  attentionPullback(x: AttentionOperands, d: View, dx: AttentionViews): void
  /**
   * Attention's derivative along dx: y = ds v + p dx.v with ds = softmaxDerivative(scale (dx.q kᵀ + q dx.kᵀ), p). dx and
   * y may have more leading axes than x, in front and the same.
   */
  attentionPushforward(x: AttentionOperands, dx: AttentionViews, y: View): void
  /** y = gelu(x) and slope = gelu′(x) in one pass: what `unary` gives by either name. */
  geluWithDerivative(x: View, y: View, slope: View): void
  /**
   * y = x · (1 / (1 − rate)) where kept, the factor rounded to the dtype; else 0, also where x is not finite. Place i of
   * a period has word i mod 4 of Philox at ⌊i / 4⌋ for the use `dropout`, and is kept where (word >>> 8) / 2²⁴ ≥ rate.
   */
  dropout(x: View, dropped: Dropped, y: View): void
  /** y[…, m, n] = Σₖ a[…, m, k] b[…, k, n] (+ bias[n]); the leading axes of all three are equal. f64 sums on `ref`. */
  matmul(a: View, b: View, y: View, bias?: View | null): void
  /** y[…, i, :] = x[…, index[i], :]: rows of the second last axis of x by an index [rows] shared by all leading axes. */
  takeRows(x: View, index: View, y: View): void
  /** y[…, r, :] = Σ over i with index[i] = r of x[…, i, :], zeros elsewhere; added in the order of i. */
  addRows(x: View, index: View, y: View): void
  /** y[…, i] = x[…, index[…, i]] along the last axis, leading axes equal. */
  gather(x: View, index: View, y: View): void
  /** y = 0, then y[…, index[…, i]] += x[…, i] along the last axis, in the order of i. */
  scatterAdd(x: View, index: View, y: View): void

  // Shortcuts that a device may lack: the same functions of other kernels then take their place.

  /**
   * y[i] = Σ_f keep(max(0, s[i, f])) weight[f] with s[i, f] = dense[i, f] + Σ_m tables[m][index[i, m], f]; keep is
   * dropout of [n, F], or nothing.
   */
  rowScores?(x: RowScoreOperands, y: View): void
  /** A step of Adam, all of one shape and dtype: new values and running means of a parameter by its gradient. */
  adam?(x: AdamViews & { readonly g: View }, step: AdamStep, to: AdamViews): void
  /** The cotangents of dense, weight and tables along d [n], that of y. */
  rowScoresPullback?(x: RowScoreOperands, d: View, dx: RowScoreViews): void
}

/** A device: its kernels, its memory, and how to read it. */
export interface Backend {
  readonly name: string
  /** one line for people and records: what ran */
  readonly description: string
  readonly dtypes: readonly DType[]
  readonly kernels: Kernels
  /** bytes of freed buffers that are kept for others of their size; default 512 MiB */
  readonly poolLimit?: number
  /** How many threads compute from now on, where the device has any. */
  setThreads?(count: number): void
  allocate(dtype: DType, capacity: number): Buffer
  /** Gives the memory back for good, after what is enqueued; the pool above keeps what may be used again. */
  free(buffer: Buffer): void
  /** The content of a buffer is void: what was made of it for later use can go. */
  forget?(buffer: Buffer): void
  upload(array: TypedArray, buffer: Buffer): void
  /** Numbers of binary16, by their bits, into a buffer of f32, exactly; where it is missing the host widens them. */
  uploadFloat16?(halves: Uint16Array, buffer: Buffer): void
  /** The elements that x has at the call, in row-major order, as an array of its own; x may be reused at once. */
  read(x: View): Promise<TypedArray>
  /** The same at once; throws where the device cannot. */
  readSync(x: View): TypedArray

  // What a device that is not read at once has besides:

  /** The elements where the host knows them, since it made them: of integers and truth values; else null. */
  onHost?(x: View): TypedArray | null
  /** Enqueues a check that i32 elements are in [0, size), or `ignored`; the next read throws the error of a bad one. */
  checkLater?(x: View, size: number, error: (value: number) => Error, ignored?: number | null): void
  /** a driver that computes on the processor in a GPU's place: results are right, and times say nothing */
  readonly isSoftware?: boolean
  /** the kernels that ran so far, by name */
  readonly pipelines?: readonly string[]
  /** the device died; nothing on it can be used again */
  readonly isLost?: boolean
}
