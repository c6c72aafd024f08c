import { FormatError, quote } from './errors.ts'

/** Values nested deeper than this are refused, so that no header can exhaust the stack. */
const maxDepth = 64

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const repairingDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads JSON front to back, driven by the caller, who knows what must come next. Unlike `JSON.parse` it refuses
 * duplicate keys and lone surrogates, reads integers exactly, builds nothing that nobody asked for, and names the byte
 * of an error. The text must be UTF-8.
 */
export class JsonReader {
  readonly #text: string
  readonly #file: string | undefined
  readonly #firstByte: number
  #at = 0
  /** The tensor whose entry is being read, if any: errors name it. */
  tensor: string | undefined

  /** `firstByte` is the place of `bytes` in the file. */
  constructor(bytes: Uint8Array, { file, firstByte = 0 }: { file?: string | undefined; firstByte?: number } = {}) {
    this.#file = file
    this.#firstByte = firstByte
    this.#text = this.#decode(bytes)
  }

  /** Place of the next token, for {@link fail}. */
  get at(): number {
    this.#skipSpace()
    return this.#at
  }

  /** Throws a {@link FormatError} at the byte of the place `at`. `got` is by default what stands there. */
  fail(expected: string, { at = this.#at, ...fields }: { at?: number; got?: string; hint?: string } = {}): never {
    const byte = this.#firstByte + encoder.encode(this.#text.slice(0, at)).length
    throw new FormatError({ file: this.#file, tensor: this.tensor, byte, expected, got: this.#excerpt(at), ...fields })
  }

  /** Whether the next character, spaces not skipped, is `character`. */
  startsWith(character: string): boolean {
    return this.#text[this.#at] === character
  }

  /** Reads an object; `each` is called with every key and must read its value. Returns the keys. */
  object(each: (key: string) => void): Set<string> {
    const keys = new Set<string>()
    this.#list('{', '}', () => {
      const at = this.at
      const key = this.string()
      if (keys.has(key)) this.fail('every key once', { at, got: `${quote(key)} again` })
      keys.add(key)
      if (!this.#take(':')) this.fail('":"')
      each(key)
    })
    return keys
  }

  /** Reads an array; `each` is called for every element and must read it. */
  array(each: () => void): void {
    this.#list('[', ']', each)
  }

  /** Reads a string. */
  string(): string {
    const start = this.at
    if (!this.startsWith('"')) this.fail('a string')
    let escaped = false
    let end = start + 1
    for (let code = this.#text.charCodeAt(end); code !== 0x22; code = this.#text.charCodeAt(++end)) {
      if (Number.isNaN(code)) this.fail('the closing quote of a string', { at: end })
      if (code < 0x20) this.fail('control characters escaped', { at: end })
      if (code !== 0x5c) continue
      escaped = true
      end++
    }
    this.#at = end + 1
    return escaped ? this.#unescape(start) : this.#text.slice(start + 1, end)
  }

  /** Reads an integer from 0 to 2⁵³ − 1, written with digits alone. */
  integer(): number {
    const start = this.at
    const token = this.#token()
    if (token.length > 16 || !/^(0|[1-9][0-9]*)$/.test(token) || !Number.isSafeInteger(Number(token))) {
      this.fail('an integer from 0 to 2^53 - 1', { at: start })
    }
    return Number(token)
  }

  /** Reads and drops any value, and returns its text. */
  skip(depth = 0): string {
    const start = this.at
    if (depth > maxDepth) this.fail(`values nested at most ${maxDepth} deep`)
    if (this.startsWith('{')) this.object(() => this.skip(depth + 1))
    else if (this.startsWith('[')) this.array(() => this.skip(depth + 1))
    else if (this.startsWith('"')) this.string()
    else {
      const token = this.#token() // its length is bounded so that the regular expression can not run out of stack
      const known = /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$/
      if (token.length > 1000 || !known.test(token)) this.fail('a JSON value', { at: start })
    }
    return this.#text.slice(start, this.#at)
  }

  /** Demands that only white space is left. */
  end(): void {
    if (this.at < this.#text.length) this.fail('nothing but spaces after the JSON')
  }

  #list(open: string, close: string, each: () => void): void {
    if (!this.#take(open)) this.fail(`"${open}"`)
    if (this.#take(close)) return
    do each()
    while (this.#take(','))
    if (!this.#take(close)) this.fail(`"," or "${close}"`)
  }

  #take(character: string): boolean {
    this.#skipSpace()
    if (!this.startsWith(character)) return false
    this.#at++
    return true
  }

  /** Takes the longest run of characters that numbers and literals are made of. */
  #token(): string {
    const start = this.#at
    while (isTokenCode(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#text.slice(start, this.#at)
  }

  #skipSpace(): void {
    for (let code = this.#text.charCodeAt(this.#at); code <= 0x20; code = this.#text.charCodeAt(++this.#at)) {
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    }
  }

  #unescape(start: number): string {
    let value: string
    try {
      value = JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch {
      return this.fail('a string with valid escapes', { at: start })
    }
    if (/\p{Surrogate}/u.test(value)) this.fail('surrogates in pairs', { at: start })
    return value
  }

  #decode(bytes: Uint8Array): string {
    const copy = new Uint8Array(bytes) // TextDecoder refuses shared memory in browsers
    try {
      return strictDecoder.decode(copy)
    } catch (cause) {
      const repaired = encoder.encode(repairingDecoder.decode(copy))
      const wrong = copy.findIndex((byte, i) => byte !== repaired[i]) // none if the last character is cut short
      const got = wrong < 0 ? 'an incomplete character' : `byte 0x${copy[wrong]!.toString(16)}`
      const byte = this.#firstByte + (wrong < 0 ? copy.length : wrong)
      throw new FormatError({ file: this.#file, byte, expected: 'UTF-8', got, cause })
    }
  }

  #excerpt(at: number): string {
    const text = /^(?:[^\s,:[\]{}]{1,40}|.)/su.exec(this.#text.slice(at, at + 80))?.[0]
    return text === undefined ? 'the end of the JSON' : quote(text)
  }
}

/** Digits, letters, plus, minus and full stop. */
function isTokenCode(code: number): boolean {
  const letter = code | 0x20
  const isSign = code === 0x2b || code === 0x2d || code === 0x2e
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a) || isSign
}
