/** A PNG with a palette, not compressed: a heat map needs one byte a cell and no script to be seen. */
import { hex, missing, type Rgb, viridisRgb } from './colors.ts'

/** Levels of viridis in the palette; the entry after them stands for NaN. */
const levels = 255

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0]
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return ((b << 16) | a) >>> 0
}

const big32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

function concat(parts: ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function chunk(type: string, data: ArrayLike<number>): Uint8Array {
  const body = concat([Array.from(type, (letter) => letter.charCodeAt(0)), data])
  return concat([big32(data.length), body, big32(crc32(body))])
}

/** A zlib stream of stored blocks, each of at most 65535 bytes. */
function store(bytes: Uint8Array): Uint8Array {
  const blocks: ArrayLike<number>[] = [[0x78, 0x01]]
  for (let start = 0; start === 0 || start < bytes.length; start += 65535) {
    const block = bytes.subarray(start, start + 65535)
    const last = start + 65535 >= bytes.length ? 1 : 0
    const n = block.length
    blocks.push([last, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255], block)
  }
  return concat([...blocks, big32(adler32(bytes))])
}

/** Base64 of bytes. */
export function base64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let i = 0; i < bytes.length; i += 8190) parts.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 8190))))
  return parts.join('')
}

/**
 * A matrix as the address (`data:image/png;base64,…`) of a picture with one pixel a value: viridis from 0 to `max`,
 * values beyond clipped, NaN grey.
 *
 * @param matrix `[rows][columns]`, at least 1 × 1
 */
export function heatmapPng(matrix: readonly (readonly number[])[], max: number): string {
  const height = matrix.length
  const width = matrix[0]?.length ?? 0
  const rows = new Uint8Array(height * (width + 1)) // each row begins with its filter, 0 for none
  matrix.forEach((row, i) => {
    row.forEach((value, j) => {
      const level = Math.round(Math.min(1, Math.max(0, value / max)) * (levels - 1))
      rows[i * (width + 1) + 1 + j] = Number.isNaN(level) ? levels : level
    })
  })
  const palette: Rgb[] = [...Array.from({ length: levels }, (_, i) => viridisRgb(i / (levels - 1))), missing]
  const bytes = concat([
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk('IHDR', [...big32(width), ...big32(height), 8, 3, 0, 0, 0]), // 8 bits, palette
    chunk('PLTE', palette.flat()),
    chunk('IDAT', store(rows)),
    chunk('IEND', []),
  ])
  return `data:image/png;base64,${base64(bytes)}`
}

/** Viridis from left to right, as the background of a colour bar. */
export const viridisGradient = `linear-gradient(to right, ${Array.from({ length: 10 }, (_, i) =>
  hex(viridisRgb(i / 9)),
).join(', ')})`
