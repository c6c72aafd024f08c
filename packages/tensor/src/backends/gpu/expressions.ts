/**
 * The table of elementwise functions of floats, in the JavaScript that gpu.js compiles: of x, or of x and y. Sources are
 * strings, since minifiers and coverage tools change functions. A shader may flush subnormal numbers to 0 and take
 * every number for finite; so NaN and infinities are told by their bits.
 */
import type { BinaryName, UnaryName } from '../../kernels.ts'

/** A function that gpu.js can not express, in WGSL under the name that gpu.js gives to it. */
interface Native {
  readonly name: string
  readonly wgsl: string
}

const nativeOf = (name: string, body: string): Native => ({
  name,
  wgsl: `fn fn_${name}(x: f32) -> f32 { return ${body}; }`,
})

/** 1 for true: gpu.js knows numbers. */
export const natives: readonly Native[] = [
  nativeOf('isNan', 'f32((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u)'),
  nativeOf('isInf', 'f32((bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u)'),
  nativeOf('isNegative', 'f32(bitcast<u32>(x) >> 31u)'),
  nativeOf('nanLike', 'bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u)'),
  nativeOf('infinityLike', 'bitcast<f32>((bitcast<u32>(x) & 0x80000000u) | 0x7f800000u)'),
  nativeOf('minusInfinity', 'bitcast<f32>(bitcast<u32>(x) | 0xff800000u)'),
  nativeOf('evenRound', 'round(x)'), // JavaScript's Math.round takes halves up
  nativeOf('wholePart', 'floor(x)'), // which gpu.js takes for an integer
]

/** A helper of the expressions below, by its parameters and body. */
interface Helper {
  readonly name: string
  readonly parameters: readonly string[]
  readonly body: string
}

const helper = (name: string, parameters: readonly string[], body: string): Helper => ({ name, parameters, body })

/** a₀ + a₁ v + …, by Horner's rule. */
const polynomial = (v: string, coefficients: readonly number[]): string =>
  coefficients.reduceRight((inner, a) => (inner === '' ? `${a}` : `${a} + ${v} * (${inner})`), '')

const oneOver = (denominators: readonly number[]): number[] => denominators.map((n) => 1 / n)

/** Φ(−x) / φ(x) for x ≥ 0, Mills's ratio, as t P(t), t = 1 / (1 + 0.4 x): the fit of the wasm device. */
const mills = [
  ...[0.399997740983963, 0.4001212418079376, 0.3337728977203369, 0.22878247499465942, -0.066920705139637],
  ...[0.2990421950817108, -0.9372091293334961, 0.9581714272499084, -0.44319823384284973, 0.08075424283742905],
]

