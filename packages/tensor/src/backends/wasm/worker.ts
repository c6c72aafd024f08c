/**
 * The program of a worker, as text: Node 20 can not load a TypeScript file in a worker, and a page may not know where
 * its files lie. `start` gets what `Threads` sends. `foreign` is there in Node alone.
 */
export const workerSource = `
function start({ module, memory, control, words, id, spinTime, foreign }) {
  const imports = { env: { memory, abort() { throw new Error('abort') } } }
  const { exports } = new WebAssembly.Instance(module, imports)
  const kernels = Object.keys(exports).filter((name) => typeof exports[name] === 'function').sort().map((name) => exports[name])
  if (foreign) {
    const make = new Function('data', 'memory', 'exports', 'require', foreign.program)
    kernels.push(...Object.values(make(foreign.data, memory, exports, require)))
  }
  const c = new Int32Array(memory.buffer, control, 80)
  const { job } = words
  let seen = 0
  for (;;) {
    const until = performance.now() + spinTime
    for (let i = 1; Atomics.load(c, words.sequence) === seen; i++) {
      if (i % 64 !== 0 || performance.now() < until) continue
      Atomics.add(c, words.parked, 1)
      Atomics.wait(c, words.sequence, seen)
      Atomics.sub(c, words.parked, 1)
    }
    seen = Atomics.load(c, words.sequence)
    Atomics.add(c, words.active, 1)
    try {
      for (let i = Atomics.add(c, words.next, 1); i < c[job + 4]; i = Atomics.add(c, words.next, 1)) {
        const begin = i * c[job + 3]
        const scratch = (c[job + 5] >>> 0) + id * c[job + 6]
        kernels[c[job]](c[job + 1], begin, Math.min(c[job + 2], begin + c[job + 3]), scratch)
      }
    } catch {
      Atomics.store(c, words.failed, 1 + id)
    }
    Atomics.sub(c, words.active, 1)
    if (Atomics.load(c, words.joining) === 1) Atomics.notify(c, words.active)
  }
}
`
