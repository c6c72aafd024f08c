/** What a {@link FormatError} can point at. Every field is optional; give those that are known. */
export interface FormatErrorFields {
  /** The file, as the caller named it. */
  file?: string | undefined
  /** The tensor concerned. */
  tensor?: string | undefined
  /** The key of a JSON file or of a header entry concerned. */
  key?: string | undefined
  /** Line of a text file, from 1. */
  line?: number | undefined
  /** Byte of the file, from 0. */
  byte?: number | undefined
  /** What the format demands, as the end of "expected …". */
  expected: string
  /** What the file holds, as the end of "got …". */
  got: string
  /** What the reader of the message can do about it. */
  hint?: string | undefined
  /** The error underneath, if any. */
  cause?: unknown
}

/**
 * A file (or what is about to be written to one) breaks its format. The message is one sentence made of the fields:
 *
 *     model.safetensors, tensor "w", byte 1043: expected offsets from 96, got a hole from 96 to 100 (…)
 *
 * The fields hold the full values; long ones are shortened in the message. It serves any file of a model, not only
 * safetensors: `new FormatError({ file: 'vocab.txt', line: 7, expected: 'a new piece', got: '"the" again' })`.
 */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly file: string | undefined
  readonly tensor: string | undefined
  readonly key: string | undefined
  readonly line: number | undefined
  readonly byte: number | undefined
  readonly expected: string
  readonly got: string
  readonly hint: string | undefined

  constructor(fields: FormatErrorFields) {
    super(sentence(fields), fields.cause === undefined ? undefined : { cause: fields.cause })
    this.file = fields.file
    this.tensor = fields.tensor
    this.key = fields.key
    this.line = fields.line
    this.byte = fields.byte
    this.expected = fields.expected
    this.got = fields.got
    this.hint = fields.hint
  }
}

/** Bytes could not be had from where they lie: a server without ranges, a file cut short while it was read. */
export class ReadError extends Error {
  override readonly name = 'ReadError'
  /** The path or URL. */
  readonly source: string
  /** HTTP status, where there is one. */
  readonly status: number | undefined

  constructor(source: string, problem: string, status?: number) {
    super(`${source}: ${problem}`)
    this.source = source
    this.status = status
  }
}

function sentence({ file, tensor, key, line, byte, expected, got, hint }: FormatErrorFields): string {
  const places = [
    file,
    tensor === undefined ? undefined : `tensor ${quote(tensor)}`,
    key === undefined ? undefined : `key ${quote(key)}`,
    line === undefined ? undefined : `line ${line}`,
    byte === undefined ? undefined : `byte ${byte}`,
  ].filter((place) => place !== undefined)
  const where = places.length > 0 ? `${places.join(', ')}: ` : ''
  return `${where}expected ${expected}, got ${got}${hint === undefined ? '' : ` (${hint})`}`
}

/** `text` in double quotes, control characters escaped, cut after 100 characters: safe to show on a terminal. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)
}
