import { ReadError } from './errors.ts'

/** Something whose bytes can be read piece by piece. Implement it to read from anywhere else. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number
  /** Path, URL or other name, for errors. */
  readonly file?: string | undefined
  /** It is cheaper to read this many unwanted bytes than to start another read; 4096 if not given. */
  readonly gap?: number
  /** Bytes `[begin, end)`, exactly as many, in memory that the caller may keep. */
  read(begin: number, end: number): Promise<Uint8Array>
  /** Gives back what the source holds open. */
  close?(): Promise<void>
}

/** The part of `Blob` (and `File`) that is used. */
export interface BlobLike {
  readonly size: number
  slice(begin: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

/** Reads a `Blob`, such as a `File` that a user has chosen. */
export function blobSource(blob: BlobLike, { file }: { file?: string } = {}): ByteSource {
  const read = async (begin: number, end: number) => new Uint8Array(await blob.slice(begin, end).arrayBuffer())
  return { size: blob.size, file, read }
}

/** The part of `fetch` that is used. */
export type FetchLike = (
  url: string,
  init: { headers: Record<string, string> },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body?: { cancel(): Promise<void> } | null
  arrayBuffer(): Promise<ArrayBuffer>
}>

/** So much of a file comes with the first request: most headers fit. */
const firstBytes = 65536

/**
 * Reads a URL by HTTP range requests. One request is made at once; it tells the size and fetches the first 64 KiB.
 *
 * @param options.fetch   default the global `fetch`; give your own to add a signal or retries
 * @param options.headers sent with every request, such as `{ authorization: 'Bearer …' }`
 * @throws {ReadError} if the server does not answer with exactly the bytes asked for, or the file changes meanwhile;
 *   `status` tells which answer it gave
 */
export async function fetchSource(
  url: string,
  options: { fetch?: FetchLike; headers?: Record<string, string> } = {},
): Promise<ByteSource> {
  const { fetch = globalThis.fetch, headers = {} } = options
  const request = async (begin: number, end: number) => {
    const response = await fetch(url, { headers: { ...headers, range: `bytes=${begin}-${end - 1}` } })
    const problem = rangeProblem(response.status, response.headers.get('content-range'), begin)
    if (problem !== undefined) {
      await response.body?.cancel()
      throw new ReadError(url, `bytes ${begin} to ${end}: ${problem}`, response.status)
    }
    const [, , last, size] = contentRange(response.headers.get('content-range'))!
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (bytes.length !== last! + 1 - begin) {
      throw new ReadError(
        url,
        `expected ${last! + 1 - begin} bytes from ${begin}, got ${bytes.length}`,
        response.status,
      )
    }
    return { bytes, size: size!, version: `${size} ${response.headers.get('etag')}` }
  }
  const first = await request(0, firstBytes)
  const read = async (begin: number, end: number) => {
    if (end <= first.bytes.length) return first.bytes.slice(begin, end)
    const { bytes, version } = await request(begin, end)
    if (version !== first.version) throw new ReadError(url, 'the file has changed while it was read; open it again')
    if (bytes.length !== end - begin) {
      throw new ReadError(url, `expected ${end - begin} bytes from ${begin}, got ${bytes.length}`)
    }
    return bytes
  }
  return { size: first.size, file: url, gap: 262144, read }
}

/** `bytes 0-7/100` as [0-7/100 text, 0, 7, 100]. */
function contentRange(header: string | null): number[] | undefined {
  return /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header ?? '')?.map(Number)
}

function rangeProblem(status: number, header: string | null, begin: number): string | undefined {
  if (status === 200) return 'the server ignored the range; download the file and use parseSafetensors'
  if (status !== 206) return `the server answered ${status}`
  const range = contentRange(header)
  if (range === undefined) return `no usable Content-Range (${header}); across origins the server must expose it`
  if (range[1] !== begin) return `the server sent other bytes: ${header}`
  return undefined
}
