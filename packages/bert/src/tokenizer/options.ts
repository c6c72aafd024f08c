/** The tokenizer's options, their defaults, and Hugging Face's names for them. */
import { FormatError } from 'safetensors-ts'

/** What each special token is called in the vocabulary. */
export interface SpecialTokenNames {
  /** default "[PAD]" */
  pad: string
  /** default "[UNK]" */
  unk: string
  /** default "[CLS]" */
  cls: string
  /** default "[SEP]" */
  sep: string
  /** default "[MASK]" */
  mask: string
}

/** Options of `WordPieceTokenizer`. The defaults are those of the uncased models in Hugging Face's fast tokenizer. */
export interface TokenizerOptions {
  /** lower each character by itself; default true. Cased models need false */
  lowercase?: boolean
  /** decompose (NFD) and drop nonspacing marks; default: as `lowercase` */
  stripAccents?: boolean
  /** make each CJK ideograph a word; default true */
  tokenizeChineseChars?: boolean
  /** compose (NFC) after cleaning, as Hugging Face's slow tokenizer; default false */
  nfc?: boolean
  /** longest word that is cut into pieces, in code points; a longer one is unknown. Default 100; Google's code has 200 */
  maxChars?: number
  /**
   * take special tokens out of raw text first, also within a word; default true. With false, as in Google's code,
   * "[MASK]" in a text is the three words "[", "mask", "]"
   */
  specialTokensInText?: boolean
  specialTokens?: Partial<SpecialTokenNames>
}

export const defaultSpecialTokens: Readonly<SpecialTokenNames> = {
  pad: '[PAD]',
  unk: '[UNK]',
  cls: '[CLS]',
  sep: '[SEP]',
  mask: '[MASK]',
}

/**
 * Options from the parsed JSON of a `tokenizer_config.json` (or `special_tokens_map.json`): `do_lower_case`,
 * `strip_accents`, `tokenize_chinese_chars`, and `pad_token`, `unk_token`, `cls_token`, `sep_token`, `mask_token`, each
 * a string or an object with `content`. Null is as good as absent, other keys are passed over.
 *
 * @param json undefined for a folder without the file: all defaults, hence lower case, as in Transformers
 * @param options.file name of the file, for messages
 * @throws {FormatError} if the JSON is no object or a value has another type
 */
export function tokenizerOptions(json: unknown, options: { file?: string } = {}): TokenizerOptions {
  const { file = 'tokenizer_config.json' } = options
  if (json === undefined) return {}
  if (!isObject(json)) throw new FormatError({ expected: 'a JSON object', got: JSON.stringify(json), file })
  const flag = (key: string): boolean | undefined => {
    const value = json[key] ?? undefined
    if (value === undefined || typeof value === 'boolean') return value
    throw new FormatError({ expected: `${key} to be true, false or null`, got: JSON.stringify(value), file })
  }
  const name = (key: string): string | undefined => {
    const value = json[key] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    if (isObject(value) && typeof value.content === 'string') return value.content
    throw new FormatError({
      expected: `${key} to be a string or an object with content`,
      got: JSON.stringify(value),
      file,
    })
  }
  return withoutUndefined({
    lowercase: flag('do_lower_case'),
    stripAccents: flag('strip_accents'),
    tokenizeChineseChars: flag('tokenize_chinese_chars'),
    specialTokens: withoutUndefined({
      pad: name('pad_token'),
      unk: name('unk_token'),
      cls: name('cls_token'),
      sep: name('sep_token'),
      mask: name('mask_token'),
    }),
  })
}

/** Options under Hugging Face's names, as `tokenizerOptions` reads them; what those have no name for is left out. */
export function tokenizerOptionsToJson(options: TokenizerOptions): Record<string, unknown> {
  const { lowercase, stripAccents, tokenizeChineseChars, specialTokens = {} } = options
  const { pad, unk, cls, sep, mask } = specialTokens
  return withoutUndefined({
    do_lower_case: lowercase ?? true,
    strip_accents: stripAccents,
    tokenize_chinese_chars: tokenizeChineseChars,
    pad_token: pad,
    unk_token: unk,
    cls_token: cls,
    sep_token: sep,
    mask_token: mask,
  })
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same object without the keys whose value is undefined, so that they take their defaults. */
function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
