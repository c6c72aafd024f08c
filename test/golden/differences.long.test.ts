/** Central differences, first and second order, of every golden case of area `tensor` that has derivatives. */
import { readFileSync } from 'node:fs'
import { mul, sum, Tensor, useDevice } from '@antecedent/tensor'
import { checkGradients, checkJvp, checkSecondGradients } from '@antecedent/tensor/testing'
import { parseSafetensors } from 'safetensors-ts'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GoldenCase, toTensor } from '../../golden/format.ts'
import { decode } from '../../golden/tensor.ts'
import { tensorCalls } from '../../golden/tensorCalls.ts'
import { needsShared, shared } from '../support/shared.ts'

await useDevice('ref') // f64

const test = suite('central differences of golden cases')

const suites = { elementwise: 335, reduce: 185, softmax: 63, norm: 31, matmul: 98, attention: 28, movement: 174 }

/**
 * Where central differences can not judge: a tie, an infinity, a step of 1e-5 that is large or lost beside x, or a rule
 * that is no derivative on purpose (the padding row of an embedding).
 */
const beyondDifferences =
  /tie-|infinit|magnitudes|\/large($|-logits|-values)|tiny-values|tiny-variance|hostile|embedding\/padding/

for (const [name, least] of Object.entries(suites)) {
  needsShared(test)(`${name}: the library's derivatives are those of central differences`, () => {
    const read = (file: string) => readFileSync(shared('golden', 'tensor', file))
    const { cases } = JSON.parse(read(`${name}.json`).toString()) as { cases: GoldenCase[] }
    const tensors = parseSafetensors(read(`${name}.safetensors`))
    let checked = 0
    for (const golden of cases) {
      const wanted = Object.keys(golden.outputs).flatMap((key) => (key.startsWith('grad.') ? [key.slice(5)] : []))
      if (wanted.length === 0 || beyondDifferences.test(golden.name)) continue
      const load = (names: Record<string, string>) =>
        Object.fromEntries(Object.entries(names).map(([key, at]) => [key, toTensor(tensors.get(at), 'f64')]))
      const [inputs, probes] = [load(golden.inputs), load(golden.probes!)]
      const attrs = decode(golden.attrs, 'f64')
      /** ⟨cotangents, outputs⟩ */
      const weighed = (...parts: Tensor[]): Tensor => {
        const given = { ...inputs, ...Object.fromEntries(wanted.map((key, i) => [key, parts[i]!])) }
        const made = tensorCalls[golden.op]!(given, attrs)
        const outputs: Record<string, Tensor> = made instanceof Tensor ? { y: made } : made
        const terms = Object.entries(outputs).flatMap(([key, y]) => {
          const cotangent = probes[`cotangent.${key}`]
          return cotangent ? [sum(mul(y, cotangent))] : []
        })
        return terms.reduce((a, b) => a.add(b))
      }
      const at = wanted.map((key) => inputs[key]!)
      try {
        checkGradients(weighed, at, { rtol: 1e-5, atol: 1e-6 })
        checkJvp(weighed, at, { rtol: 1e-5, atol: 1e-6 })
        checkSecondGradients(weighed, at, { rtol: 1e-5, atol: 1e-5 })
      } catch (error) {
        throw new Error(`${golden.name}: ${(error as Error).message}`, { cause: error })
      }
      checked++
    }
    assert.ok(checked >= least, `${checked} cases`)
  })
}

test.run()
