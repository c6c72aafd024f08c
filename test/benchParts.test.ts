/** The parts of the benchmarks that compute no time: statistics, options, environment, table, chart, peers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorsOf, inRows, transposed } from '../bench/accuracy.ts'
import type { Side } from '../bench/jobs/job.ts'
import { deviceLines, fairEnvironment, header, loadWarning, machine, microHeader } from '../bench/machine.ts'
import { type JobResult, measure } from '../bench/measure.ts'
import { parseOptions } from '../bench/options.ts'
import { matmulModel } from '../bench/peers/onnx.ts'
import { PythonPeer } from '../bench/peers/python.ts'
import { generator, median, quantile, ratioOfMedians, relativeDifference } from '../bench/statistics.ts'
import { logTicks, ratioChart } from '../bench/svg.ts'
import { align, duration, table, threeDigits } from '../bench/table.ts'

const test = suite('parts of the benchmarks')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-bench-'))
test.after(() => rmSync(folder, { recursive: true }))

test('medians and quantiles', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([10, 9, 100, 1]), 9.5)
  assert.ok(Number.isNaN(median([])))
  assert.is(quantile([4, 1, 3, 2], 0), 1)
  assert.is(quantile([4, 1, 3, 2], 1), 4)
  assert.is(quantile([4, 1, 3, 2], 0.5), 2.5)
  assert.is(quantile([7], 0.975), 7)
})

test('the generator repeats itself after a seed, and covers [0, 1) evenly', () => {
  const numbers = (seed: number) => Array.from({ length: 4000 }, generator(seed))
  assert.equal(numbers(7), numbers(7))
  assert.not.equal(numbers(7), numbers(8))
  assert.ok(numbers(7).every((x) => x >= 0 && x < 1))
  const shares = [0, 1, 2, 3].map((k) => numbers(7).filter((x) => Math.floor(4 * x) === k).length / 4000)
  for (const share of shares) assert.ok(Math.abs(share - 0.25) < 0.03, shares.join(' '))
})

test('a ratio of medians has an interval that holds it, and draws pairs whole', () => {
  const random = generator(3)
  const peer = Array.from({ length: 40 }, () => 1 + random())
  const ours = peer.map((x) => x / 2)
  // each of ours is half of its pair: drawn as pairs, the ratio is always a half, whatever the spread
  const exact = ratioOfMedians(ours, peer)
  for (const x of [exact.ratio, exact.low, exact.high]) assert.ok(Math.abs(x - 0.5) < 1e-12, String(x))
  const mixed = ratioOfMedians(
    peer.map(() => 1 + random()),
    peer,
  )
  assert.ok(mixed.low < mixed.ratio && mixed.ratio < mixed.high)
  assert.ok(mixed.low > 0.6 && mixed.high < 1.7, JSON.stringify(mixed))
  assert.throws(() => ratioOfMedians([1], []), /expected pairs, got 1 and 0/)
})

test('the bootstrap interval covers the true ratio about as often as it says', () => {
  const random = generator(11)
  const draws = 200
  let covered = 0
  for (let i = 0; i < draws; i++) {
    const series = () => Array.from({ length: 20 }, () => 1 + 0.2 * (random() + random() - 1))
    const { low, high } = ratioOfMedians(series(), series(), 300, i)
    if (low <= 1 && 1 <= high) covered++
  }
  assert.ok(covered / draws > 0.9 && covered < draws, `${covered} of ${draws}`)
})

test('values are compared by the largest', () => {
  assert.is(relativeDifference([1, -4], [1, -4]), 0)
  assert.is(relativeDifference([1, -4.5], [1, -4]), 0.125)
  assert.is(relativeDifference([], []), 0)
  for (const bad of [[1], [1, Number.NaN]]) {
    assert.is(relativeDifference(bad, [1, 2]), Number.POSITIVE_INFINITY)
  }
})

test('options: defaults, numbers, and what belongs to which benchmark', () => {
  const lig = parseOptions(['lig', '--threads', '2', '--filter', 'sum'])
  assert.is(lig.threads, 2)
  assert.is(lig.pairs, 20)
  assert.is(lig.device, 'wasm')
  assert.is(lig.filter, 'sum')
  assert.not.ok('python' in lig)
  assert.throws(() => parseOptions(['lig', '--pairs', '0']), /--pairs: expected a whole number of at least 1, got 0/)
  assert.throws(() => parseOptions(['lig', '--threads', '1.5']), /--threads: expected a whole number/)
  assert.throws(() => parseOptions(['micro', '--python', 'x']), /--python: micro has no such option/)
  assert.throws(() => parseOptions(['encoder', '--precision', 'f64']), /--precision: encoder has no such option/)
  assert.throws(() => parseOptions(['lig', 'encoder']), /expected a benchmark .*, got 'lig encoder'/)
  assert.throws(() => parseOptions([]), /expected a benchmark/)
  assert.ok(parseOptions(['--help']).help)
  const micro = parseOptions(['micro'])
  assert.not.ok('device' in micro || 'threads' in micro)
  assert.is(parseOptions(['micro', '--only', 'kernels']).only, 'kernels')
  assert.throws(() => parseOptions(['micro', '--only', 'all']), /--only: expected kernels or operations, got all/)
  assert.throws(() => parseOptions(['lig', '--only', 'kernels']), /--only: lig has no such option/)
})

test('the environment has the same threads for all, and no choice of OpenBLAS kernels', () => {
  const given = { PATH: '/bin', OPENBLAS_CORETYPE: 'Haswell', OMP_NUM_THREADS: '8' }
  const { env, unset } = fairEnvironment(given, 2)
  assert.equal(unset, ['OPENBLAS_CORETYPE'])
  assert.is(env.PATH, '/bin')
  assert.not.ok('OPENBLAS_CORETYPE' in env)
  for (const name of ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'ANTECEDENT_THREADS']) {
    assert.is(env[name], '2', name)
  }
  const device = { name: 'ref', description: 'the plain one' }
  const lines = header({ machine: machine(), device, threads: 2, pairs: 3, unset, peers: ['peer x'] })
  assert.match(lines.join('\n'), /\nantecedent on the plain one; node/)
  assert.match(
    lines.join('\n'),
    /2 for every side; OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE unset for all \(OPENBLAS_CORETYPE had been set\)/,
  )
  assert.match(lines.join('\n'), /a trial, not a figure/)
  assert.match(lines.join('\n'), /load {6}[\d.]+ [\d.]+ [\d.]+/)
})

test('a driver that stands in for a GPU is named, and its times are called no figures', () => {
  const device = { name: 'gpu', description: 'gpu (WebGPU on llvmpipe)' }
  assert.equal(deviceLines({ ...device, isSoftware: false }), ['device    gpu (WebGPU on llvmpipe)'])
  assert.match(deviceLines({ ...device, isSoftware: true }).join('\n'), /llvmpipe\)\nwarning: .* are no figures$/)
  const software = { ...device, isSoftware: true }
  const lines = header({ machine: machine(), device: software, threads: 1, pairs: 20, unset: [], peers: [] })
  assert.match(lines.join('\n'), /antecedent on gpu \(WebGPU on llvmpipe\).*\nwarning: a software driver/)
})

test('a load of others is told, and the variables of BLAS in every header', () => {
  assert.is(loadWarning(0.4, 2), null)
  assert.match(loadWarning(1.5, 2)!, /^warning: load 1\.50 on 2 cores before the run/)
  assert.is(loadWarning(1.5, 16), null)
  const lines = microHeader(machine(), ['device x'], ['OPENBLAS_L2_SIZE']).join('\n')
  assert.match(lines, /unset for all \(OPENBLAS_L2_SIZE had been set\)/)
  assert.match(lines, /node {6}v\d+.*\ndevice x\nload/)
})

test('errors of attributions are shares of the largest, and the worst of all targets', () => {
  const references = [
    { scores: [1, -4, 2], difference: -1 },
    { scores: [0.5, 0, 0], difference: 0.5 },
  ]
  const exact = references.map(({ scores }) => scores)
  assert.equal(errorsOf(references, exact), { token: 0, completeness: 0 })
  // the first target: off by 1 of 4, and so its sum; the second: two errors of 0.25 of 0.5, whose sum is right
  assert.equal(errorsOf(references, [[1, -5, 2], exact[1]!]), { token: 0.25, completeness: 0.25 })
  assert.equal(errorsOf(references, [exact[0]!, [0.25, 0.25, 0]]), { token: 0.5, completeness: 0 })
  assert.ok(Number.isNaN(errorsOf(references, [exact[0]!, [Number.NaN, 0, 0]]).token))
  for (const bad of [[exact[0]!], [exact[0]!, [1]]]) {
    assert.equal(errorsOf(references, bad), { token: Number.POSITIVE_INFINITY, completeness: Number.POSITIVE_INFINITY })
  }
  assert.equal(inRows([1, 2, 3, 4, 5, 6], 3), [
    [1, 2, 3],
    [4, 5, 6],
  ])
  assert.equal(
    transposed([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
  )
})

/** A side that takes what `clock` says and notes its turn. */
const sideAt = (name: string, seconds: number, turns: string[], values = [1, 2], bar?: number): Side => ({
  name,
  run: async (repeat) => {
    turns.push(`${name}${repeat}`)
    return { seconds, note: `note of ${name}` }
  },
  values: async () => values,
  ...(bar !== undefined && { bar }),
})

