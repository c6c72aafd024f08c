/** Elementwise functions of one operand. Integers and booleans are computed in `f32` where the function is not exact. */
import { isFloat } from '../dtype.ts'
import type { UnaryName } from '../kernels.ts'
import { apply, type Case, type Companion, defineOp, type Op, type Rule, symmetric, type ValueName } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { add, div, mul, sub } from './arithmetic.ts'
import { cast } from './cast.ts'
import { greater } from './compare.ts'
import { where } from './select.ts'

type None = Record<never, never>
type Unary = Op<'x', None>

/** An elementwise function by its kernel and d ↦ d · f′(x). */
function unary(
  name: UnaryName,
  reads: readonly ValueName<'x'>[],
  rule: Rule<'x', None>,
  more: {
    domain?: readonly [number, number]
    companion?: Companion<'x', None>
    decomposition?: (x: Tensor) => Tensor
  } = {},
): Unary {
  const { domain = [-2, 2], companion, decomposition } = more
  const example = (shape: number[]): Case<None> => ({ shapes: [shape], attrs: {}, domain })
  return defineOp({
    name,
    inputs: ['x'],
    shape: ([x]) => x!.shape,
    forward: (kernels, [x], y) => kernels.unary(name, x!, y),
    derivatives: { x: symmetric(reads, rule) },
    ...(companion && { companion }),
    ...(decomposition && { decomposition: ([x]: Tensor[]) => decomposition(x!) }),
    cases: [example([]), example([3, 5]), example([2, 0])],
    large: example([128, 1024]),
  })
}

const positive = { domain: [0.1, 4] as const }
const twoOverSqrtPi = 2 / Math.sqrt(Math.PI)
const oneOverSqrtTwoPi = 1 / Math.sqrt(2 * Math.PI)

/** φ(x) = e^(−x²/2) / √(2π), the density of the normal distribution. */
const normalDensity = (x: Tensor): Tensor => mul(exp(mul(square(x), -0.5)), oneOverSqrtTwoPi)

/** Φ(x) = (1 + erf(x/√2)) / 2, its distribution function. */
const normalDistribution = (x: Tensor): Tensor => mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5)

/** φ(x) (2 − x²), the second derivative of gelu. */
const geluCurvature = (x: Tensor): Tensor => mul(normalDensity(x), sub(2, square(x)))

const geluDerivativeOp = unary('geluDerivative', ['x'], (d, { x }) => mul(d, geluCurvature(x)), {
  decomposition: (x) => add(normalDistribution(x), mul(x, normalDensity(x))),
})

export const unaryOps = {
  neg: unary('neg', [], (d) => neg(d)),
  abs: unary('abs', ['x'], (d, { x }) => mul(d, sign(x))),
  sign: unary('sign', [], (d) => mul(d, 0)),
  square: unary('square', ['x'], (d, { x }) => mul(d, mul(x, 2))),
  relu: unary('relu', ['x'], (d, { x }) => where(greater(x, 0), d, 0)),
  floor: unary('floor', [], (d) => mul(d, 0)),
  round: unary('round', [], (d) => mul(d, 0)),
  reciprocal: unary('reciprocal', ['y'], (d, { y }) => neg(mul(d, square(y))), positive),
  sqrt: unary('sqrt', ['y'], (d, { y }) => div(mul(d, 0.5), y), positive),
  rsqrt: unary('rsqrt', ['x', 'y'], (d, { x, y }) => mul(d, mul(div(y, x), -0.5)), positive),
  exp: unary('exp', ['y'], (d, { y }) => mul(d, y)),
  expm1: unary('expm1', ['y'], (d, { y }) => mul(d, add(y, 1))),
  log: unary('log', ['x'], (d, { x }) => div(d, x), positive),
  log1p: unary('log1p', ['x'], (d, { x }) => div(d, add(x, 1)), positive),
  sin: unary('sin', ['x'], (d, { x }) => mul(d, cos(x))),
  cos: unary('cos', ['x'], (d, { x }) => neg(mul(d, sin(x)))),
  tanh: unary('tanh', ['y'], (d, { y }) => mul(d, sub(1, square(y)))),
  sigmoid: unary('sigmoid', ['y'], (d, { y }) => mul(d, mul(y, sub(1, y)))),
  softplus: unary('softplus', ['x'], (d, { x }) => mul(d, sigmoid(x))),
  erf: unary('erf', ['x'], (d, { x }) => mul(d, mul(exp(neg(square(x))), twoOverSqrtPi))),
  // the slope comes with the value and takes the place of x on the tape; along any number of directions it is a factor
  gelu: unary('gelu', ['companion'], (d, { companion }) => mul(d, companion), {
    companion: {
      op: geluDerivativeOp,
      forward: (kernels, [x], y, slope) => kernels.geluWithDerivative(x!, y, slope),
    },
    decomposition: (x) => mul(x, normalDistribution(x)),
  }),
  geluDerivative: geluDerivativeOp,
}

