/**
 * Fuzzing of the reader. Valid files are broken at random: bits, lengths, the text of the header, its numbers, its
 * structure. What comes out must be a FormatError, or tensors that a second, naive reader (`JSON.parse`, `DataView`)
 * finds the same; and what that reader finds valid must not be refused.
 */
import { type DTypeName, FormatError, parseSafetensors, type RawTensor, type SafetensorsFile } from 'safetensors-ts'
import { craft } from './craft.ts'

/** What a run of {@link fuzzHeaders} saw. */
export interface FuzzReport {
  runs: number
  /** Files read without error. */
  accepted: number
  /** Files refused with a FormatError. */
  refused: number
  seconds: number
  /** The longest single run, in milliseconds. */
  slowest: number
}

/** A run longer than this counts as a hang. Files are below a few KiB and take microseconds. */
const hangMilliseconds = 2000

type Random = (below: number) => number

/** Integers below a bound, from a 32-bit state (mulberry32). */
function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const entryOf = (dtype: string, shape: number[], begin: number, end: number): Json => {
  return { dtype, shape, data_offsets: [begin, end] }
}

/** Headers of valid files, with the bytes of data they need. */
const validHeaders: { header: { [key: string]: Json }; data: number }[] = [
  { header: {}, data: 0 },
  { header: { a: entryOf('F32', [2, 3], 0, 24), 'b"é': entryOf('F16', [4], 24, 32) }, data: 32 },
  {
    header: {
      __metadata__: { format: 'pt', ключ: 'значение' },
      scalar: entryOf('F64', [], 0, 8),
      long: entryOf('I64', [2], 8, 24),
      empty: entryOf('BF16', [0, 7], 24, 24),
      small: entryOf('I16', [1, 1, 2], 24, 28),
    },
    data: 28,
  },
  {
    header: {
      bool: entryOf('BOOL', [3], 0, 3),
      byte: entryOf('U8', [2, 2], 3, 7),
      signed: entryOf('I8', [1], 7, 8),
      int: entryOf('I32', [1, 2], 8, 16),
      half: entryOf('BF16', [3], 16, 22),
    },
    data: 22,
  },
]

const seeds = validHeaders.map(({ header, data }) => ({ text: JSON.stringify(header), data }))

const oddText = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  ' ',
  '\n',
  '\t',
  '-',
  '.',
  'e',
  '\u0000',
  '\\u0061',
  '\\ud800',
  'é',
  '\ufeff',
]
const oddNumbers = [
  '-1',
  '-0',
  '1.0',
  '1e1',
  '01',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '1e400',
  '0.99999999999999999999',
]
const oddNames = ['__proto__', '__metadata__', 'constructor', '', 'dtype', 'a', '\u0000']
const dtypes = ['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'I16', 'I8', 'U8', 'BOOL', 'U16', 'F8_E4M3', 'f32', '']

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!

/** A value for anywhere in the header. */
function oddValue(random: Random): Json {
  const values: Json[] = [null, true, 0, -1, 1.5, 2 ** 53, '', 'F32', [], {}, [1, [2, [3]]], { dtype: 'F32' }]
  return pick(random, [...values, random(40), [random(9), random(40)]])
}

/** Defining a property so makes even `__proto__` an ordinary key. */
const plain = { enumerable: true, writable: true, configurable: true }

/** Changes one random place of the tree. */
function mutateTree(random: Random, header: { [key: string]: Json }): void {
  let node: { [key: string]: Json } = header
  for (;;) {
    const keys = Object.keys(node)
    const key = pick(random, keys)
    const below = key === undefined ? undefined : node[key]
    if (below !== null && typeof below === 'object' && random(3) > 0) {
      node = below as { [key: string]: Json } // an array's indices are keys like others
      continue
    }
    const change = random(key === undefined ? 1 : 5)
    if (change === 0) Object.defineProperty(node, pick(random, oddNames), { ...plain, value: oddValue(random) })
    else if (change === 1) node[key!] = oddValue(random)
    else if (change === 2 && !Array.isArray(node)) delete node[key!]
    else if (typeof below === 'number') node[key!] = Math.max(0, below + random(9) - 4)
    else if (typeof below === 'string') node[key!] = pick(random, dtypes)
    return
  }
}

/** Changes the text at one random place. */
function mutateText(random: Random, text: string): string {
  const at = random(text.length + 1)
  const span = random(8)
  switch (random(6)) {
    case 0:
      return text.slice(0, at) + pick(random, oddText) + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + span)
    case 2:
      return text.slice(0, at) + text.slice(at, at + 4 * span) + text.slice(at)
    case 3:
      return text.replace(/\d+(?=[,\]])/g, (number) => (random(4) === 0 ? pick(random, oddNumbers) : number))
    case 4:
      return twice(random, text)
    default:
      return `${text}${' '.repeat(span)}`
  }
}

