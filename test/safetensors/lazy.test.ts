/** Reading piece by piece: which bytes are asked for, blobs, HTTP ranges and servers that get them wrong. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type ByteSource,
  blobSource,
  FormatError,
  fetchSource,
  openSource,
  ReadError,
  serializeSafetensors,
} from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { craft, rejection } from './craft.ts'

const test = suite('safetensors: lazy reading')

const bytes = serializeSafetensors(
  {
    m: { dtype: 'F32', shape: [100, 64], data: Float32Array.from({ length: 6400 }, (_, i) => i) },
    v: { dtype: 'U8', shape: [200000], data: Uint8Array.from({ length: 200000 }, (_, i) => i % 251) },
  },
  { format: 'pt' },
)
const dataStart = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))

/** A source that writes down what is read, relative to the data section, and whether it was closed. */
function spy(file: Uint8Array, gap: number) {
  const reads: [number, number][] = []
  const state = { closed: 0 }
  const source: ByteSource = {
    size: file.length,
    file: 'spy',
    gap,
    read: async (begin, end) => {
      reads.push([begin - dataStart, end - dataStart])
      return file.slice(begin, end)
    },
    close: async () => {
      state.closed++
    },
  }
  return { source, reads, state }
}

test('opening reads the header alone; get reads one tensor', async () => {
  const { source, reads, state } = spy(bytes, 0)
  const file = await openSource(source)
  assert.equal(file.names, ['m', 'v'])
  assert.equal(file.metadata, { format: 'pt' })
  assert.equal(reads, [
    [-dataStart, 8 - dataStart],
    [8 - dataStart, 0],
  ])
  reads.length = 0
  assert.is((await file.get('v')).data[250], 250)
  assert.equal(reads, [[25600, 225600]])
  assert.equal(await file.bytes('m'), bytes.slice(dataStart, dataStart + 25600))
  await rejection(file.bytes('w'), FormatError, /expected one of "m", "v"/)
  await file.close()
  assert.is(state.closed, 1)
})

test('a slice of rows reads just those rows in one piece; whole trailing axes join', async () => {
  const { source, reads } = spy(bytes, 0)
  const file = await openSource(source)
  reads.length = 0
  const rows = await file.slice('m', [[10, 13]])
  assert.equal(reads, [[10 * 256, 13 * 256]])
  assert.equal(rows.shape, [3, 64])
  assert.is(rows.data[0], 640)
  reads.length = 0
  await file.slice('m', [
    [10, 13],
    [0, 64],
  ])
  assert.equal(reads, [[10 * 256, 13 * 256]])
  reads.length = 0
  assert.equal((await file.slice('m', [[5, 5]])).shape, [0, 64])
  assert.equal(reads, [])
})

test('a slice of columns reads each piece, or one block where the gaps are small', async () => {
  const columns = async (gap: number) => {
    const { source, reads } = spy(bytes, gap)
    const file = await openSource(source)
    reads.length = 0
    const { data } = await file.slice('m', [
      [2, 5],
      [4, 6],
    ])
    assert.equal([...data], [132, 133, 196, 197, 260, 261])
    return reads
  }
  assert.equal(await columns(0), [
    [528, 536],
    [784, 792],
    [1040, 1048],
  ])
  assert.equal(await columns(247), await columns(0))
  assert.equal(await columns(248), [[528, 1048]])
})

test('blocks of joined pieces stay below 8 MiB', async () => {
  const rows = 6000
  const data = new Uint8Array(rows * 4096).map((_, i) => i / 4096)
  const big = serializeSafetensors({ m: { dtype: 'U8', shape: [rows, 4096], data } })
  const { source, reads } = spy(big, 4096)
  const file = await openSource(source)
  reads.length = 0
  const column = await file.slice('m', [null, [7, 8]])
  assert.equal(
    column.data,
    Uint8Array.from({ length: rows }, (_, i) => i),
  )
  assert.is(reads.length, 3)
  assert.ok(reads.every(([begin, end]) => end - begin <= 8 * 2 ** 20))
})

test('iterating gives every tensor', async () => {
  const seen: string[] = []
  for await (const [name, tensor] of await openSource(blobSource(new Blob([bytes.slice()])))) {
    seen.push(`${name} ${tensor.data.length}`)
  }
  assert.equal(seen, ['m 6400', 'v 200000'])
})

test('a broken header closes the source and says what is wrong', async () => {
  for (const broken of [new Uint8Array(3), craft('{x}'), bytes.slice(0, 100000), bytes.slice(0, 20)]) {
    const { source, state } = spy(broken, 0)
    await rejection(openSource(source), FormatError, /spy, .*expected/)
    assert.is(state.closed, 1)
  }
})

