/**
 * Indices that were computed on the device: whether they are in range is known when the device gets there. The answers
 * are gathered in a bank of slots, which is read together with the next result.
 */
import type { View } from '../../kernels.ts'
import { sizeOf } from '../../shape.ts'
import { joinAxes } from '../nest.ts'
import type { Engine } from './engine.ts'
import { usage } from './memory.ts'
import { perThread, type Source } from './source.ts'
import { nestParams, nestSource } from './walk.ts'

const slots = 256
const wordsPerSlot = 2
const bankBytes = slots * wordsPerSlot * 4

/** What to say of a value that is out of range. */
export type RangeFailure = (value: number) => Error

/** The largest and the smallest value out of range, so that the answer does not depend on who came first. */
const source = (rank: number) => (): Source => {
  const { params, places } = nestSource(['x'], rank)
  return {
    params: { threads: 'u32', size: 'i32', ignored: 'i32', ignores: 'u32', slot: 'u32', ...params },
    reads: { x: 'i32' },
    writes: { bank: 'atomic<i32>' },
    body: perThread(`${places}
  let value = x[x_i];
  if ((value >= 0 && value < p.size) || (p.ignores != 0u && value == p.ignored)) { return; }
  if (value < 0) { atomicMin(&bank[p.slot * 2u + 1u], value); } else { atomicMax(&bank[p.slot * 2u], value); }`),
  }
}

export class IndexChecks {
  readonly #engine: Engine
  #bank: GPUBuffer | null = null
  #checks: RangeFailure[] = []
  readonly #underway = new Set<Promise<void>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Enqueues a check that every index is in [0, size), or `ignored`. */
  check(index: View, size: number, ignored: number | null, error: RangeFailure): void {
    if (sizeOf(index.shape) === 0) return
    if (this.#checks.length === slots) this.close()
    const { device } = this.#engine
    // a new buffer is all zeros, which no value out of range leaves: at most −1, or at least size ≥ 1
    this.#bank ??= device.createBuffer({ size: bankBytes, usage: usage.storage | usage.copySource })
    const buffer = { dtype: 'i32', capacity: slots * wordsPerSlot, data: { gpu: this.#bank, host: null } } as const
    const bank: View = { buffer, shape: [slots * wordsPerSlot], strides: [1], offset: 0 }
    const slot = this.#checks.push(error) - 1
    const { sizes, strides } = joinAxes(index.shape, [index])
    const params = { size, ignored: ignored ?? 0, ignores: Number(ignored !== null), slot }
    this.#engine.runThreads(
      `wgsl:index check/${sizes.length}`,
      source(sizes.length),
      { x: index, bank },
      sizeOf(index.shape),
      { ...params, ...nestParams(['x'], sizes, strides) },
    )
  }

  /** Starts to read the bank; what was out of range becomes a failure of the engine. */
  close(): void {
    const [bank, checks] = [this.#bank, this.#checks]
    if (!bank) return
    this.#bank = null
    this.#checks = []
    const { device } = this.#engine
    const staging = device.createBuffer({ size: bankBytes, usage: usage.mapRead | usage.copyTarget })
    this.#engine.copyBytes(bank, 0, staging, bankBytes)
    this.#engine.flush()
    bank.destroy()
    const reading = (async () => {
      await staging.mapAsync(1)
      const words = new Int32Array(staging.getMappedRange().slice(0))
      staging.destroy()
      for (const [slot, error] of checks.entries()) {
        const [largest, smallest] = [words[slot * wordsPerSlot]!, words[slot * wordsPerSlot + 1]!]
        if (smallest < 0 || largest > 0) this.#engine.fail(error(smallest < 0 ? smallest : largest))
      }
    })().catch(() => this.#engine.requireAlive())
    this.#underway.add(reading)
    void reading.finally(() => this.#underway.delete(reading)).catch(() => {})
  }

  /** Waits for every check that was enqueued. */
  async settle(): Promise<void> {
    this.close()
    await Promise.all(this.#underway)
  }
}