/** Repeats one `"key":value` pair of the text, so that a key stands twice. */
function twice(random: Random, text: string): string {
  const pairs = [...text.matchAll(/"[^"\\]*":(?:"[^"]*"|\[[^\]]*\]|\{[^{}]*\})/g)]
  const pair = pick(random, pairs)
  return pair === undefined ? text : `${text.slice(0, pair.index)}${pair[0]},${text.slice(pair.index)}`
}

/** Flips bits, cuts, grows or overwrites the length. */
function mutateBytes(random: Random, file: Uint8Array): Uint8Array {
  const copy = file.slice()
  switch (random(5)) {
    case 0:
      for (let i = random(4); i >= 0; i--) copy[random(copy.length)]! ^= 1 << random(8)
      return copy
    case 1:
      return copy.subarray(0, random(copy.length + 1))
    case 2:
      copy[random(8)] = random(256)
      return copy
    case 3:
      copy[random(copy.length)] = random(256)
      return copy
    default: {
      const grown = new Uint8Array(copy.length + 1 + random(16))
      grown.set(copy)
      return grown
    }
  }
}

function brokenFile(random: Random): Uint8Array {
  const { text: whole, data } = pick(random, seeds)
  const kind = random(4)
  let text = whole
  if (kind === 0) {
    const tree = JSON.parse(whole) as { [key: string]: Json }
    for (let i = random(3); i >= 0; i--) mutateTree(random, tree)
    text = JSON.stringify(tree)
  }
  if (kind === 1) for (let i = random(3); i >= 0; i--) text = mutateText(random, text)
  const file = craft(text, data)
  for (let at = file.length - data; at < file.length; at++) file[at] = random(3) && random(256)
  return kind >= 2 ? mutateBytes(random, file) : file
}

/** Bytes of an element, and how to read one by `DataView`. */
const naiveRead: { [D in DTypeName]: [number, (view: DataView, at: number) => number | bigint] } = {
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F16: [2, (view, at) => naiveHalf(view.getUint16(at, true))],
  BF16: [2, (view, at) => new DataView(Uint32Array.of(view.getUint16(at, true) << 16).buffer).getFloat32(0, true)],
  I64: [8, (view, at) => view.getBigInt64(at, true)],
  I32: [4, (view, at) => view.getInt32(at, true)],
  I16: [2, (view, at) => view.getInt16(at, true)],
  I8: [1, (view, at) => view.getInt8(at)],
  U8: [1, (view, at) => view.getUint8(at)],
  BOOL: [1, (view, at) => view.getUint8(at)],
}

function naiveHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15))
}

interface NaiveTensor {
  dtype: DTypeName
  shape: number[]
  values: (number | bigint)[]
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Keys in JSON text, and in the value that it was parsed to: the text has more if a key stands twice. */
function hasRepeatedKeys(text: string, value: Json): boolean {
  const inText = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter((match) => match[1] !== undefined).length
  return inText > countKeys(value)
}

function countKeys(value: Json): number {
  if (value === null || typeof value !== 'object') return 0
  const children = Object.values(value).map(countKeys)
  return children.reduce((sum, count) => sum + count, isObject(value) ? children.length : 0)
}

/** Reads a file the short way; `undefined` if it breaks a rule. It does not mind how numbers and strings are spelt. */
function naiveParse(file: Uint8Array): Map<string, NaiveTensor> | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 8 || view.getBigUint64(0, true) > file.length - 8) return undefined
  const start = 8 + Number(view.getBigUint64(0, true))
  let header: Json
  try {
    const text = strictDecoder.decode(file.subarray(8, start))
    if (text[0] !== '{') return undefined
    header = JSON.parse(text)
    if (text !== JSON.stringify(header) && hasRepeatedKeys(text, header)) return undefined
  } catch {
    return undefined
  }
  const tensors = new Map<string, NaiveTensor>()
  const spans: [number, number][] = []
  for (const [name, value] of Object.entries(header as { [key: string]: Json })) {
    if (name === '__metadata__') {
      if (!isObject(value) || !Object.values(value).every((text) => typeof text === 'string')) return undefined
      continue
    }
    const tensor = naiveTensor(value, view, start, spans)
    if (!tensor) return undefined
    tensors.set(name, tensor)
  }
  let filled = 0
  for (const [begin, end] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== filled) return undefined
    filled = end
  }
  return filled === file.length - start ? tensors : undefined
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } => {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isSize = (n: Json) => Number.isSafeInteger(n) && (n as number) >= 0

function naiveTensor(value: Json, view: DataView, start: number, spans: [number, number][]): NaiveTensor | undefined {
  if (!isObject(value)) return undefined
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(naiveRead, dtype)) return undefined
  if (!Array.isArray(shape) || !shape.every(isSize)) return undefined
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) return undefined
  const [size, read] = naiveRead[dtype as DTypeName]
  const [begin, end] = offsets as [number, number]
  const count = (shape as number[]).reduce((product, extent) => product * extent, 1)
  if (begin > end || count * size !== end - begin || start + end > view.byteLength) return undefined
  spans.push([begin, end])
  const values = Array.from({ length: count }, (_, i) => read(view, start + begin + i * size))
  return { dtype: dtype as DTypeName, shape: shape as number[], values }
}

