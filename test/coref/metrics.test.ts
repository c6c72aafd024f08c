/** Definitions and properties of the coreference metrics. */
import {
  type Cluster,
  countsOf,
  type Fraction,
  maximumAssignment,
  metricNames,
  quotient,
  type Scores,
  type Span,
  scoreClusters,
  scoresToJson,
  scoreTable,
  truncatedPercent,
} from '@antecedent/coref'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('coref metrics')

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${what}: ${actual} ≠ ${expected}`)

/** Mentions of a small document, each in one of some entities or in none. */
const side = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 0, maxLength: 9 }).map((owners): Cluster[] => {
  const clusters = new Map<number, Span[]>()
  for (const [i, owner] of owners.entries()) {
    if (owner >= 0) clusters.set(owner, [...(clusters.get(owner) ?? []), [i, i + 1 + (i % 3)]])
  }
  return [...clusters.values()]
})
const pair = fc.record({ key: side, response: side })
const documents = fc.array(pair, { minLength: 1, maxLength: 3 })

const all = (scores: Scores) => ({
  ...Object.fromEntries(metricNames.map((name) => [name, scores[name]])),
  blanc: scores.blanc,
  links: scores.blanc.coreference,
  otherLinks: scores.blanc.nonCoreference,
  conll: scores.conll,
})

test('all values lie in [0, 1], and no numerator exceeds its denominator', () => {
  fc.assert(
    fc.property(documents, fc.constantFrom('official' as const, 'coref-hoi' as const), (list, convention) => {
      const scores = scoreClusters(list, { convention })
      for (const { recall, precision, f1 } of Object.values(all(scores)))
        for (const x of [recall, precision, f1]) assert.ok(x >= 0 && x <= 1 + 1e-12)
      for (const name of metricNames)
        for (const { numerator, denominator } of Object.values(scores[name].counts) as Fraction[])
          assert.ok(numerator >= 0 && numerator <= denominator + 1e-12)
    }),
  )
})

test('mentions that either side repeats leave all values in [0, 1]', () => {
  const span = fc.integer({ min: 0, max: 4 }).map((i): Span => [i, i + 1])
  const clusters = fc.array(fc.array(span, { minLength: 1, maxLength: 3 }), { maxLength: 3 })
  fc.assert(
    fc.property(clusters, clusters, (key, response) => {
      for (const score of Object.values(all(scoreClusters([{ key, response }]))))
        for (const x of [score.recall, score.precision, score.f1]) assert.ok(x >= 0 && x <= 1 + 1e-12)
    }),
    { numRuns: 500 },
  )
})

test('key and response exchanged exchange recall and precision; BLANC too where both have both kinds of links', () => {
  fc.assert(
    fc.property(documents, (list) => {
      const scores = scoreClusters(list)
      const exchanged = scoreClusters(list.map(({ key, response }) => ({ key: response, response: key })))
      const { coreference, nonCoreference } = scores.blanc
      const hasBoth = [coreference, nonCoreference].every(
        ({ counts }) => counts.recall.denominator > 0 && counts.precision.denominator > 0,
      )
      for (const [name, score] of Object.entries(all(scores))) {
        if (name === 'blanc' && !hasBoth) continue
        const other = all(exchanged)[name as keyof ReturnType<typeof all>]!
        near(other.recall, score.precision, name)
        near(other.precision, score.recall, name)
        near(other.f1, score.f1, name)
      }
    }),
  )
})

test('the order of entities and of mentions, and where mentions stand, are without effect', () => {
  const orders = fc.array(fc.nat(1000), { minLength: 60, maxLength: 60 })
  fc.assert(
    fc.property(pair, orders, fc.nat(50), ({ key, response }, order, shift) => {
      let next = 0
      const shuffled = <T>(list: readonly T[]): T[] =>
        list
          .map((item) => [order[next++ % order.length]!, item] as const)
          .sort(([a], [b]) => a - b)
          .map(([, item]) => item)
      const moved = ([start, end]: Span): Span => [start + shift, end + shift]
      const change = (clusters: readonly Cluster[]) =>
        shuffled(clusters.map((mentions) => shuffled(mentions).map(moved)))
      const [before, after] = [
        scoreClusters([{ key, response }]),
        scoreClusters([{ key: change(key), response: change(response) }]),
      ]
      for (const [name, score] of Object.entries(all(before)))
        near(all(after)[name as keyof ReturnType<typeof all>]!.f1, score.f1, name)
    }),
  )
})

test('a response equal to the key scores 1, but for MUC where there are only singletons', () => {
  fc.assert(
    fc.property(side, (key) => {
      fc.pre(key.length > 0)
      const scores = scoreClusters([{ key, response: key }])
      const links = key.some((mentions) => mentions.length > 1)
      for (const name of metricNames) near(scores[name].f1, name === 'muc' && !links ? 0 : 1, name)
      near(scores.blanc.f1, key.flat().length === 1 ? 0 : 1, 'BLANC') // a single mention has no pair
      near(scores.conll.f1, links ? 1 : 2 / 3, 'CoNLL')
    }),
  )
})

test('numerators and denominators of documents add up', () => {
  fc.assert(
    fc.property(documents, (list) => {
      const whole = scoreClusters(list)
      const parts = list.map(({ key, response }) => countsOf(key, response))
      for (const name of metricNames)
        for (const kind of ['recall', 'precision'] as const)
          for (const part of ['numerator', 'denominator'] as const)
            near(
              whole[name].counts[kind][part],
              parts.reduce((sum, counts) => sum + counts[name][kind][part], 0),
              name,
            )
    }),
  )
})

// every metric by its definition, with sets and pairs of mentions, against the counts of overlaps

const names = (mentions: Cluster): Set<string> => new Set(mentions.map((span) => span.join()))
const common = (a: Cluster, b: Cluster): number => [...names(a)].filter((name) => names(b).has(name)).length
const pairsIn = (names: readonly string[]): string[] =>
  names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b].sort().join('+')))
const linksIn = (clusters: readonly Cluster[]): Set<string> =>
  new Set(clusters.flatMap((mentions) => pairsIn([...names(mentions)])))
const sum = <T>(list: readonly T[], term: (item: T) => number): number =>
  list.reduce((total, item) => total + term(item), 0)

const definitions = {
  mentions: (one: Cluster[], other: Cluster[]) => [common(one.flat(), other.flat()), one.flat().length],
  muc: (one: Cluster[], other: Cluster[]) => [
    sum(one, (mentions) => {
      const lonely = mentions.length - common(mentions, other.flat())
      return mentions.length - (other.filter((entity) => common(mentions, entity) > 0).length + lonely)
    }),
    sum(one, (mentions) => mentions.length - 1),
  ],
  b3: (one: Cluster[], other: Cluster[]) => [
    sum(one, (a) => sum(other, (b) => common(a, b) ** 2 / a.length)),
    one.flat().length,
  ],
  lea: (one: Cluster[], other: Cluster[]) => [
    sum(one, (a) => {
      if (a.length === 1) return other.some((b) => b.length === 1 && common(a, b) === 1) ? 1 : 0
      const links = pairsIn([...names(a)])
      return (a.length * links.filter((link) => linksIn(other).has(link)).length) / links.length
    }),
    one.flat().length,
  ],
} as const

test('mentions, MUC, B³ and LEA are as defined by sets', () => {
  fc.assert(
    fc.property(pair, ({ key, response }) => {
      const counts = countsOf(key, response)
      for (const [name, define] of Object.entries(definitions)) {
        const { recall, precision } = counts[name as keyof typeof definitions]
        for (const [actual, [numerator, denominator]] of [
          [recall, define(key, response)],
          [precision, define(response, key)],
        ] as const) {
          near(actual.numerator, numerator!, name)
          near(actual.denominator, denominator!, name)
        }
      }
    }),
  )
})

test('links of BLANC are as defined by sets of pairs', () => {
  fc.assert(
    fc.property(pair, ({ key, response }) => {
      const { coreference, nonCoreference } = countsOf(key, response).links
      const [inKey, inResponse] = [linksIn(key), linksIn(response)]
      const across = (clusters: Cluster[], links: Set<string>) =>
        new Set(pairsIn([...names(clusters.flat())]).filter((link) => !links.has(link)))
      const [apartInKey, apartInResponse] = [across(key, inKey), across(response, inResponse)]
      const both = (a: Set<string>, b: Set<string>) => [...a].filter((link) => b.has(link)).length
      assert.equal(coreference, {
        recall: { numerator: both(inKey, inResponse), denominator: inKey.size },
        precision: { numerator: both(inKey, inResponse), denominator: inResponse.size },
      })
      assert.equal(nonCoreference, {
        recall: { numerator: both(apartInKey, apartInResponse), denominator: apartInKey.size },
        precision: { numerator: both(apartInKey, apartInResponse), denominator: apartInResponse.size },
      })
    }),
  )
})

/** The best sum over all ways to give each row a column of its own, or none. */
function bestByTrying(weights: readonly (readonly number[])[], taken = 0): number {
  const [row, ...rest] = weights
  if (!row) return 0
  const choices = row.map((w, j) => (taken & (1 << j) ? 0 : w + bestByTrying(rest, taken | (1 << j))))
  return Math.max(bestByTrying(rest, taken), ...choices)
}

test('CEAF finds the best of all one-to-one alignments', () => {
  fc.assert(
    fc.property(pair, ({ key, response }) => {
      const counts = countsOf(key, response)
      const table = (similarity: (a: Cluster, b: Cluster) => number) =>
        bestByTrying(key.map((a) => response.map((b) => similarity(a, b))))
      near(counts.ceafm.recall.numerator, table(common), 'CEAFm')
      near(
        counts.ceafe.recall.numerator,
        table((a, b) => (2 * common(a, b)) / (a.length + b.length)),
        'CEAFe',
      )
      assert.equal(
        [counts.ceafm.recall.denominator, counts.ceafm.precision.denominator],
        [key.flat().length, response.flat().length],
      )
      assert.equal([counts.ceafe.recall.denominator, counts.ceafe.precision.denominator], [key.length, response.length])
    }),
  )
})

test('assignments are one to one and the best of all, for any shape of matrix', () => {
  const weights = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 6 })).chain(([rows, columns]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  )
  fc.assert(
    fc.property(weights, (matrix) => {
      const columnOf = [...maximumAssignment(matrix)]
      const assigned = columnOf.filter((j) => j >= 0)
      assert.is(columnOf.length, matrix.length)
      assert.is(assigned.length, Math.min(matrix.length, matrix[0]?.length ?? 0))
      assert.is(new Set(assigned).size, assigned.length)
      const total = columnOf.reduce((sum, j, i) => sum + (j < 0 ? 0 : matrix[i]![j]!), 0)
      assert.is(total, bestByTrying(matrix))
    }),
    { numRuns: 300 },
  )
})

test('assignments of negative weights still take every row', () => {
  assert.equal(
    [
      ...maximumAssignment([
        [-5, -1],
        [-1, -9],
      ]),
    ],
    [1, 0],
  )
  assert.equal([...maximumAssignment([[-3], [-2]])], [-1, 0])
  assert.equal([...maximumAssignment([])], [])
})

test('a response of thousands of entities is scored within seconds', () => {
  const clusters = (step: number): Cluster[] => {
    const owned: Span[][] = Array.from({ length: 1500 }, () => [])
    for (let i = 0; i < 6000; i++) owned[(i * step) % 1500]!.push([i, i + 1])
    return owned.filter((mentions) => mentions.length > 0)
  }
  const started = performance.now()
  const { ceafe } = scoreClusters([{ key: clusters(1), response: clusters(7) }])
  assert.ok(ceafe.recall > 0 && performance.now() - started < 10_000)
})

test('per cent are cut, not rounded, with the error of the product', () => {
  assert.equal([0.66666, 1, 0.80005, 0.57].map(truncatedPercent), [66.66, 100, 80, 56.99])
  assert.is(quotient({ numerator: 0, denominator: 0 }), 0)
})

test('the table has a line for each metric, the JSON per cent and counts', () => {
  const key: Cluster[] = [
    [[0, 1]],
    [
      [1, 2],
      [2, 3],
    ],
    [
      [3, 4],
      [4, 5],
      [5, 6],
    ],
  ]
  const scores = scoreClusters([
    {
      key,
      response: [
        [[0, 1]],
        [
          [3, 4],
          [4, 5],
        ],
      ],
    },
  ])
  const lines = scoreTable(scores).split('\n')
  assert.match(lines[3]!, /^B³ +\(2\.3333 \/ 6\) +38\.88% +\(3 \/ 3\) +100% +55\.99%$/)
  assert.match(lines.at(-2)!, /^CoNLL/)
  const json = scoresToJson(scores)
  assert.equal(json.muc.counts, { recall: [1, 3], precision: [1, 1] })
  near(json.conll, 100 * scores.conll.f1, 'conll')
  near(json.blanc.coreference.recall, 25, 'links')
})

test('an unknown convention names the known ones', () => {
  const call = () => scoreClusters([{ key: [], response: [] }], { convention: 'perl' as 'official' })
  assert.throws(call, /official, coref-hoi.*"perl"/)
})

test.run()
