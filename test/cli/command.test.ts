import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { repository } from '../support/shared.ts'
import { runCommand } from './run.ts'

const test = suite('command')
const folder = mkdtempSync(join(tmpdir(), 'antecedent-'))
test.after(() => rmSync(folder, { recursive: true }))

const run = (args: string[], input?: string) => runCommand(folder, args, input)

const oneSentence = /^antecedent: .+\n$/

test('tokenize --json gives text, tokens, ids, offsets and word ids, and nothing else on stdout', () => {
  const { code, out } = run(['tokenize', '--json', 'He ran.'])
  assert.is(code, 0)
  assert.equal(JSON.parse(out), {
    text: 'He ran.',
    tokens: ['[CLS]', 'he', 'ran', '.', '[SEP]'],
    ids: [101, 2002, 2743, 1012, 102],
    offsets: [
      [0, 0],
      [0, 2],
      [3, 6],
      [6, 7],
      [0, 0],
    ],
    wordIds: [null, 0, 1, 2, null],
  })
})

test('doctor tells what computes, how fast, and what would make it faster', () => {
  const { code, out } = runCommand(folder, ['doctor', '--json'], undefined, { ANTECEDENT_BLAS: join(folder, 'none') })
  assert.is(code, 0)
  const { node, blas, rates, advice } = JSON.parse(out)
  assert.equal([node, blas], [process.version, null])
  for (const { device, gflops } of rates) assert.ok(device === 'wasm' && gflops > 0)
  // where vectors have 256 bits a library is no faster
  const isWide = rates[0].description.includes('of 256 bits')
  assert.is(/BLAS/.test(advice.join()), !isWide)
  assert.ok(!(isWide && /Node 24/.test(advice.join())))
})

test('a text comes from standard input with -', () => {
  const { code, out } = run(['tokenize', '--json', '-'], 'She slept.\n')
  assert.is(code, 0)
  assert.is(JSON.parse(out).text, 'She slept.')
})

test('encode --json gives tokens, shape and numbers that fit it', () => {
  const { code, out } = run(['encode', '--json', 'Hello'])
  const { tokens, shape, lastHiddenState } = JSON.parse(out)
  assert.is(code, 0)
  assert.equal(shape, [3, 384])
  assert.is(tokens.length, lastHiddenState.length)
  assert.is(lastHiddenState[2].length, 384)
})

test('attribute --json gives one record per target, and the report where asked', () => {
  const html = join(folder, 'report.html')
  const { code, out } = run([
    'attribute',
    'He ran.',
    '--target',
    'he',
    '--target',
    '2',
    '--reduce',
    'sum',
    '--n-steps',
    '2',
    '--json',
    '--html',
    html,
  ])
  const records = JSON.parse(out)
  assert.is(code, 0)
  assert.equal(
    records.map((record: { targetToken: number }) => record.targetToken),
    [1, 2],
  )
  assert.is(records[0].scores.length, 5)
  assert.is(records[0].settings.nSteps, 2)
  assert.match(readFileSync(html, 'utf8'), 'Figure 3')
})

test('attribute --tolerance cuts the maximum, and says what it took', () => {
  const { code, out } = run(['attribute', 'He ran.', '--target', 'he', '--tolerance', '0.9', '--json'])
  const [record] = JSON.parse(out)
  assert.is(code, 0)
  assert.is(record.settings.tolerance, 0.9)
  assert.is(record.settings.method, 'gausskronrodpatterson')
  assert.ok(record.errorEstimate >= 0 && record.winners.length > 0)
  const smooth = run(['attribute', 'He ran.', '--target', 'he', '--reduce', 'sum', '--tolerance', '0.9'])
  assert.match(smooth.out, /estimated error .* 90\S* % asked for/)
  assert.not.match(smooth.out, 'largest coordinate')
})

test('attribute takes a tolerance or a fixed number of points', () => {
  for (const other of [
    ['--n-steps', '20'],
    ['--method', 'trapezoid'],
  ]) {
    const { code, err } = run(['attribute', 'He ran.', '--tolerance', '1e-3', ...other])
    assert.is(code, 2)
    assert.match(err, 'cannot be used with')
  }
  for (const tolerance of ['0', 'fine', ' ']) assert.is(run(['attribute', 'He ran.', '--tolerance', tolerance]).code, 2)
})