function sameTensor(actual: RawTensor, expected: NaiveTensor): boolean {
  const { dtype, shape, data } = actual
  if (dtype !== expected.dtype || String(shape) !== String(expected.shape)) return false
  return data.length === expected.values.length && expected.values.every((value, i) => Object.is(data[i], value))
}

/** Why {@link parseSafetensors} may refuse what the naive reader takes. */
const strictness = /2\^53|surrogates in pairs/

/** Reads one file and checks all that was read. Returns whether it was accepted; throws if anything is wrong. */
function checkOne(bytes: Uint8Array): boolean {
  const naive = naiveParse(bytes)
  let file: SafetensorsFile
  try {
    file = parseSafetensors(bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (naive && !strictness.test(error.message)) throw new Error(`refused a valid file: ${error.message}`)
    return false
  }
  if (!naive || naive.size !== file.names.length) throw new Error('accepted a file that breaks a rule')
  for (const name of file.names) checkTensor(file, name, naive.get(name), bytes.length)
  return true
}

function checkTensor(file: SafetensorsFile, name: string, expected: NaiveTensor | undefined, fileBytes: number): void {
  let tensor: RawTensor
  try {
    tensor = file.get(name)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (expected?.dtype === 'BOOL' && expected.values.some((value) => Number(value) > 1)) return
    throw new Error(`refused a valid tensor: ${error.message}`)
  }
  if (!expected || !sameTensor(tensor, expected)) throw new Error(`read ${JSON.stringify(name)} wrongly`)
  const widened = tensor.dtype === 'F16' || tensor.dtype === 'BF16' ? 2 : 1
  if (tensor.data.buffer.byteLength > widened * fileBytes + 8) throw new Error('allocated more than the file holds')
  if (tensor.dtype === 'BOOL' && tensor.data.some((value) => value > 1)) throw new Error('read a BOOL above 1')
}

/**
 * Breaks and reads `runs` files.
 *
 * @param seed 32-bit; the same seed makes the same files
 * @throws at the first file that is read wrongly, with its bytes in hexadecimal
 */
export function fuzzHeaders(runs: number, seed: number): FuzzReport {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0 // most runs end in an expected error, and its stack would take a fifth of the time
  try {
    return fuzz(runs, seed)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function fuzz(runs: number, seed: number): FuzzReport {
  const random = randomFrom(seed)
  const started = performance.now()
  const report: FuzzReport = { runs, accepted: 0, refused: 0, seconds: 0, slowest: 0 }
  for (let run = 0; run < runs; run++) {
    const file = brokenFile(random)
    const before = performance.now()
    try {
      if (checkOne(file)) report.accepted++
      else report.refused++
    } catch (cause) {
      const hex = Buffer.from(file).toString('hex')
      throw new Error(`fuzzHeaders: run ${run} of seed ${seed}: ${cause}\nfile: ${hex}`, { cause })
    }
    report.slowest = Math.max(report.slowest, performance.now() - before)
    if (report.slowest > hangMilliseconds) {
      throw new Error(`fuzzHeaders: run ${run} of seed ${seed} took ${report.slowest} ms`)
    }
  }
  report.seconds = (performance.now() - started) / 1000
  return report
}
