/** The spec's table of 36 cases and `golden/coref/metrics.json`: what other people's scorers say. */
import { readFileSync } from 'node:fs'
import {
  type Cluster,
  type Convention,
  type Counts,
  metricNames,
  parseScorerFile,
  type Scores,
  scoreClusters,
  scoreFiles,
  truncatedPercent,
} from '@antecedent/coref'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needsShared, shared } from '../support/shared.ts'

const test = suite('coref metrics, golden')

const read = (...parts: string[]): string => readFileSync(shared(...parts), 'utf8')

/** Whether two numbers agree to a relative tolerance; 0 only with 0. */
function close(actual: number, expected: number, rtol: number, what: string): void {
  if (!(Math.abs(actual - expected) <= rtol * Math.abs(expected))) assert.is(actual, expected, what)
}

type Pair = [numerator: number, denominator: number]
interface GoldenCounts {
  recall: Pair
  precision: Pair
  percent?: [number, number, number]
  f1?: number
}
interface GoldenBlanc {
  coreference: GoldenCounts
  nonCoreference: GoldenCounts
  recall: number
  precision: number
  percent: [number, number, number]
  f1: number
}
type Official = Record<'mentions' | 'muc' | 'b3' | 'ceafm' | 'ceafe', GoldenCounts> & {
  blanc: GoldenBlanc
  conll: number
}
type Python = Record<'muc' | 'b3' | 'ceafe' | 'lea', GoldenCounts> & {
  average: { recall: number; precision: number; f1: number }
}
type InclusiveClusters = Pair[][]
interface GoldenCase {
  name: string
  documents: { key: InclusiveClusters; response: InclusiveClusters }[]
  official: Official
  lea: GoldenCounts
  python: Python
}
interface Golden {
  cases: GoldenCase[]
  scorerFiles: { name: string; key: string; response: string; official: Official }[]
}

const golden = (): Golden => JSON.parse(read('golden', 'coref', 'metrics.json'))

function sameCounts(actual: Counts, expected: GoldenCounts, what: string): void {
  for (const side of ['recall', 'precision'] as const) {
    close(actual[side].numerator, expected[side][0], 1e-9, `${what}, ${side} numerator`)
    assert.is(actual[side].denominator, expected[side][1], `${what}, ${side} denominator`)
  }
}

/** Printed per cent: equal, or one hundredth off where the fraction lies within 1e-9 of the step between the two. */
function samePercent(value: number, expected: number, what: string): void {
  const agree = [value, value - 1e-9, value + 1e-9].map(truncatedPercent).includes(expected)
  if (!agree) assert.is(truncatedPercent(value), expected, what)
}

function sameOfficial(actual: Scores, expected: Official, what: string): void {
  const sides = ['recall', 'precision', 'f1'] as const
  for (const name of ['mentions', 'muc', 'b3', 'ceafm', 'ceafe'] as const) {
    sameCounts(actual[name].counts, expected[name], `${what}, ${name}`)
    for (const [i, side] of sides.entries())
      samePercent(actual[name][side], expected[name].percent![i]!, `${what}, ${name}, printed ${side}`)
    close(actual[name].f1, expected[name].f1!, 1e-9, `${what}, ${name}, F1`)
  }
  const { blanc } = actual
  sameCounts(blanc.coreference.counts, expected.blanc.coreference, `${what}, links`)
  sameCounts(blanc.nonCoreference.counts, expected.blanc.nonCoreference, `${what}, other links`)
  for (const [i, side] of sides.entries()) {
    close(blanc[side], expected.blanc[side], 1e-9, `${what}, BLANC ${side}`)
    samePercent(blanc[side], expected.blanc.percent[i]!, `${what}, BLANC, printed ${side}`)
  }
  close(actual.conll.f1, expected.conll, 1e-9, `${what}, CoNLL`)
}

const halfOpen = (clusters: InclusiveClusters): Cluster[] =>
  clusters.map((mentions) => mentions.map(([first, last]) => [first, last + 1] as const))

const scored = ({ documents }: GoldenCase, convention: Convention): Scores =>
  scoreClusters(
    documents.map(({ key, response }) => ({ key: halfOpen(key), response: halfOpen(response) })),
    { convention },
  )

