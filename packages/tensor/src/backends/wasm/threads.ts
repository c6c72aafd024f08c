/**
 * Threads: workers and the calling thread take chunks of a job from one counter until none is left. What a chunk is
 * follows from shapes alone, and no result depends on who computes it. A worker that sleeps or starts late is not waited
 * for: the others take its share.
 */
import { DeviceError, internal } from '../../errors.ts'
import { type Host, type HostWorker, hostWorkers } from './host.ts'
import { workerSource } from './worker.ts'

/** Words of the control block, each on a cache line of its own where threads meet. */
export const words = {
  /** rises with every job; sleeping workers wait on it */
  sequence: 0,
  /** the next chunk; `closed` and above while no job is open */
  next: 16,
  /** workers that may be reading the job */
  active: 32,
  /** workers that sleep */
  parked: 48,
  /** whether the caller sleeps until `active` falls */
  joining: 49,
  /** 1 + the number of a worker whose kernel threw */
  failed: 50,
  /** the job: number of the kernel, plan, units, units a chunk, chunks, scratch and its bytes per thread */
  job: 64,
} as const

const controlBytes = 320
const closed = 2 ** 30

/** How long a worker looks for the next job before it sleeps, in ms: kernels of one pass follow each other faster. */
const spinTime = 0.3
/** Checks of the caller before it sleeps until the workers are done: some tens of µs. */
const spins = 20000
/** No chunk takes so long, in ms: what has not answered then has died. */
const patience = 20_000

export type Kernel = (plan: number, begin: number, end: number, scratch: number) => void

/** Kernels beside the compiled ones, which workers make for themselves; Node alone has them. */
export interface ForeignProgram {
  /** the body of a function of (data, memory, exports, require) that returns kernels by name */
  readonly program: string
  readonly data: object
}

export interface Instance {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** the compiled ones in the order of their names, then foreign ones, the same in every thread */
  readonly kernels: readonly Kernel[]
  readonly foreign: ForeignProgram | null
}

export class Threads {
  readonly #instance: Instance
  readonly #control: Int32Array
  readonly #controlAt: number
  readonly #host: Host
  readonly #workers: HostWorker[] = []
  #wanted: number
  #scratch: { at: number; bytes: number }
  #fault: DeviceError | null = null

  constructor(instance: Instance, controlAt: number, scratch: { at: number; bytes: number }, threads: number) {
    this.#instance = instance
    this.#host = hostWorkers()
    this.#controlAt = controlAt
    this.#control = new Int32Array(instance.memory.buffer, controlAt, controlBytes / 4)
    this.#control[words.next] = closed
    this.#scratch = scratch
    this.#wanted = threads
  }

  static readonly controlBytes = controlBytes

  get count(): number {
    return this.#wanted
  }

  /** Another number of threads; workers too many are ended. */
  resize(threads: number): void {
    this.#wanted = threads
    while (this.#workers.length > threads - 1) this.#workers.pop()!.terminate()
  }

  setScratch(at: number, bytes: number): void {
    this.#scratch = { at, bytes }
  }

  /** Starts the workers that are missing; they join jobs as soon as they are there. */
  start(): void {
    while (this.#workers.length < this.#wanted - 1) {
      const id = this.#workers.length + 1
      const { module, memory, foreign } = this.#instance
      const worker: HostWorker = this.#host.start(
        workerSource,
        { module, memory, control: this.#controlAt, words, id, spinTime, foreign },
        (reason) => {
          const at = this.#workers.indexOf(worker)
          if (at < 0) return // ended by us
          this.#workers.splice(at, 1)
          this.#wanted--
          this.#fault = died(reason)
        },
      )
      this.#workers.push(worker)
    }
  }

  /** Ends a worker as a crash would: for tests. */
  endWorker(i: number): void {
    this.#workers[i]?.terminate()
  }

  /** Runs kernel number `kernel` over [0, units) in chunks of `chunk` units, on as many threads as there are chunks. */
  run(kernel: number, plan: number, units: number, chunk: number): void {
    if (this.#fault) {
      const fault = this.#fault
      this.#fault = null
      throw fault
    }
    const call = this.#instance.kernels[kernel]!
    const scratch = this.#scratch.at
    const chunks = Math.ceil(units / chunk)
    if (chunks < 2 || this.#wanted < 2) {
      for (let begin = 0; begin < units; begin += chunk) call(plan, begin, Math.min(units, begin + chunk), scratch)
      return
    }
    this.start()
    const c = this.#control
    // no worker may read the job while it is written: those that come late find the counter closed
    Atomics.store(c, words.next, closed)
    this.#join()
    const { job } = words
    c[job] = kernel
    c[job + 1] = plan
    c[job + 2] = units
    c[job + 3] = chunk
    c[job + 4] = chunks
    c[job + 5] = scratch
    c[job + 6] = this.#scratch.bytes
    Atomics.store(c, words.next, 0)
    Atomics.add(c, words.sequence, 1)
    if (Atomics.load(c, words.parked) > 0) Atomics.notify(c, words.sequence)
    try {
      for (let i = Atomics.add(c, words.next, 1); i < chunks; i = Atomics.add(c, words.next, 1)) {
        call(plan, i * chunk, Math.min(units, (i + 1) * chunk), scratch)
      }
    } finally {
      Atomics.store(c, words.next, closed)
      this.#join()
    }
    const failed = Atomics.exchange(c, words.failed, 0)
    if (failed > 0) throw internal(`a kernel failed in worker ${failed - 1}`)
  }

  /** Waits until no worker reads the job. Spins first, then sleeps where the host lets it, and never without end. */
  #join(): void {
    const c = this.#control
    for (let i = 0; i < spins; i++) if (Atomics.load(c, words.active) === 0) return
    const start = performance.now()
    Atomics.store(c, words.joining, 1)
    for (let n = Atomics.load(c, words.active); n !== 0; n = Atomics.load(c, words.active)) {
      if (performance.now() - start > patience) {
        // the dead one can not be told from the others: go on alone
        Atomics.store(c, words.active, 0)
        this.resize(1)
        throw died(`no answer for ${patience / 1000} s`)
      }
      if (this.#host.maySleep) Atomics.wait(c, words.active, n, 1)
    }
    Atomics.store(c, words.joining, 0)
  }
}

const died = (reason: string): DeviceError =>
  new DeviceError({
    op: 'wasm',
    expected: 'all threads to live',
    got: `a worker that ended: ${reason}`,
    hint: 'the result of this call is lost; the next one runs on the threads that are left',
  })
