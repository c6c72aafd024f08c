/** The list of pieces that a model knows, and their numbers. */
import { FormatError } from 'safetensors-ts'

/** Pieces by id and ids by piece. The id of a piece is its place in the list, from 0. */
export class Vocabulary {
  readonly #pieces: readonly string[]
  readonly #ids = new Map<string, number>()
  /** as #ids, the pieces that continue a word, without their "##" */
  readonly #continuations = new Map<string, number>()
  /** the file it was read from, for messages */
  readonly file: string | undefined
  /** length of the longest piece, in UTF-16 code units and without "##" */
  readonly longestPiece: number

  /**
   * @param pieces one string per id; pieces that continue a word begin with "##"
   * @param options.file name of the file they come from, for messages
   * @throws {FormatError} if a piece is empty or occurs twice
   */
  constructor(pieces: readonly string[], options: { file?: string } = {}) {
    const { file } = options
    this.#pieces = [...pieces]
    this.file = file
    let longest = 0
    for (const [id, piece] of pieces.entries()) {
      const first = this.#ids.get(piece)
      const got = first !== undefined ? `${JSON.stringify(piece)} again, first on line ${first + 1}` : 'an empty line'
      if (first !== undefined || piece === '') {
        throw new FormatError({ expected: 'a new piece on every line', got, file: file ?? 'vocabulary', line: id + 1 })
      }
      this.#ids.set(piece, id)
      const bare = piece.startsWith('##') ? piece.slice(2) : piece
      if (bare !== piece) this.#continuations.set(bare, id)
      longest = Math.max(longest, bare.length)
    }
    this.longestPiece = longest
  }

  /**
   * Reads the text of a `vocab.txt`: one piece per line, its id the number of the line from 0. Lines end with "\n" or
   * "\r\n"; the last may lack its end. Spaces belong to the piece.
   *
   * @throws {FormatError} if a line is empty or a piece occurs twice
   */
  static fromText(text: string, options: { file?: string } = {}): Vocabulary {
    const lines = text.split(/\r?\n/)
    if (lines.at(-1) === '') lines.pop()
    return new Vocabulary(lines, options)
  }

  /** Number of pieces. */
  get size(): number {
    return this.#pieces.length
  }

  /** Id of a piece, "##" included, or undefined. */
  id(piece: string): number | undefined {
    return this.#ids.get(piece)
  }

  /** Id of "##" + `text`, or undefined. */
  continuationId(text: string): number | undefined {
    return this.#continuations.get(text)
  }

  /** @throws {RangeError} if `id` is not an integer in [0, size) */
  piece(id: number): string {
    const piece = this.#pieces[id]
    if (piece === undefined) throw new RangeError(`piece: expected an id in [0, ${this.size}), got ${id}`)
    return piece
  }
}