test('a source that returns too few bytes is a ReadError', async () => {
  const { source } = spy(bytes, 0)
  const file = await openSource({
    ...source,
    read: async (begin, end) => bytes.slice(begin, Math.min(end, dataStart + 9)),
  })
  await rejection(file.get('m'), ReadError, /spy: expected 25600 bytes from \d+, got 9/)
})

test('a blob is read in pieces', async () => {
  const file = await openSource(blobSource(new Blob([bytes.slice()]), { file: 'chosen.safetensors' }))
  assert.is(file.file, 'chosen.safetensors')
  assert.is((await file.get('m')).data[6399], 6399)
})

type Answer = (request: IncomingMessage, response: ServerResponse, begin: number, end: number) => void

/** Runs `use` with the URL of a server that answers range requests by `answer`. */
async function serving<T>(answer: Answer, use: (url: string, ranges: string[]) => Promise<T>): Promise<T> {
  const ranges: string[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '')
    const [, begin, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!
    answer(request, response, Number(begin), Math.min(Number(end) + 1, bytes.length))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/m.safetensors`, ranges)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const honest: Answer = (_, response, begin, end) => {
  response.writeHead(206, { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}`, etag: '"1"' })
  response.end(bytes.subarray(begin, end))
}

test('over HTTP, header and early tensors come with the first request, others with one each', async () => {
  await serving(honest, async (url, ranges) => {
    const file = await openSource(await fetchSource(url))
    assert.is((await file.get('m')).data[6399], 6399)
    assert.equal(ranges, ['bytes=0-65535'])
    assert.is((await file.get('v')).data[199999], 199999 % 251)
    assert.equal(ranges.slice(1), [`bytes=${dataStart + 25600}-${bytes.length - 1}`])
  })
})

test('a file shorter than the first request is read whole', async () => {
  const small = serializeSafetensors({ a: { dtype: 'I16', shape: [2], data: Int16Array.of(1, -2) } })
  const answer: Answer = (_, response) => {
    response.writeHead(206, { 'content-range': `bytes 0-${small.length - 1}/${small.length}` }).end(small)
  }
  await serving(answer, async (url, ranges) => {
    const file = await openSource(await fetchSource(url))
    assert.equal((await file.get('a')).data, Int16Array.of(1, -2))
    assert.is(ranges.length, 1)
  })
})

test('headers are sent, and a fetch of one’s own is used', async () => {
  let authorization: string | undefined
  const answer: Answer = (request, ...rest) => {
    authorization = request.headers.authorization
    honest(request, ...rest)
  }
  await serving(answer, async (url) => {
    let calls = 0
    const counting: typeof fetch = (...args) => {
      calls++
      return fetch(...args)
    }
    await fetchSource(url, { fetch: counting, headers: { authorization: 'Bearer x' } })
    assert.is(authorization, 'Bearer x')
    assert.is(calls, 1)
  })
})

const liars: [string, Answer, RegExp, number | undefined][] = [
  ['ignores the range', (_, r) => r.writeHead(200).end(bytes), /ignored the range; download the file/, 200],
  ['has no such file', (_, r) => r.writeHead(404).end('no'), /m\.safetensors: bytes 0 to 65536: .* answered 404/, 404],
  ['sends no Content-Range', (_, r) => r.writeHead(206).end('x'), /no usable Content-Range \(null\)/, 206],
  [
    'does not tell the size',
    (_, r) => r.writeHead(206, { 'content-range': 'bytes 0-9/*' }).end('0123456789'),
    /no usable Content-Range/,
    206,
  ],
  [
    'sends another range',
    (_, r) => r.writeHead(206, { 'content-range': 'bytes 1-10/99' }).end('0123456789'),
    /sent other bytes: bytes 1-10\/99/,
    206,
  ],
  [
    'sends less than it says',
    (_, r) => r.writeHead(206, { 'content-range': 'bytes 0-99/200' }).end('0123456789'),
    /expected 100 bytes from 0, got 10/,
    206,
  ],
]
for (const [what, answer, message, status] of liars) {
  test(`a server that ${what} is a ReadError`, () =>
    serving(answer, async (url) => {
      const error = await rejection(fetchSource(url), ReadError, message)
      assert.is(error.status, status)
      assert.is(error.source, url)
    }))
}

test('a file that changes between requests, and a range cut short later, are ReadErrors', async () => {
  let etag = 0
  const changing: Answer = (_, response, begin, end) => {
    response.writeHead(206, { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}`, etag: `"${etag++}"` })
    response.end(bytes.subarray(begin, end))
  }
  await serving(changing, async (url) => {
    const file = await openSource(await fetchSource(url))
    await rejection(file.get('v'), ReadError, /has changed while it was read/)
  })
  const short: Answer = (request, response, begin, end) =>
    honest(request, response, begin, Math.min(end, begin + 65536))
  await serving(short, async (url) => {
    const file = await openSource(await fetchSource(url))
    await rejection(file.get('v'), ReadError, /expected 200000 bytes from \d+, got 65536/)
  })
})

test.run()