const options = { pairs: 3, warmUp: 0, least: 50, rest: 0 }

test('sides run in turn, short ones repeated, and peers are compared with ours', async () => {
  const turns: string[] = []
  let runs = 0
  const ours = async () => {
    runs++
    turns.push('ours')
    return [1, 2]
  }
  const peers = [sideAt('quick', 0.02, turns, [1, 2.0001], 1.2), sideAt('slow', 2, turns, [1, 3])]
  const rounds: number[] = []
  const onRound = (done: number) => void rounds.push(done)
  const result = await measure({ name: 'job', flop: 4e9, ours, peers }, { ...options, least: 0.001, onRound })
  assert.equal(rounds, [1, 2, 3])
  assert.equal(
    turns.slice(-9).map((turn) => turn.replace(/\d+$/, '')),
    [...['ours', 'quick', 'slow'], ...['ours', 'quick', 'slow'], ...['ours', 'quick', 'slow']],
  )
  const repeated = await measure({ name: 'job', ours, peers: [sideAt('quick', 0.02, turns)] }, options)
  assert.is(repeated.sides[1]!.repeat, 3) // 3 × 20 ms are at least 50 ms
  assert.ok(turns.at(-1) === 'quick3' && runs > 8)
  const [mine, quick, slow] = result.sides
  assert.is(mine!.ratio, undefined)
  assert.is(quick!.seconds.length, 3)
  assert.is(quick!.gflops, 200)
  assert.is(quick!.bar, 1.2)
  assert.is(slow!.note, 'note of slow')
  assert.is(slow!.ratio!.ratio, 2 / mine!.median)
  assert.is(result.warnings.length, 1)
  assert.match(result.warnings[0]!, /job: values differ from those of slow by 3\.3e-1/)
})

