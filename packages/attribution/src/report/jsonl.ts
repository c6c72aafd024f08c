/**
 * Records as JSON lines. One table per kind of record fixes the order of the keys, writes, and checks what is read.
 *
 * Where `provenance.dtype` is `f32`, every figure of the record is a float32 and is written with the fewest digits
 * that give that float32 again (0.1, not 0.10000000149011612); reading rounds to float32. NaN and the infinities are
 * the strings "NaN", "Infinity", "-Infinity".
 */
import type { AttentionRecord, AttributionRecord, Provenance } from '../record.ts'

/** A line that is no record of this version: says at which line, and where in the record. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
  /** from 1 */
  readonly line: number
  /** `provenance.dtype`, `scores[3]`; empty where the line as a whole is wrong */
  readonly path: string

  constructor(line: number, path: string, problem: string) {
    super(`fromJsonLine: line ${line}${path && `, ${path}`}: ${problem}`)
    this.line = line
    this.path = path
  }
}

interface Context {
  f32: boolean
  line: number
}

interface Codec<T> {
  write: (value: T, context: Context) => string
  read: (json: unknown, path: string, context: Context) => T
}

/** Shown in messages: `a string of 3 characters` says more than the string would. */
function describe(json: unknown): string {
  if (json === undefined) return 'nothing'
  if (json === null) return 'null'
  if (Array.isArray(json)) return `a list of ${json.length}`
  if (typeof json === 'object') return 'an object'
  const text = JSON.stringify(json)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

const refuse = (expected: string, json: unknown, path: string, { line }: Context): never => {
  throw new RecordError(line, path, `expected ${expected}, got ${describe(json)}`)
}

/** JSON, with the line ends that JSON allows in a string but that some readers of lines split at. */
const quote = (text: string) =>
  JSON.stringify(text).replace(
    /[\u0085\u2028\u2029]/g,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** A checked value that JSON writes as it stands. */
function plain<T>(expected: string, accepts: (json: unknown) => json is T): Codec<T> {
  return {
    write: (value) => (typeof value === 'string' ? quote(value) : JSON.stringify(value)),
    read: (json, path, context) => (accepts(json) ? json : refuse(expected, json, path, context)),
  }
}

const text = plain('a string', (json) => typeof json === 'string')
const boolean = plain('true or false', (json) => typeof json === 'boolean')
const count = plain(
  'an integer of at least 0',
  (json): json is number => typeof json === 'number' && Number.isSafeInteger(json) && json >= 0,
)
const dtype = plain('"f32" or "f64"', (json) => json === 'f32' || json === 'f64')
const schema = plain('schema 1 (a record of another version? update @antecedent/attribution)', (json) => json === 1)

const specials: Record<string, number> = { NaN, Infinity: Infinity, '-Infinity': -Infinity }

function writeFloat(value: number, { f32 }: Context): string {
  if (!Number.isFinite(value)) return `"${value}"`
  if (Object.is(value, -0)) return '-0'
  if (!f32) return String(value)
  const single = Math.fround(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits))
    if (Math.fround(short) === single) return String(short)
  }
  return String(Number(single.toPrecision(9)))
}

const float: Codec<number> = {
  write: writeFloat,
  read: (json, path, context) => {
    const value = typeof json === 'string' ? specials[json] : json
    if (typeof value !== 'number') return refuse('a number, "NaN", "Infinity" or "-Infinity"', json, path, context)
    return context.f32 ? Math.fround(value) : value
  },
}

function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write: (value, context) => (value === null ? 'null' : codec.write(value, context)),
    read: (json, path, context) => (json === null ? null : codec.read(json, path, context)),
  }
}

function list<T>(codec: Codec<T>): Codec<T[]> {
  return {
    write: (values, context) => `[${values.map((value) => codec.write(value, context)).join(',')}]`,
    read: (json, path, context) =>
      Array.isArray(json)
        ? json.map((value, i) => codec.read(value, `${path}[${i}]`, context))
        : refuse('a list', json, path, context),
  }
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json)

/** Keys in the order of `fields`; a field that is undefined is left out, and `optional` ones may be missing. */
function object<T extends object>(
  fields: { [K in keyof T]-?: Codec<NonNullable<T[K]>> | Codec<T[K]> },
  optional: readonly (keyof T)[] = [],
): Codec<T> {
  const keys = Object.keys(fields) as (keyof T & string)[]
  const codec = (key: keyof T) => fields[key] as Codec<T[keyof T]>
  return {
    write: (value, context) => {
      const present = keys.filter((key) => value[key] !== undefined)
      return `{${present.map((key) => `"${key}":${codec(key).write(value[key], context)}`).join(',')}}`
    },
    read: (json, path, context) => {
      if (!isObject(json)) return refuse('an object', json, path, context)
      const present = keys.filter((key) => json[key] !== undefined || !optional.includes(key))
      const inside = (key: string) => (path ? `${path}.${key}` : key)
      return Object.fromEntries(present.map((key) => [key, codec(key).read(json[key], inside(key), context)])) as T
    },
  }
}

