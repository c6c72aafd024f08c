/**
 * Runs in a page or in one of its workers: every case of the table of operations on a device against `ref`, and a
 * product large enough for threads. Answers with what ran and what disagreed.
 */
import { device, matmul, normal, randomKey, tensor, uniform, useDevice } from '/packages/tensor/dist/index.js'
import { apply, ops } from '/packages/tensor/dist/internal.js'
import { allClose } from '/packages/tensor/dist/testing/allClose.js'

const onRef = { device: 'ref' }

function inputsOf({ shapes, indices, booleans, domain }) {
  return shapes.map((shape, i) => {
    const below = indices?.[i]
    if (below !== undefined) return uniform(shape, randomKey(i), { ...onRef, high: below }).cast('i32')
    if (booleans?.includes(i)) return uniform(shape, randomKey(i), onRef).less(0.5)
    return uniform(shape, randomKey(i), { ...onRef, low: domain?.[0] ?? -2, high: domain?.[1] ?? 2 })
  })
}

export async function conformance(threads, name = 'wasm') {
  const { description } = await useDevice(name, threads ? { threads } : {})
  const failures = []
  let cases = 0
  const compare = async (name, actual, expected) => {
    cases++
    try {
      const read = tensor(await actual.data(), actual.shape, { ...onRef, dtype: actual.dtype })
      allClose(read, expected, { rtol: 3e-6, atol: 1e-5 })
    } catch (error) {
      failures.push(`${name}: ${error.message}`)
    }
  }
  for (const [operation, op] of Object.entries(ops)) {
    for (const example of op.cases) {
      if (Object.values(example.attrs ?? {}).includes('f64')) continue
      const inputs = inputsOf(example)
      const there = inputs.map((x) => x.to(name))
      await compare(operation, apply(op, there, example.attrs), apply(op, inputs, example.attrs))
    }
  }
  const a = normal([300, 200], randomKey(1), onRef)
  const b = normal([200, 160], randomKey(2), onRef)
  const expected = matmul(a, b)
  // workers start while the first products run
  for (let i = 0; i < 30; i++) {
    await compare('product', matmul(a.to(name), b.to(name)), expected.mul(1))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const { pipelines = [] } = device()
  return { description, pipelines, cases, failures, isolated: globalThis.crossOriginIsolated === true }
}

if (typeof WorkerGlobalScope !== 'undefined') {
  globalThis.onmessage = async () => postMessage(await conformance().catch((error) => ({ failures: [String(error)] })))
}