export const helpers: readonly Helper[] = [
  // beyond ±88 the answers are known, and what a driver makes of the bits of e⁸⁹ is not
  helper(
    'expOf',
    ['x'],
    `if (isNan(x) > 0.5) return x; if (x > 88.72284) return infinityLike(Math.abs(x));
    if (x < -104) return 0; return Math.exp(x);`,
  ),
  helper(
    'logOf',
    ['x'],
    `if (isNan(x) > 0.5) return x; if (x < 0) return nanLike(x); if (x === 0) return minusInfinity(x);
    if (isInf(x) > 0.5) return x; return Math.log(x);`,
  ),
  // eˣ − 1 = x + x²/2! + …, else by eˣ
  helper(
    'expm1Of',
    ['x'],
    `if (Math.abs(x) < 0.5) return x * (${polynomial('x', oneOver([1, 2, 6, 24, 120, 720, 5040, 40320, 362880]))});
    return expOf(x) - 1;`,
  ),
  // log(1 + x) = 2 artanh s with s = x / (2 + x), by its series; no difference of nearly equal numbers
  helper(
    'log1pOf',
    ['x'],
    `if (Math.abs(x) < 0.5) { const s = x / (2 + x); const s2 = s * s;
    return 2 * s * (${polynomial('s2', oneOver([1, 3, 5, 7, 9, 11, 13, 15]))}); }
    return logOf(1 + x);`,
  ),
  helper(
    'tanhOf',
    ['x'],
    `if (isNan(x) > 0.5) return x; const size = Math.min(Math.abs(x), 15);
    if (size < 0.25) { const t = expm1Of(2 * size); const y = t / (t + 2); return isNegative(x) > 0.5 ? -y : y; }
    const y = 1 - 2 / (Math.exp(2 * size) + 1); return x < 0 ? -y : y;`,
  ),
  helper(
    'sigmoidOf',
    ['x'],
    `if (isNan(x) > 0.5) return x; const e = expOf(-Math.abs(x)); return (x >= 0 ? 1 : e) / (1 + e);`,
  ),
  helper('softplusOf', ['x'], `if (isNan(x) > 0.5) return x; return Math.max(x, 0) + log1pOf(expOf(-Math.abs(x)));`),
  // sine of r in [−π/4, π/4], and cosine
  helper(
    'sinNear',
    ['r'],
    `const r2 = r * r; return r * (${polynomial('r2', [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880])});`,
  ),
  helper(
    'cosNear',
    ['r'],
    `const r2 = r * r; return ${polynomial('r2', [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800])};`,
  ),
  // beyond 2¹⁷ no digit would be left, and the answer is NaN; x − k π/2, π/2 in three parts of which the first two are short (Cody and Waite 1980)
  helper('quarterOf', ['x'], 'return evenRound(x * 0.6366197723675814);'),
  helper('restOf', ['x', 'k'], 'return ((x - k * 1.5703125) - k * 0.0004837512969970703) - k * 7.549789948768648e-8;'),
  helper(
    'sinOf',
    ['x', 'turn'],
    `if (isNan(x) > 0.5) return x; if (Math.abs(x) > 131072) return nanLike(x);
    const k = quarterOf(x); const r = k === 0 ? x : restOf(x, k); const n = k + turn;
    const q = n - 4 * wholePart(n * 0.25);
    if (q < 0.5) return sinNear(r); if (q < 1.5) return cosNear(r); if (q < 2.5) return -sinNear(r); return -cosNear(r);`,
  ),
  helper('densityOf', ['x'], `return 0.3989422804014327 * Math.exp(-0.5 * x * x);`),
  // Φ(−|x|) of |x| ≤ 14.5
  helper(
    'tailOf',
    ['x'],
    `const t = 1 / (1 + 0.4 * Math.abs(x)); return densityOf(x) * t * (${polynomial('t', mills)});`,
  ),
  helper('boundedBy14', ['x'], `return Math.max(Math.min(x, 14.5), -14.5);`),
  helper(
    'geluOf',
    ['x'],
    `if (isNan(x) > 0.5) return x; if (x < -13) return 0;
    const tail = tailOf(boundedBy14(x)); return x * (x < 0 ? tail : 1 - tail);`,
  ),
  helper(
    'geluSlope',
    ['x'],
    `if (isNan(x) > 0.5) return x; const z = boundedBy14(x); const tail = tailOf(z);
    return (x < 0 ? tail : 1 - tail) + z * densityOf(z);`,
  ),
  // its Taylor series near 0, else 1 − 2 Φ(−√2 |x|)
  helper(
    'erfOf',
    ['x'],
    `if (isNan(x) > 0.5) return x;
    if (Math.abs(x) < 0.5) { const x2 = x * x;
      return 1.1283791670955126 * x * (${polynomial('x2', [1, -1 / 3, 1 / 10, -1 / 42, 1 / 216, -1 / 1320, 1 / 9360])}); }
    const y = 1 - 2 * tailOf(boundedBy14(1.4142135623730951 * x)); return x < 0 ? -y : y;`,
  ),
  // aᵇ of a ≥ 0: for whole b below 64 by squares, as e^(b ln a) has an error that grows with its exponent
  helper(
    'raised',
    ['a', 'b'],
    `const n = Math.abs(b); if (b === 0.5) return Math.sqrt(a);
    if (wholePart(n) !== n || n > 63) return expOf(b * Math.log(a));
    let y = 1; let square = a; let rest = n; let half = 0;
    ${new Array(6).fill('half = wholePart(rest * 0.5); if (rest - 2 * half > 0.5) y = y * square; square = square * square; rest = half;').join('\n')}
    return b < 0 ? 1 / y : y;`,
  ),
  // C's pow: 1 to any power and anything to the power 0 is 1, and so is (−1) to an infinite one
  helper(
    'powOf',
    ['a', 'b'],
    `if (b === 0 || a === 1) return 1; if (isNan(a) > 0.5) return a; if (isNan(b) > 0.5) return b;
    const size = Math.abs(a);
    if (isInf(b) > 0.5) { if (size === 1) return 1; if (size > 1) return b > 0 ? Math.abs(b) : 0; return b > 0 ? 0 : Math.abs(b); }
    const isWhole = wholePart(b) === b ? 1 : 0;
    const half = b * 0.5; const isOdd = isWhole > 0.5 && wholePart(half) !== half ? 1 : 0;
    if (size === 0) { if (b > 0) return isOdd > 0.5 ? a : 0; return isOdd > 0.5 ? infinityLike(a) : infinityLike(size); }
    if (isInf(a) > 0.5) { if (b < 0) return 0; return isOdd > 0.5 ? a : size; }
    if (a < 0 && isWhole < 0.5) return nanLike(a);
    const y = raised(size, b); return a < 0 && isOdd > 0.5 ? -y : y;`,
  ),
]

/** Of x. */
export const unaries: Record<UnaryName, string> = {
  neg: '-x',
  abs: 'Math.abs(x)',
  sign: 'isNan(x) > 0.5 || x === 0 ? x : Math.sign(x)',
  square: 'x * x',
  relu: 'isNan(x) > 0.5 ? x : Math.max(x, 0)',
  floor: 'wholePart(x)',
  round: 'evenRound(x)',
  reciprocal: '1 / x',
  sqrt: 'x < 0 ? nanLike(x) : Math.sqrt(x)',
  rsqrt: 'x < 0 ? nanLike(x) : 1 / Math.sqrt(x)',
  exp: 'expOf(x)',
  expm1: 'expm1Of(x)',
  log: 'logOf(x)',
  log1p: 'log1pOf(x)',
  sin: 'sinOf(x, 0)',
  cos: 'sinOf(x, 1)',
  tanh: 'tanhOf(x)',
  sigmoid: 'sigmoidOf(x)',
  softplus: 'softplusOf(x)',
  erf: 'erfOf(x)',
  gelu: 'geluOf(x)',
  geluDerivative: 'geluSlope(x)',
}

/** Of x and y. */
export const binaries: Record<BinaryName, string> = {
  add: 'x + y',
  sub: 'x - y',
  mul: 'x * y',
  div: 'x / y',
  pow: 'powOf(x, y)',
  maximum: 'isNan(x) > 0.5 ? x : isNan(y) > 0.5 ? y : Math.max(x, y)',
  minimum: 'isNan(x) > 0.5 ? x : isNan(y) > 0.5 ? y : Math.min(x, y)',
}
