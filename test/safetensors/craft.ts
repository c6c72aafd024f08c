/** Files made byte by byte, broken ones above all. */

import { FormatError } from 'safetensors-ts'
import * as assert from 'uvu/assert'

/** A file with this header text, exactly as given, and these data. */
export function craft(header: string | Uint8Array, data: Uint8Array | number = 0): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const body = typeof data === 'number' ? new Uint8Array(data) : data
  const file = new Uint8Array(8 + text.length + body.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  file.set(body, 8 + text.length)
  return file
}

/** A header entry. */
export const entry = (name: string, dtype: string, shape: readonly unknown[], offsets: readonly unknown[]): string =>
  `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offsets}]}`

/** The error that `run` throws; it must be a FormatError whose message matches. */
export function formatError(run: () => unknown, message: RegExp): FormatError {
  try {
    run()
  } catch (error) {
    assert.instance(error, FormatError)
    assert.match((error as FormatError).message, message)
    return error as FormatError
  }
  throw new Error(`expected a FormatError that matches ${message}, got a result`)
}

/** The error that the promise is rejected with; it must be of this class, and its message must match. */
export async function rejection<E extends Error>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => E,
  message: RegExp,
): Promise<E> {
  const error = await promise.then(
    () => new TypeError(`expected an error that matches ${message}, got a result`),
    (error: unknown) => error,
  )
  assert.match(String(error), message)
  assert.instance(error, type)
  return error as E
}