const example: JobResult[] = [
  {
    name: 'a & <b>',
    warnings: [],
    sides: [
      { name: 'antecedent', seconds: [0.5], median: 0.5, least: 0.5, most: 0.5, repeat: 1, gflops: 12.34 },
      {
        ...{ name: 'Captum', seconds: [1], median: 1, least: 1, most: 1, repeat: 1, note: 'eager attention' },
        ...{ ratio: { ratio: 0.5, low: 0.4, high: 0.625 }, bar: 0.8, difference: 1.2e-6 },
      },
      {
        ...{ name: 'other', seconds: [0.01], median: 0.01, least: 0.01, most: 0.01, repeat: 5 },
        ratio: { ratio: 50, low: 40, high: 60 },
      },
    ],
  },
]

test('a job that knows errors has them for each side but estimated ones, in columns of their own', async () => {
  const peers = [sideAt('peer', 0.02, [], [1, 3]), { ...sideAt('part', 0.02, [], [9]), estimated: true }]
  const errors = async () => (values: readonly number[]) => ({ token: values[1]! / 1000, completeness: values[0]! })
  const result = await measure({ name: 'job', ours: async () => [1, 2], peers, errors, tolerance: 1 }, options)
  assert.equal(
    result.sides.map((side) => side.errors?.token),
    [0.002, 0.003, undefined],
  )
  const lines = table([result])
  assert.match(lines[0]!, /difference +token error +completeness$/)
  assert.match(lines[2]!, / 3\.0e-3 +1\.0e\+0 +note of peer$/)
  assert.not.match(table(example)[0]!, /token error/)
})

test('the table has a line per side, in units that fit', () => {
  assert.is(duration(1.2345), '1.23 s')
  assert.is(duration(0.0456), '45.6 ms')
  assert.is(duration(0.000789), '789 µs')
  assert.equal([1234, 0.5, 0, 0.00123].map(threeDigits), ['1234', '0.500', '0.00', '0.00123'])
  assert.equal(
    align(
      [
        ['a', 'b'],
        ['long', '1'],
        ['x', '10'],
      ],
      [false, true],
    ),
    ['a      b', 'long   1', 'x     10'],
  )
  const lines = table(example)
  assert.is(lines.length, 4)
  assert.match(lines[0]!, /^job +side +median +least/)
  assert.match(lines[1]!, /^a & <b> +antecedent +500 ms +500 ms +500 ms +12\.3$/)
  assert.match(lines[2]!, /^ +Captum .* 0\.500 \[0\.400, 0\.625\] +≥ 0\.800 +1\.2e-6 +eager attention$/)
})

