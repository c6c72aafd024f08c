/**
 * Philox4x32-10: random words as a function of a counter and a key, with no state between calls. The same element of
 * the same key has the same bits whatever was drawn before, so a mask can be made again in a recomputation.
 *
 * @see Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"
 */

/** The high half of the product of two 32-bit words; `Math.imul` gives the low one. */
function highOfProduct(a: number, b: number): number {
  const a1 = a >>> 16
  const a0 = a & 0xffff
  const b1 = b >>> 16
  const b0 = b & 0xffff
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const carried = (middle & 0xffff) + a0 * b1
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000)) >>> 0
}

export type Words = [number, number, number, number]

/** Names one stream of random numbers. Plain data; use each key once, and `fold` it for more. */
export type RandomKey = readonly [number, number]

/** Four words for a counter of four and a key of two. */
export function philox(counter: Readonly<Words>, key: RandomKey): Words {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = highOfProduct(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0) >>> 0
    const high1 = highOfProduct(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** What a counter's third word is for, so that no two uses of a key share numbers. */
export const uses = { fold: 1, uniform: 2, normal: 3, truncated: 4, permutation: 5, dropout: 6 } as const

export const low = (n: number): number => n >>> 0
export const high = (n: number): number => Math.floor(n / 2 ** 32) >>> 0

/** The words at place `i` of a key's numbers for one use; `attempt` counts draws at one place. */
export const wordsAt = (key: RandomKey, use: keyof typeof uses, i: number, attempt = 0): Words =>
  philox([low(i), high(i), uses[use], attempt], key)
