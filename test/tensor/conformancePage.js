/**
 * Runs in a page or in one of its workers: every case of the table of operations on `wasm` against `ref`, and a product
 * large enough for threads. Answers with what ran and what disagreed.
 */
import { matmul, normal, randomKey, uniform, useDevice } from '/packages/tensor/dist/index.js'
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

export async function conformance(threads) {
  const { description } = await useDevice('wasm', threads ? { threads } : {})
  const failures = []
  let cases = 0
  const compare = (name, actual, expected) => {
    cases++
    try {
      allClose(actual.to('ref'), expected, { rtol: 3e-6, atol: 1e-5 })
    } catch (error) {
      failures.push(`${name}: ${error.message}`)
    }
  }
  for (const [name, op] of Object.entries(ops)) {
    for (const example of op.cases) {
      if (Object.values(example.attrs ?? {}).includes('f64')) continue
      const inputs = inputsOf(example)
      const there = inputs.map((x) => x.to('wasm'))
      compare(name, apply(op, there, example.attrs), apply(op, inputs, example.attrs))
    }
  }
  const a = normal([300, 200], randomKey(1), onRef)
  const b = normal([200, 160], randomKey(2), onRef)
  const expected = matmul(a, b)
  // workers start while the first products run
  for (let i = 0; i < 30; i++) {
    compare('product', matmul(a.to('wasm'), b.to('wasm')), expected.mul(1))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { description, cases, failures, isolated: globalThis.crossOriginIsolated === true }
}

if (typeof WorkerGlobalScope !== 'undefined') {
  globalThis.onmessage = async () => postMessage(await conformance().catch((error) => ({ failures: [String(error)] })))
}