test('attend --json gives a map per layer and head, and norms', () => {
  const { code, out } = run(['attend', '--json', 'He ran.'])
  const { attentions, norms } = JSON.parse(out)
  assert.is(code, 0)
  assert.equal([attentions.length, attentions[0].length, attentions[0][0].length], [6, 12, 5])
  assert.is(norms.length, 6)
})

test('explain writes the report with the three figures and prints every target', () => {
  const { code, out, err } = run(['explain', 'The nurse slept because she was tired.', '--n-steps', '1'])
  assert.is(code, 0)
  assert.match(out, '"nurse"')
  assert.match(out, '"she"')
  assert.match(err, 'report: antecedent-report.html')
  const page = readFileSync(join(folder, 'antecedent-report.html'), 'utf8')
  for (const figure of ['Figure 1', 'Figure 2', 'Figure 3']) assert.match(page, figure)
  assert.not.match(page, /(?:src|href)="(?!data:|#)/)
})

test('--svg writes one figure a target, and no command takes it that draws none', () => {
  const svg = join(folder, 'figure.svg')
  const args = ['attribute', 'He ran.', '--target', 'he', '--target', 'ran', '--n-steps', '1', '--quiet', '--svg', svg]
  assert.is(run(args).code, 0)
  for (const name of ['figure.svg', 'figure-2.svg'])
    assert.match(readFileSync(join(folder, name), 'utf8'), /<svg[^>]*>[\s\S]*<\/svg>/)
  rmSync(svg)
  const again = run(args)
  assert.is(again.code, 2)
  assert.match(again.err, /figure-2\.svg, which exists/)
  assert.is(existsSync(svg), false)
  assert.is(run(['tokenize', 'He ran.', '--svg', svg]).code, 2)
})

test('a file that exists is not replaced unasked', () => {
  const html = join(folder, 'mine.html')
  writeFileSync(html, 'mine')
  const { code, err } = run(['attend', 'He ran.', '--html', html])
  assert.is(code, 2)
  assert.match(err, /--overwrite/)
  assert.is(readFileSync(html, 'utf8'), 'mine')
})

const wrong: [name: string, args: string[], code: number, sentence: RegExp][] = [
  ['an unknown model folder', ['tokenize', 'x', '--model', 'nowhere'], 1, /nowhere: expected a model folder/],
  ['an empty text', ['tokenize', ''], 2, /expected a text/],
  ['an unknown device', ['tokenize', 'x', '--device', 'tpu'], 2, /ref, wasm, blas, gpu/],
  ['an unknown target', ['attribute', 'He ran.', '--target', 'she'], 2, /1 he/],
  ['an unknown reduction', ['attribute', 'He ran.', '--reduce', 'median'], 2, /max, sum, mean, l2, dim:J/],
  ['an unknown site', ['attribute', 'He ran.', '--site', 'layer.9.output', '--quiet'], 2, /layer\.5\.output/],
  ['an unknown baseline', ['attribute', 'He ran.', '--baseline', 'nought'], 2, /pad, mask, zero, mean/],
  ['a text longer than the positions', ['encode', 'word '.repeat(600)], 1, /at most 512 tokens/],
  ['a text without a pronoun', ['explain', 'Rain fell.'], 2, /attribute --target/],
]

for (const [name, args, expected, sentence] of wrong) {
  test(`${name} is one sentence on stderr and exit code ${expected}`, () => {
    const { code, out, err } = run([...args, '--quiet'])
    assert.is(code, expected, err)
    assert.is(out, '')
    assert.match(err, oneSentence)
    assert.match(err, sentence)
  })
}

test('an unknown method or option is a usage error that lists what is known', () => {
  const method = run(['attribute', 'x', '--method', 'simpson'])
  assert.is(method.code, 2)
  assert.match(method.err, 'gausslegendre')
  assert.is(run(['tokenize', 'x', '--colour']).code, 2)
})

test('--help and --version answer on stdout', () => {
  const help = run(['--help'])
  assert.is(help.code, 0)
  for (const command of ['explain', 'tokenize', 'encode', 'attribute', 'attend']) assert.match(help.out, command)
  assert.match(run(['--version']).out, /^\d+\.\d+\.\d+\n$/)
})

test('the embedded model has its licence and card beside it', () => {
  for (const file of ['LICENSE', 'NOTICE', 'README.md'])
    assert.ok(existsSync(join(repository, 'models/antecedent-small', file)))
})

test.run()
