/** The smallest ONNX file: one matrix product with a constant right side, written by hand as protocol buffers. */

/** A varint of an unsigned whole number. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return [...bytes, rest]
}

type Field = Uint8Array

const number = (field: number, value: number): Field => Uint8Array.from([...varint(field * 8), ...varint(value)])

function bytes(field: number, content: Uint8Array): Field {
  return concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content])
}

const text = (field: number, value: string): Field => bytes(field, new TextEncoder().encode(value))
const message = (field: number, ...fields: Field[]): Field => bytes(field, concat(fields))

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const float32 = 1

/** A ValueInfoProto: a float32 matrix of this name. */
const matrix = (field: number, name: string, shape: readonly number[]): Field =>
  message(
    field,
    text(1, name),
    message(2, message(1, number(1, float32), message(2, ...shape.map((size) => message(1, number(1, size)))))),
  )

/**
 * A model `c = a b`, b constant: ONNX IR 8, operator set 13. Field numbers are those of `onnx.proto`.
 *
 * @param shape  m × k × n
 * @param b      k × n numbers, row by row
 */
export function matmulModel([m, k, n]: readonly [number, number, number], b: Float32Array): Uint8Array {
  const raw = new Uint8Array(b.buffer, b.byteOffset, b.byteLength)
  const node = message(1, text(1, 'a'), text(1, 'b'), text(2, 'c'), text(4, 'MatMul'))
  const constant = message(5, number(1, k), number(1, n), number(2, float32), text(8, 'b'), bytes(9, raw))
  const graph = message(7, node, text(2, 'product'), constant, matrix(11, 'a', [m, k]), matrix(12, 'c', [m, n]))
  return concat([number(1, 8), message(8, number(2, 13)), graph])
}
