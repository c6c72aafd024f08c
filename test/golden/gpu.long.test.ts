/**
 * Golden cases on gpu, in f32: all of tensor, bert and coref, of attribution all but the larger encoder; then tensor on
 * SwiftShader, a driver of other mathematics. What a driver may get wrong stands by name in `docs/gpu-exceptions.json`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gpu, swiftShader } from '../support/gpu.ts'
import { needsShared, repository } from '../support/shared.ts'
import { judge, run } from './judge.ts'

const test = suite('golden on gpu')
const out = mkdtempSync(join(tmpdir(), 'antecedent-golden-gpu-'))
test.after(() => rmSync(out, { recursive: true }))

/** A driver that was tried; `adapter` is a part of what the device says of it. */
interface Driver {
  readonly name: string
  readonly adapter: string
  /** passed/asked, by area */
  readonly goldens: Readonly<Record<string, string>>
}

interface Exceptions {
  readonly drivers: readonly Driver[]
  /** cases by `area/suite case`, that fail on the driver of that name */
  readonly exceptions: readonly { readonly case: string; readonly driver: string }[]
  /** cases that no f32 arithmetic passes but by luck */
  readonly beyondF32: readonly { readonly case: string }[]
}

const { drivers, exceptions, beyondF32 } = JSON.parse(
  readFileSync(join(repository, 'docs/gpu-exceptions.json'), 'utf8'),
) as Exceptions

/** What runs in one process, at least so many cases of it, and kernels that must have computed them. */
interface Part {
  readonly area: string
  readonly suite?: string
  readonly pattern?: string
  readonly least: number
  readonly kernels: readonly string[]
}

const layers = ['gpu.js:gelu/', 'wgsl:takeRows/', 'wgsl:matmul ', 'wgsl:attention/', 'wgsl:layerNorm/']
const backward = ['gpu.js:geluDerivative/', 'wgsl:attentionPullback/', 'wgsl:layerNormDerivative/']

const tensor: Part = {
  area: 'tensor',
  least: 1261,
  kernels: [
    ...['gpu.js:exp/', 'gpu.js:tanh/', 'gpu.js:pow/', 'gpu.js:div/', 'wgsl:copy/', 'wgsl:select/', 'wgsl:less/'],
    ...['wgsl:sum/', 'wgsl:max/', 'wgsl:logSumExp/', 'wgsl:argmax/', 'wgsl:cumsum/', 'wgsl:argsort runs/'],
    ...['wgsl:softmax/', 'wgsl:maskedSoftmax/', 'wgsl:layerNorm/', 'wgsl:matmul ', 'wgsl:gather/'],
    ...['wgsl:scatterAdd/', 'wgsl:takeRows/', 'wgsl:addRows/'],
  ],
}

const parts: readonly Part[] = [
  tensor,
  { area: 'bert', least: 155, kernels: [...layers, ...backward] },
  { area: 'coref', least: 128, kernels: [...layers, 'wgsl:addRows/', 'wgsl:logSumExp/', 'wgsl:gather/'] },
  { area: 'attribution', suite: 'ig', least: 136, kernels: ['gpu.js:mul/', 'wgsl:matmul '] },
  { area: 'attribution', suite: 'lig', pattern: 'tiny*', least: 100, kernels: [...layers, ...backward] },
  { area: 'attribution', suite: 'ligVariants', pattern: 'tiny*', least: 60, kernels: [...layers, ...backward] },
]

/** Runs a part, and compares what failed with what is listed for the driver that computed it. */
function check(
  { least, kernels, ...part }: Part,
  adapter: string | RegExp,
  environment: Record<string, string> = {},
): void {
  const selection = { ...part, precision: 'f32', device: 'gpu' } as const
  run(selection, out, environment)
  const suites = part.suite
    ? [part.suite]
    : readdirSync(join(out, part.area)).flatMap((file) => file.match(/^(.*)\.json$/)?.[1] ?? [])
  const failed = new Map<string, string>()
  const asked = new Set<string>()
  const ran = new Set<string>()
  let description = ''
  for (const suite of suites) {
    const { report, cases, failures } = judge({ ...selection, suite }, out)
    description = report.device
    assert.match(description, adapter)
    for (const name of report.pipelines ?? []) ran.add(name)
    for (const name of cases) asked.add(`${part.area}/${suite} ${name}`)
    for (const [name, text] of failures) failed.set(`${part.area}/${suite} ${name}`, text)
  }
  rmSync(join(out, part.area), { recursive: true })
  assert.ok(asked.size >= least, `${asked.size} cases`)
  for (const kernel of kernels)
    assert.ok(
      [...ran].some((name) => name.startsWith(kernel)),
      `${kernel} did not run`,
    )
  const driver = drivers.find((known) => description.includes(known.adapter))
  const listed = exceptions
    .filter((known) => known.driver === driver?.name && asked.has(known.case))
    .map((known) => known.case)
  for (const known of beyondF32) failed.delete(known.case)
  const unlisted = [...failed].filter(([name]) => !listed.includes(name))
  assert.equal(unlisted, [], `failed on ${description}, and is not in docs/gpu-exceptions.json`)
  const mended = listed.filter((name) => !failed.has(name))
  assert.equal(mended, [], `passed on ${description}: take it out of docs/gpu-exceptions.json`)
  if (driver && !part.suite) assert.is(`${asked.size - failed.size}/${asked.size}`, driver.goldens[part.area])
}

const onGpu = gpu ? needsShared(test) : test.skip

for (const part of parts) {
  const name = [part.area, part.suite, part.pattern].filter((word) => word !== undefined).join(' ')
  onGpu(`${name}: within the cases' tolerances of f32, on the adapter and its kernels`, () =>
    check(part, gpu!.description),
  )
}

const second = swiftShader()
const onSwiftShader = gpu && second ? needsShared(test) : test.skip
onSwiftShader('tensor on SwiftShader: the same cases', () => check(tensor, /^gpu \(WebGPU on .*swiftshader/i, second!))

test.run()