needsShared(test)('68 sets of documents score as by the official scorer and coval (LEA), fractions to 1e-9', () => {
  const { cases } = golden()
  assert.is(cases.length, 68)
  for (const one of cases) {
    const scores = scored(one, 'official')
    sameOfficial(scores, one.official, one.name)
    sameCounts(scores.lea.counts, one.lea, `${one.name}, LEA`)
    close(scores.lea.f1, one.lea.f1!, 1e-9, `${one.name}, LEA F1`)
  }
})

needsShared(test)('the same by the convention of coref-hoi', () => {
  for (const one of golden().cases) {
    const scores = scored(one, 'coref-hoi')
    for (const name of ['muc', 'b3', 'ceafe', 'lea'] as const) {
      sameCounts(scores[name].counts, one.python[name], `${one.name}, ${name}`)
      close(scores[name].f1, one.python[name].f1!, 1e-9, `${one.name}, ${name} F1`)
    }
    for (const side of ['recall', 'precision', 'f1'] as const)
      close(scores.conll[side], one.python.average[side], 1e-9, `${one.name}, average ${side}`)
  }
})

const scorerCase = (key: string, response: string) =>
  scoreFiles(
    { text: read('data', 'scorer-cases', key), file: key },
    { text: read('data', 'scorer-cases', response), file: response },
  )

needsShared(test)('the 36 files of the official scorer score as it scores them', () => {
  const { scorerFiles } = golden()
  assert.is(scorerFiles.length, 36)
  for (const { name, key, response, official } of scorerFiles) {
    const { scores, missing, unknown } = scorerCase(key, response)
    sameOfficial(scores, official, name)
    assert.equal([missing, unknown], [[], []])
  }
})

/** Rows of the table of cases: id, key, response and cells. */
const tableOfCases = (): string[][] =>
  read('spec', 'metrics.md')
    .split('\n')
    .filter((line) => /^\| [A-N]\d+ \| \{/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

/** `{a} {bc}` as clusters: letters are mentions. */
const lettered = (text: string): Cluster[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, letters]) =>
    [...letters!].map((letter) => [letter.charCodeAt(0), letter.charCodeAt(0) + 1] as const),
  )

function sameRow(scores: Scores, [id, , , mentions, muc, b3, ceafm, ceafe, blanc, lea]: string[]): void {
  const cells = { mentions, muc, b3, ceafm, ceafe, lea }
  for (const name of metricNames) {
    const [recall, precision] = cells[name]!.split(',').map((fraction) => fraction.split('/').map(Number) as Pair)
    for (const [side, expected] of Object.entries({ recall: recall!, precision: precision! })) {
      const actual = scores[name].counts[side as 'recall' | 'precision']
      close(actual.numerator, expected[0], 5e-4, `${id}, ${name}, ${side}`)
      assert.is(actual.denominator, expected[1], `${id}, ${name}, ${side}`)
    }
  }
  const values = [scores.blanc.recall, scores.blanc.precision, scores.blanc.f1]
  for (const [i, expected] of blanc!.split(',').entries())
    assert.ok(Math.abs(values[i]! - Number(expected)) <= 5.001e-6, `${id}, BLANC: ${values[i]} for ${expected}`)
}

needsShared(test)('the 36 rows of the table, from its letters and from the files', () => {
  const rows = tableOfCases()
  assert.is(rows.length, 36)
  for (const row of rows) {
    const [id, key, response] = row
    sameRow(scoreClusters([{ key: lettered(key!), response: lettered(response!) }]), row)
    const [, letter, number] = /^(\w)(\d+)$/.exec(id!)!
    sameRow(scorerCase(`TC-${letter}.key`, `TC-${letter}-${number}.response`).scores, row)
  }
})

needsShared(test)('a LitBank file is read with its empty columns, and is its own perfect response', () => {
  const file = shared('data', 'litbank', 'dev', '208_daisy_miller_a_study_brat.conll')
  const text = readFileSync(file, 'utf8')
  const [document] = parseScorerFile(text, { file })
  assert.ok(document!.tokens > 1000 && document!.entities.length > 10)
  const { scores } = scoreFiles({ text }, { text })
  for (const name of metricNames) assert.is(scores[name].f1, 1, name)
  assert.is(scores.blanc.f1, 1)
})

test.run()