const offset: Codec<[number, number]> = {
  write: ([start, end]) => `[${start},${end}]`,
  read: (json, path, context) => {
    const [start, end, more] = list(count).read(json, path, context)
    if (start === undefined || end === undefined || more !== undefined)
      return refuse('[start, end]', json, path, context)
    return [start, end]
  },
}

const settings: Codec<AttributionRecord['settings']> = {
  write: (value, context) => {
    const setting = (entry: AttributionRecord['settings'][string]) =>
      typeof entry === 'number' ? writeFloat(entry, { ...context, f32: false }) : JSON.stringify(entry)
    const keys = Object.keys(value).sort()
    return `{${keys.map((key) => `${quote(key)}:${setting(value[key]!)}`).join(',')}}`
  },
  read: (json, path, context) => {
    if (!isObject(json)) return refuse('an object', json, path, context)
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => {
        const simple = value === null || ['string', 'number', 'boolean'].includes(typeof value)
        if (!simple) return refuse('a string, number, boolean or null', value, `${path}.${key}`, context)
        return [key, value as string | number | boolean | null]
      }),
    )
  },
}

const provenance = object<Provenance>(
  { library: text, model: nullable(text), weightsHash: nullable(text), device: text, pipelines: list(text), dtype },
  ['pipelines'],
)

const attribution = object<AttributionRecord>(
  {
    schema,
    method: text,
    target: text,
    targetToken: nullable(count),
    text: nullable(text),
    tokens: list(text),
    offsets: nullable(list(offset)),
    scores: list(float),
    normalizedScores: list(float),
    attributionScore: float,
    attributions: object<NonNullable<AttributionRecord['attributions']>>({ shape: list(count), data: list(float) }),
    fx: float,
    fBaseline: float,
    completenessError: float,
    errorEstimate: float,
    winners: list(
      object<NonNullable<AttributionRecord['winners']>[number]>({ winner: count, start: float, end: float }),
    ),
    exact: boolean,
    sumsTo: text,
    evaluations: object<AttributionRecord['evaluations']>({ forward: count, backward: count }),
    settings,
    warnings: list(text),
    provenance,
  },
  ['attributions', 'errorEstimate', 'winners'],
)

const attention = object<AttentionRecord>({
  schema,
  text: nullable(text),
  tokens: list(text),
  attentions: list(list(list(list(float)))),
  norms: list(list(list(float))),
  provenance,
})

const isAttention = (record: object): record is AttentionRecord => 'attentions' in record

/** One record as one line of JSON, without the newline. Equal records give equal bytes. */
export function toJsonLine(record: AttributionRecord | AttentionRecord): string {
  const context = { f32: record.provenance.dtype === 'f32', line: 0 }
  return isAttention(record) ? attention.write(record, context) : attribution.write(record, context)
}

/** Axes over tokens must be as long as the list of tokens. */
function checkLengths(record: AttributionRecord | AttentionRecord, context: Context): void {
  const length = record.tokens.length
  const check = (path: string, values: unknown[] | null) => {
    if (values && values.length !== length) refuse(`a list of ${length}, one entry a token`, values, path, context)
  }
  const square = (path: string, rows: number[][]) => {
    check(path, rows)
    rows.forEach((row, i) => void check(`${path}[${i}]`, row))
  }
  if (isAttention(record)) {
    record.norms.forEach((rows, l) => void square(`norms[${l}]`, rows))
    record.attentions.forEach((heads, l) => {
      heads.forEach((rows, h) => void square(`attentions[${l}][${h}]`, rows))
    })
    return
  }
  check('scores', record.scores)
  check('normalizedScores', record.normalizedScores)
  check('offsets', record.offsets)
}

/**
 * The record that `toJsonLine` wrote. Keys that this version does not know are passed over.
 *
 * @param lineNumber from 1, for messages
 * @throws {RecordError} where the line is no JSON, has another schema, or a field is missing or of another kind
 */
export function fromJsonLine(line: string, lineNumber = 1): AttributionRecord | AttentionRecord {
  const context: Context = { f32: false, line: lineNumber }
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (error) {
    throw new RecordError(lineNumber, '', `expected JSON (${(error as Error).message})`)
  }
  if (!isObject(json)) return refuse('an object', json, '', context)
  schema.read(json.schema, 'schema', context)
  context.f32 = isObject(json.provenance) && json.provenance.dtype === 'f32'
  const record = 'attentions' in json ? attention.read(json, '', context) : attribution.read(json, '', context)
  checkLengths(record, context)
  return record
}