test('the chart has a bar per peer, in the right direction, and valid text', () => {
  const svg = ratioChart(example, { title: 'x "y"', subtitle: 'a < b' })
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  assert.match(svg, /aria-label="x &quot;y&quot;"/)
  assert.match(svg, /a &amp; &lt;b&gt;: Captum/)
  assert.not.match(svg, /NaN|undefined|<b>/)
  const one = Number(/<line x1="([\d.]+)"[^>]*stroke="#333"/.exec(svg)![1])
  const rects = [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(([, x, w]) => [
    Number(x),
    Number(w),
  ])
  assert.is(rects.length, 2)
  const [[x0, w0], [x1, w1]] = rects as [[number, number], [number, number]]
  assert.ok(Math.abs(x0 + w0 - one) < 0.2, 'slower: the bar ends at 1')
  assert.ok(Math.abs(x1 - one) < 0.2, 'faster: it begins there')
  // a logarithmic axis: widths are as log 2 and log 50
  assert.ok(Math.abs(w1 / w0 - Math.log(50) / Math.log(2)) < 0.05, `${w1 / w0}`)
  assert.is(svg.match(/stroke-dasharray/g)?.length, 1, 'one bar was set')
  assert.equal(logTicks(0.4, 12), [0.5, 1, 2, 5, 10])
  assert.not.match(ratioChart([], { title: 't', subtitle: 's' }), /NaN|Infinity/)
})

// stopped in any case: a process left over would keep the tests from ending
const started: PythonPeer[] = []
test.after(async () => void (await Promise.all(started.map((peer) => peer.stop()))))

test('a peer process answers in order; errors and its end are told', async () => {
  const program = join(folder, 'peer.mjs')
  writeFileSync(
    program,
    `import { createInterface } from 'node:readline'
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  if (request.job === 'die') { console.error('last words'); process.exit(3) }
  if (request.job === 'noise') console.log('no JSON')
  else if (request.job === 'bad') console.log('{"error": "ValueError: no such job"}')
  else console.log(JSON.stringify({ threads: 2, job: request.job, model: process.argv[2] }))
}`,
  )
  const settings = { interpreter: process.execPath, model: 'models/x', env: process.env, program }
  const peer = await PythonPeer.start(settings)
  started.push(peer)
  assert.is(peer.info.threads, 2)
  assert.ok(peer.info.startSeconds > 0)
  const answers = await Promise.all(['a', 'b', 'c'].map((job) => peer.request({ job })))
  assert.equal(
    answers.map(({ job }) => job),
    ['a', 'b', 'c'],
  )
  assert.is(answers[0]!.model, 'models/x')
  const failure = (request: Promise<unknown>) =>
    request.then(
      () => '',
      (error: Error) => error.message,
    )
  assert.match(await failure(peer.request({ job: 'bad' })), /bad in Python: ValueError: no such job/)
  assert.match(await failure(peer.request({ job: 'noise' })), /expected a line of JSON, got no JSON/)
  assert.match(await failure(peer.request({ job: 'die' })), /the process ended with 3: last words/)
  assert.match(await failure(peer.request({ job: 'a' })), /ended with 3/)
  const nowhere = PythonPeer.start({ ...settings, interpreter: join(folder, 'none') })
  assert.match(await failure(nowhere), /--python: .*ENOENT/)
  const second = await PythonPeer.start(settings)
  started.push(second)
  await second.stop()
  assert.match(await failure(second.request({ job: 'a' })), /ended with 0/)
})

test('the ONNX model of a product is protocol buffers of the sizes they say', () => {
  const b = Float32Array.from({ length: 6 }, (_, i) => i)
  const bytes = matmulModel([300, 2, 3], b)
  const fields = (at: Uint8Array): [number, number | Uint8Array][] => {
    const found: [number, number | Uint8Array][] = []
    let i = 0
    const varint = () => {
      let [value, place] = [0, 1]
      for (; at[i]! > 127; place *= 128) value += (at[i++]! - 128) * place
      return value + at[i++]! * place
    }
    while (i < at.length) {
      const key = varint()
      const value = varint()
      if (key % 8 === 0) found.push([key >> 3, value])
      else {
        found.push([key >> 3, at.subarray(i, i + value)])
        i += value
      }
    }
    assert.is(i, at.length)
    return found
  }
  const part = (list: [number, number | Uint8Array][], field: number) => list.find(([name]) => name === field)![1]
  const model = fields(bytes)
  assert.is(part(model, 1), 8)
  const graph = fields(part(model, 7) as Uint8Array)
  const constant = fields(part(graph, 5) as Uint8Array)
  assert.equal(
    constant.filter(([name]) => name === 1).map(([, size]) => size),
    [2, 3],
  )
  assert.equal([...new Float32Array((part(constant, 9) as Uint8Array).slice().buffer)], [...b])
  const tensorType = fields(part(fields(part(fields(part(graph, 11) as Uint8Array), 2) as Uint8Array), 1) as Uint8Array)
  const sizes = fields(part(tensorType, 2) as Uint8Array).map(([, size]) => part(fields(size as Uint8Array), 1))
  assert.equal(sizes, [300, 2])
})

test.run()