/** The public function of an operation that is exact on integers, too. */
const exact =
  (op: Unary) =>
  (x: Tensor): Tensor =>
    apply(op, [x.dtype === 'bool' ? cast(x, 'i32') : x], {})

/** The public function of an operation of floats. */
const float =
  (op: Unary) =>
  (x: Tensor): Tensor =>
    apply(op, [isFloat(x.dtype) ? x : cast(x, 'f32')], {})

/** −x. */
export const neg = exact(unaryOps.neg)
/** |x|; derivative 0 at 0. */
export const abs = exact(unaryOps.abs)
/** −1, 0 or 1, NaN for NaN; derivative 0. */
export const sign = exact(unaryOps.sign)
/** x². */
export const square = exact(unaryOps.square)
/** max(x, 0), NaN for NaN; derivative 0 at 0, as in PyTorch. */
export const relu = exact(unaryOps.relu)
/** The largest whole number not above x; derivative 0. */
export const floor = float(unaryOps.floor)
/** The nearest whole number, halves to even; derivative 0. */
export const round = float(unaryOps.round)
/** 1/x. */
export const reciprocal = float(unaryOps.reciprocal)
/** √x; NaN below 0. */
export const sqrt = float(unaryOps.sqrt)
/** 1/√x. */
export const rsqrt = float(unaryOps.rsqrt)
/** eˣ. */
export const exp = float(unaryOps.exp)
/** eˣ − 1, exact near 0. */
export const expm1 = float(unaryOps.expm1)
/** The natural logarithm; −Infinity at 0, NaN below. */
export const log = float(unaryOps.log)
/** log(1 + x), exact near 0. */
export const log1p = float(unaryOps.log1p)
/** sin x, radians. */
export const sin = float(unaryOps.sin)
/** cos x, radians. */
export const cos = float(unaryOps.cos)
/** The hyperbolic tangent. */
export const tanh = float(unaryOps.tanh)
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = float(unaryOps.sigmoid)
/** log(1 + eˣ), without a threshold. */
export const softplus = float(unaryOps.softplus)
/** The error function, (2/√π) ∫₀ˣ e^(−t²) dt. */
export const erf = float(unaryOps.erf)
/** x Φ(x), exact, with Φ the distribution function of the normal distribution (Hendrycks and Gimpel 2016). */
export const gelu = float(unaryOps.gelu)
/** The derivative of `gelu`: Φ(x) + x φ(x). */
export const geluDerivative = float(unaryOps.geluDerivative)

/** x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2: the approximation of `gelu` that Hugging Face calls `gelu_new`. */
export function geluTanh(x: Tensor): Tensor {
  const inner = mul(mul(x, add(mul(square(x), 0.044715), 1)), Math.sqrt(2 / Math.PI))
  return mul(mul(x, 0.5), add(tanh(inner), 1))
}
